"""Which scopes share a path: found by walking trees of all patterns, never by comparing scopes pair by pair.

Sets of scopes are integers used as bit sets: bit `i` is the scope at place `i`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from penstock.domain.pattern_tree import Forest
from penstock.domain.patterns import Segments, compiled
from penstock.domain.plan import Scope


def overlap_sets(scopes: Sequence[Scope], *, ignore_case: bool = False) -> list[int]:
    """For each scope the bit set of the other scopes that share a path with it."""
    return _sets(scopes, _met(scopes, ignore_case), ignore_case)


def _met(scopes: Sequence[Scope], ignore_case: bool) -> dict[Segments, int]:
    """For each pattern the bit set of the scopes that have one with a path in common with it."""
    owners: dict[Segments, int] = {}
    for place, scope in enumerate(scopes):
        for pattern in scope.patterns:
            segments = compiled(pattern, ignore_case=ignore_case)
            owners[segments] = owners.get(segments, 0) | 1 << place
    forest = Forest()
    for segments, users in owners.items():
        forest.add(segments, users)
    return {segments: forest.meeting(segments) for segments in owners}


def _sets(scopes: Sequence[Scope], met: Mapping[Segments, int], ignore_case: bool) -> list[int]:
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
    met = _met(scopes, ignore_case)
    for place, others in enumerate(_sets(scopes, met, ignore_case)):
        later = others & ~(excused[place] if excused else 0)
        later = later >> (place + 1) << (place + 1)
        while later:
            if limit is not None and len(found) >= limit:
                return found
            lowest = later & -later
            other = lowest.bit_length() - 1
            patterns = scopes[place].patterns
            mine = next(one for one in patterns if met[compiled(one, ignore_case=ignore_case)] & lowest)
            found.append((place, other, mine, _meeting(mine, scopes[other].patterns, ignore_case)))
            later ^= lowest
    return found


def _meeting(mine: str, theirs: Sequence[str], ignore_case: bool) -> str:
    same = mine if mine in theirs else None  # mostly, and soon found out
    return same or next(one for one in theirs if patterns_meet(mine, one, ignore_case=ignore_case))


@lru_cache(maxsize=1 << 14)
def patterns_meet(left: str, right: str, *, ignore_case: bool = False) -> bool:
    """True when some path is held by both patterns."""
    forest = Forest()
    forest.add(compiled(right, ignore_case=ignore_case), 1)
    return bool(forest.meeting(compiled(left, ignore_case=ignore_case)))
