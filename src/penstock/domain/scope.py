"""The door to everything about scopes: which paths a pattern holds, which scopes overlap, what a diff may not hold.

Pure: it sees paths as text and never touches a disk.
"""

from __future__ import annotations

from penstock.domain.diff_rules import judge, judge_litter
from penstock.domain.overlap import overlap_sets, overlaps, patterns_meet
from penstock.domain.patterns import BadPattern, fault_of, is_literal, matches, matches_any, normalise
from penstock.domain.protected import ProtectedPaths

__all__ = [
    "BadPattern",
    "ProtectedPaths",
    "fault_of",
    "is_literal",
    "judge",
    "judge_litter",
    "matches",
    "matches_any",
    "normalise",
    "overlap_sets",
    "overlaps",
    "patterns_meet",
]
