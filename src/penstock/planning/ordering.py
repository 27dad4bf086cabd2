"""In which order workstreams run: what must, what should, and what shares paths. The edges form no circle.

Bit sets of places in document order; an edge leads from a workstream to one that it waits for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.domain import dag
from penstock.domain.plan import Scope
from penstock.domain.scope import overlap_sets

Edges = list[set[int]]
"""For each place the places that it waits for."""


def circles(edges: Sequence[set[int]]) -> list[list[int]]:
    """Circles of places that wait for each other; none is left when all of these are broken."""
    graph = {str(place): [str(other) for other in sorted(others)] for place, others in enumerate(edges)}
    return [[int(name) for name in ring] for ring in dag.cycles(graph)]


class Order:
    """Edges without a circle, to which more are added as long as none comes of it."""

    def __init__(self, edges: Sequence[set[int]]) -> None:
        self.edges: Edges = [set() for _ in edges]
        self._before = [0] * len(edges)
        """For each place the bit set of all that it waits for, directly or not."""
        for place, others in enumerate(edges):
            for other in sorted(others):
                self.add(place, other)

    def is_ordered(self, one: int, other: int) -> bool:
        """Whether one of two waits for the other."""
        return bool(self._before[one] >> other & 1 or self._before[other] >> one & 1)

    def add(self, later: int, earlier: int) -> bool:
        """Let one wait for another; false if that other waits for it already."""
        if later == earlier or self._before[earlier] >> later & 1:
            return False
        self.edges[later].add(earlier)
        gained = self._before[earlier] | 1 << earlier
        for place, before in enumerate(self._before):
            if place == later or before >> later & 1:
                self._before[place] = before | gained
        return True


def order_overlaps(order: Order, scopes: Sequence[Scope], *, ignore_case: bool = False) -> Iterator[tuple[int, int]]:
    """Let those that share paths run one after another, as the document has them; tells each pair that was ordered."""
    for later, others in enumerate(overlap_sets(scopes, ignore_case=ignore_case)):
        for earlier in range(later - 1, -1, -1):
            if others >> earlier & 1 and not order.is_ordered(later, earlier):
                order.add(later, earlier)
                yield later, earlier
