"""Whose acceptance a batch may have touched: asked of each merged tree where a project does not want everybody's."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.domain.ranked import RankedPlan
from penstock.domain.ranks import RankSet


def touched(plan: RankedPlan, members: Iterable[int]) -> RankSet:
    """The members, whoever shares paths with one of them, and all that they were built upon."""
    bits, to_visit = 0, list(members)
    for rank in to_visit:
        bits |= plan.conflicts[rank].bits
    built_upon: set[int] = set()
    while to_visit:
        rank = to_visit.pop()
        if rank not in built_upon:
            built_upon.add(rank)
            to_visit.extend(plan.dependencies[rank])
    return RankSet(bits) | RankSet.of(built_upon)
