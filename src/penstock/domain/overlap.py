"""Which scopes share a path: found by walking trees of all patterns, never by comparing scopes pair by pair.

Sets of scopes are integers used as bit sets: bit `i` is the scope at place `i`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

from penstock.domain.pattern_tree import Forest
from penstock.domain.patterns import Segments, compiled
from penstock.domain.plan import Scope


def overlap_sets(scopes: Sequence[Scope], *, ignore_case: bool = False) -> list[int]:
    """For each scope the bit set of the other scopes that share a path with it."""
    owners: dict[Segments, int] = {}
    for place, scope in enumerate(scopes):
        for pattern in scope.patterns:
            segments = compiled(pattern, ignore_case=ignore_case)
            owners[segments] = owners.get(segments, 0) | 1 << place
    forest = Forest()
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
    forest = Forest()
    forest.add(compiled(right, ignore_case=ignore_case), 1)
    return bool(forest.meeting(compiled(left, ignore_case=ignore_case)))
