"""The last rung: a lenient reader's guess at JSON with small faults. For metadata only, never for code, and only where
nothing that was written gets lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import json_repair

from penstock.planning.rungs import count_keys, from_first_object, is_cut

LONGEST_REPAIRED = 64 << 10


def repaired(text: str) -> Mapping[str, Any] | None:
    """The one object that a whole text seems to mean; None where that is nothing, several, or less than was written."""
    written = from_first_object(text)
    if not written or len(written) > LONGEST_REPAIRED or is_cut(written):
        return None
    try:
        value = json_repair.loads(written, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) and _count(value) >= count_keys(written) else None


def _count(value: object) -> int:
    """The keys of an object and of all within it."""
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            count += len(one)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return count
