"""The graph of a plan: what waits for what. An edge leads from a name to the names before it.

Pure and iterative: a chain of ten thousand is no deeper for us than one of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from penstock.domain.errors import UserError

Edges = Mapping[str, Iterable[str]]


class MissingDependency(UserError, ValueError):
    """Something waits for a name that the plan does not hold."""

    def __init__(self, missing: tuple[tuple[str, str], ...]) -> None:
        self.missing = missing
        pairs = ", ".join(f"{name} -> {other}" for name, other in missing)
        super().__init__(
            f"the plan names what it does not hold: {pairs}", hint="add it, or take it out of `depends_on`"
        )


class PlanHasCycle(UserError, ValueError):
    """Some names wait for each other."""

    def __init__(self, cycles: tuple[tuple[str, ...], ...]) -> None:
        self.cycles = cycles
        paths = "; ".join(" -> ".join(cycle) for cycle in cycles)
        super().__init__(f"the plan waits for itself: {paths}", hint="take one dependency out of each cycle")


def missing(edges: Edges) -> tuple[tuple[str, str], ...]:
    """Each name with a name before it that isn't there, in order."""
    return tuple(
        (name, other) for name, others in edges.items() for other in dict.fromkeys(others) if other not in edges
    )


def cycles(edges: Edges, *, limit: int = 100) -> tuple[tuple[str, ...], ...]:
    """Cycles named path by path, each once, from its first name back to it; none is left when all of these are broken.

    With more than `limit` of them the rest stays unsaid: breaking these shows the next.
    """
    found: dict[tuple[str, ...], None] = {}
    done: set[str] = set()
    for root in edges:
        path: dict[str, int] = {}
        stack: list[tuple[str, Iterator[str]]] = [] if root in done else [(root, iter(_known(edges, root)))]
        while stack and len(found) < limit:
            name, others = stack[-1]
            path.setdefault(name, len(path))
            other = next(others, None)
            if other is None:
                stack.pop()
                del path[name]
                done.add(name)
            elif other in path:
                found[_from_least(list(path)[path[other] :])] = None
            elif other not in done:
                stack.append((other, iter(_known(edges, other))))
    return tuple(found)


def _known(edges: Edges, name: str) -> list[str]:
    return [other for other in dict.fromkeys(edges[name]) if other in edges]


def _from_least(ring: list[str]) -> tuple[str, ...]:
    start = ring.index(min(ring))
    turned = ring[start:] + ring[:start]
    return (*turned, turned[0])


def order(edges: Edges) -> tuple[str, ...]:
    """Every name after all names before it, else as the plan has them; missing names and cycles raise."""
    absent = missing(edges)
    if absent:
        raise MissingDependency(absent)
    places = {name: place for place, name in enumerate(edges)}
    names, after = list(edges), _after(edges)
    open_count = {name: len(_known(edges, name)) for name in edges}
    ready = [places[name] for name, count in open_count.items() if not count]
    heapify(ready)
    ordered = []
    while ready:
        name = names[heappop(ready)]
        ordered.append(name)
        for other in after[name]:
            open_count[other] -= 1
            if not open_count[other]:
                heappush(ready, places[other])
    if len(ordered) < len(places):
        raise PlanHasCycle(cycles(edges))
    return tuple(ordered)


def _after(edges: Edges) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {name: [] for name in edges}
    for name in edges:
        for other in _known(edges, name):
            after[other].append(name)
    return after


def chains_behind(edges: Edges) -> dict[str, int]:
    """How many names wait behind each, along the longest chain; 0 for one for which nobody waits."""
    lengths = dict.fromkeys(edges, 0)
    for name in reversed(order(edges)):
        for other in edges[name]:
            lengths[other] = max(lengths[other], lengths[name] + 1)
    return lengths


def effective_gates(gates: Mapping[str, int], edges: Edges) -> dict[str, int]:
    """Each name's gate: its own, and at least the highest of what it waits for."""
    effective: dict[str, int] = {}
    for name in order(edges):
        effective[name] = max([gates[name], *(effective[other] for other in edges[name])])
    return {name: effective[name] for name in edges}


@dataclass(frozen=True, slots=True)
class Ancestry:
    """Who is ordered before whom, by bit sets of places in the plan."""

    places: Mapping[str, int]
    ancestors: tuple[int, ...]
    """For each place the bit set of all places that it waits for, directly or not."""
    descendants: tuple[int, ...]

    @classmethod
    def of(cls, edges: Edges) -> Ancestry:
        """The ancestry of a graph; missing names and cycles raise."""
        places = {name: place for place, name in enumerate(edges)}
        ordered, after = order(edges), _after(edges)
        above, below = [0] * len(places), [0] * len(places)
        for name in ordered:
            for other in edges[name]:
                above[places[name]] |= above[places[other]] | 1 << places[other]
        for name in reversed(ordered):
            for other in after[name]:
                below[places[name]] |= below[places[other]] | 1 << places[other]
        return cls(places, tuple(above), tuple(below))

    def is_ancestor(self, earlier: str, later: str) -> bool:
        """True when a chain leads from `later` back to `earlier`."""
        return bool(self.ancestors[self.places[later]] >> self.places[earlier] & 1)

    def is_ordered(self, one: str, other: str) -> bool:
        """True when one of the two waits for the other."""
        return self.is_ancestor(one, other) or self.is_ancestor(other, one)

    def ordered_with(self) -> list[int]:
        """For each place the bit set of all that a chain orders before or after it."""
        return [above | below for above, below in zip(self.ancestors, self.descendants, strict=True)]
