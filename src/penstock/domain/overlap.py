"""Which scopes share a path: found by walking trees of all patterns, never by comparing scopes pair by pair.

Sets of scopes are integers used as bit sets: bit `i` is the scope at place `i`. Nothing is missed; what is reported has
a path that both patterns hold.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import cycle, product

from penstock.domain.patterns import SPAN, Segments, compiled, segments_meet
from penstock.domain.plan import Scope

_LAST = "\U0010ffff"


class _Names:
    """The names below one node, found by how they begin or end."""

    __slots__ = ("by_head", "by_tail", "heads", "tails")

    def __init__(self, names: Sequence[str]) -> None:
        self.by_head = sorted((_head(name), name) for name in names)
        self.by_tail = sorted((_head(name[::-1]), name) for name in names)
        self.heads = frozenset(head for head, _ in self.by_head)
        self.tails = frozenset(tail for tail, _ in self.by_tail)

    def meeting(self, segment: str) -> Iterator[str]:
        """The names that some text fits as well as `segment`."""
        heads = _spans(self.by_head, self.heads, _head(segment))
        tails = _spans(self.by_tail, self.tails, _head(segment[::-1]))
        ordered, spans = min(
            ((self.by_head, heads), (self.by_tail, tails)), key=lambda one: sum(stop - start for start, stop in one[1])
        )
        for start, stop in spans:
            yield from (name for _, name in ordered[start:stop] if segments_meet(segment, name))


def _head(segment: str) -> str:
    """The letters before the first wildcard; a name without any ends with a mark, for nothing may follow."""
    for place, letter in enumerate(segment):
        if letter in "*?":
            return segment[:place]
    return segment + "\0"


def _spans(ordered: Sequence[tuple[str, str]], known: frozenset[str], head: str) -> list[tuple[int, int]]:
    """Where the heads stand that begin with `head`, and those with which `head` begins."""
    shorter = (head[:size] for size in range(len(head)) if head[:size] in known)
    spans = [(bisect_left(ordered, (start, "")), bisect_left(ordered, (start, _LAST))) for start in shorter]
    return [*spans, (bisect_left(ordered, (head, "")), bisect_left(ordered, (head + _LAST, "")))]


class _Node:
    """One place of a tree: what ends here, what lies below, and where a `**` leads."""

    __slots__ = ("children", "is_span", "names", "owners", "span", "union")

    def __init__(self, *, is_span: bool = False) -> None:
        self.children: dict[str, _Node] = {}
        self.span: _Node | None = None
        self.is_span = is_span
        self.owners = 0
        self.union = 0
        self.names: _Names | None = None

    def next(self, segment: str) -> _Node:
        """The node that a segment leads to, made if need be."""
        if segment == SPAN:
            self.span = self.span or _Node(is_span=True)
            return self.span
        return self.children.setdefault(segment, _Node())

    def all_children(self) -> Iterator[_Node]:
        """What lies one segment further, through a `**` too."""
        yield from self.children.values()
        if self.span is not None:
            yield self.span

    def meeting(self, segment: str) -> Iterator[_Node]:
        """The children whose segment has a text in common with this one."""
        if len(self.children) < 4:
            yield from (child for name, child in self.children.items() if segments_meet(segment, name))
            return
        if self.names is None:
            self.names = _Names(tuple(self.children))
        yield from (self.children[name] for name in self.names.meeting(segment))


class _Tree:
    """All patterns of one kind, each with the set of scopes that use it."""

    __slots__ = ("is_sealed", "root")

    def __init__(self) -> None:
        self.root = _Node()
        self.is_sealed = False

    def add(self, segments: Segments, owners: int) -> None:
        node = self.root
        for segment in segments:
            node = node.next(segment)
        node.owners |= owners

    def _seal(self) -> None:
        """Say at each node who lies at it or below."""
        order, stack = [], [self.root]
        while stack:
            node = stack.pop()
            order.append(node)
            stack.extend(node.all_children())
        for node in reversed(order):
            node.union = node.owners
            for child in node.all_children():
                node.union |= child.union
        self.is_sealed = True

    def walk(self, segments: Segments) -> Iterator[int]:
        """Step by step, the scopes found so far whose pattern here has a path in common with these segments."""
        if not self.is_sealed:
            self._seal()
        found, stack, seen = 0, [(self.root, 0)], set[tuple[int, int]]()
        while stack:
            node, at = stack.pop()
            if (id(node), at) in seen:
                continue
            seen.add((id(node), at))
            if at == len(segments):
                found |= node.owners
            elif segments[at] == SPAN and at == len(segments) - 1:
                found |= node.union
            stack.extend(_onward(node, segments, at))
            yield found


def _onward(node: _Node, segments: Segments, at: int) -> Iterator[tuple[_Node, int]]:
    """Where the walk of one pattern through the tree may go from here."""
    if node.span is not None:
        yield node.span, at
    if at == len(segments):
        return
    if segments[at] == SPAN:
        if at < len(segments) - 1:
            yield node, at + 1
            yield from ((child, at) for child in node.children.values())
        return
    if node.is_span:
        yield node, at + 1
    yield from ((child, at + 1) for child in node.meeting(segments[at]))


class _Forest:
    """Three trees, so that no pattern has to walk all of a tree because of where its `**` stands.

    Patterns that end in `**` hold everything below: to meet one, a pattern with a `**` of its own needs only a start
    in common. The others stand forwards and backwards: a `**` is best approached from the side that knows more, and
    which that is shows by walking from both until one arrives.
    """

    __slots__ = ("backward", "forward", "open_ended")

    def __init__(self) -> None:
        self.open_ended, self.forward, self.backward = _Tree(), _Tree(), _Tree()

    def add(self, segments: Segments, owners: int) -> None:
        if segments[-1] == SPAN:
            self.open_ended.add(segments, owners)
        else:
            self.forward.add(segments, owners)
            self.backward.add(segments[::-1], owners)

    def meeting(self, segments: Segments) -> int:
        if SPAN not in segments:
            return _last(self.open_ended.walk(segments)) | _last(self.forward.walk(segments))
        found = _last(self.open_ended.walk(segments[: segments.index(SPAN) + 1]))
        if segments[-1] == SPAN:
            return found | _last(self.forward.walk(segments))
        return found | _last_of_quicker(self.forward.walk(segments), self.backward.walk(segments[::-1]))


def _last(walk: Iterator[int]) -> int:
    return deque(walk, maxlen=1)[0]


def _last_of_quicker(*walks: Iterator[int]) -> int:
    found = [0] * len(walks)
    for place in cycle(range(len(walks))):
        step = next(walks[place], None)
        if step is None:
            return found[place]
        found[place] = step
    raise AssertionError("a cycle has no end")


def overlap_sets(scopes: Sequence[Scope], *, ignore_case: bool = False) -> list[int]:
    """For each scope the bit set of the other scopes that share a path with it."""
    owners: dict[Segments, int] = {}
    for place, scope in enumerate(scopes):
        for pattern in scope.patterns:
            segments = compiled(pattern, ignore_case=ignore_case)
            owners[segments] = owners.get(segments, 0) | 1 << place
    forest = _Forest()
    for segments, users in owners.items():
        forest.add(segments, users)
    met = {segments: forest.meeting(segments) for segments in owners}
    sets = []
    for place, scope in enumerate(scopes):
        found = 0
        for pattern in scope.patterns:
            found |= met[compiled(pattern, ignore_case=ignore_case)]
        sets.append(found & ~(1 << place))
    return sets


def overlaps(
    scopes: Sequence[Scope],
    *,
    ignore_case: bool = False,
    excused: Sequence[int] | None = None,
    limit: int | None = None,
) -> list[tuple[int, int, str, str]]:
    """The pairs of scopes that share a path, with a pattern of each; `excused` are the bit sets of those that may."""
    found: list[tuple[int, int, str, str]] = []
    for place, others in enumerate(overlap_sets(scopes, ignore_case=ignore_case)):
        later = others & ~(excused[place] if excused else 0)
        later = later >> (place + 1) << (place + 1)
        while later:
            if limit is not None and len(found) >= limit:
                return found
            lowest = later & -later
            other = lowest.bit_length() - 1
            found.append((place, other, *_meeting_patterns(scopes[place], scopes[other], ignore_case=ignore_case)))
            later ^= lowest
    return found


def _meeting_patterns(left: Scope, right: Scope, *, ignore_case: bool) -> tuple[str, str]:
    return next(
        (mine, theirs)
        for mine, theirs in product(left.patterns, right.patterns)
        if patterns_meet(mine, theirs, ignore_case=ignore_case)
    )


@lru_cache(maxsize=1 << 14)
def patterns_meet(left: str, right: str, *, ignore_case: bool = False) -> bool:
    """True when some path is held by both patterns."""
    forest = _Forest()
    forest.add(compiled(right, ignore_case=ignore_case), 1)
    return bool(forest.meeting(compiled(left, ignore_case=ignore_case)))
