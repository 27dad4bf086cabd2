"""Trees of patterns, and how one pattern finds all those that hold a path with it. Owners are bit sets of its users.

Nothing is missed and nothing is guessed: what is found has a path that both patterns hold.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import cycle

from penstock.domain.patterns import SPAN, Segments, segments_meet

_LAST = "\U0010ffff"


class Names:
    """The names below one node, found by how they begin and end up to their wildcards."""

    __slots__ = ("by_head", "by_tail")

    def __init__(self, names: Sequence[str]) -> None:
        ends = [(_head(name), _head(name[::-1]), name) for name in names]
        self.by_head = _Sorted(ends)
        self.by_tail = _Sorted([(tail, head, name) for head, tail, name in ends])

    def meeting(self, segment: str) -> Iterator[str]:
        """The names that some text fits as well as `segment`."""
        head, tail = _head(segment), _head(segment[::-1])
        names = min(self.by_head.near(head, tail), self.by_tail.near(tail, head), key=_count)
        for ordered, start, stop in names:
            yield from (name for _, _, name in ordered[start:stop] if segments_meet(segment, name))


Span = tuple[Sequence[tuple[str, str, str]], int, int]


def _count(spans: Sequence[Span]) -> int:
    return sum(stop - start for _, start, stop in spans)


def _head(segment: str) -> str:
    """The letters before the first wildcard; a name without any ends with a mark, for nothing may follow."""
    for place, letter in enumerate(segment):
        if letter in "*?":
            return segment[:place]
    return segment + "\0"


class _Sorted:
    """Names in the order of one end, and of the other end where the first is the same."""

    __slots__ = ("firsts", "names", "seconds")

    def __init__(self, names: Sequence[tuple[str, str, str]]) -> None:
        self.names = sorted(names)
        self.firsts = frozenset(first for first, _, _ in names)
        self.seconds = frozenset(second for _, second, _ in names)

    def near(self, first: str, second: str) -> list[Span]:
        """Where the names stand whose two ends may go on as these, or these as they."""
        spans = [self._span((first,), (first + _LAST,))]
        shorter = [second[:size] for size in range(len(second)) if second[:size] in self.seconds]
        for size in range(len(first)):
            start = first[:size]
            if start in self.firsts:
                spans.append(self._span((start, second), (start, second + _LAST)))
                spans += [self._span((start, end), (start, end, _LAST)) for end in shorter]
        return spans

    def _span(self, start: tuple[str, ...], stop: tuple[str, ...]) -> Span:
        return self.names, bisect_left(self.names, start), bisect_left(self.names, stop)


class Node:
    """One place of a tree: what ends here, what lies below, and where a `**` leads."""

    __slots__ = ("children", "is_span", "names", "owners", "span", "union")

    def __init__(self, *, is_span: bool = False) -> None:
        self.children: dict[str, Node] = {}
        self.span: Node | None = None
        self.is_span = is_span
        self.owners = 0
        self.union = 0
        self.names: Names | None = None

    def next(self, segment: str) -> Node:
        """The node that a segment leads to, made if need be."""
        if segment == SPAN:
            self.span = self.span or Node(is_span=True)
            return self.span
        return self.children.setdefault(segment, Node())

    def all_children(self) -> Iterator[Node]:
        """What lies one segment further, through a `**` too."""
        yield from self.children.values()
        if self.span is not None:
            yield self.span

    def meeting(self, segment: str) -> Iterator[Node]:
        """The children whose segment has a text in common with this one."""
        if len(self.children) < 4:
            yield from (child for name, child in self.children.items() if segments_meet(segment, name))
            return
        if self.names is None:
            self.names = Names(tuple(self.children))
        yield from (self.children[name] for name in self.names.meeting(segment))


class Tree:
    """All patterns of one kind, each with the set of scopes that use it."""

    __slots__ = ("_known", "is_sealed", "root")

    def __init__(self) -> None:
        self.root = Node()
        self._known: dict[tuple[int, Segments], int] = {}
        self.is_sealed = False

    def add(self, segments: Segments, owners: int) -> None:
        """Put a pattern in, with the set of those that use it."""
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

    def walk(self, segments: Segments, start: Node | None = None, first: int = 0) -> Iterator[int]:
        """Step by step, the scopes found so far whose pattern here has a path in common with these segments."""
        if not self.is_sealed:
            self._seal()
        found, stack, seen = 0, [iter([(start or self.root, first)])], set[tuple[int, int]]()
        while stack:
            node, at = next(stack[-1], (None, 0))
            if node is None:
                stack.pop()
                continue
            if (id(node), at) in seen:
                continue
            seen.add((id(node), at))
            is_shared = node.is_span or (at < len(segments) - 1 and segments[at] == SPAN and at > first)
            if is_shared and len(seen) > 1:
                for more in self._below(segments, node, at):
                    yield found | more
                found |= self._known[id(node), segments[at:]]
                continue
            if at == len(segments):
                found |= node.owners
            elif segments[at] == SPAN and at == len(segments) - 1:
                found |= node.union
            stack.append(_onward(node, segments, at))
            yield found

    def _below(self, segments: Segments, node: Node, at: int) -> Iterator[int]:
        """What the rest of a pattern finds where a `**` of either side begins: remembered, for many ask the same."""
        found = self._known.get((id(node), segments[at:]))
        if found is None:
            found = 0
            for step in self.walk(segments, node, at):
                found = step
                yield found
            self._known[id(node), segments[at:]] = found
        yield found


def _onward(node: Node, segments: Segments, at: int) -> Iterator[tuple[Node, int]]:
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


class Forest:
    """Three trees, so that no pattern has to walk all of a tree because of where its `**` stands.

    Patterns that end in `**` hold everything below: to meet one, a pattern with a `**` of its own needs only a start
    in common. The others stand forwards and backwards: a `**` is best approached from the side that knows more, and
    which that is shows by walking from both until one arrives.
    """

    __slots__ = ("backward", "forward", "open_ended")

    def __init__(self) -> None:
        self.open_ended, self.forward, self.backward = Tree(), Tree(), Tree()

    def add(self, segments: Segments, owners: int) -> None:
        """Put a pattern in, with the set of those that use it; all go in before the first question."""
        if segments[-1] == SPAN:
            self.open_ended.add(segments, owners)
        else:
            self.forward.add(segments, owners)
            self.backward.add(segments[::-1], owners)

    def meeting(self, segments: Segments) -> int:
        """All who use a pattern that has a path in common with these segments."""
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
