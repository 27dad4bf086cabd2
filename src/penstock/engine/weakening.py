"""Which tests a change makes say less: the domain's counting over the contents that the repository holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from penstock.domain.changes import EXECUTABLE, REGULAR, Change
from penstock.domain.weakening import may_hold_tests, weakened
from penstock.engine.context import Context

MOST_FILES = 100
MOST_BYTES = 256 * 1024
"""A bigger file is not read as text: it is named."""


async def of_changes(context: Context, base: str, commit: str, changes: Sequence[Change]) -> tuple[str, ...]:
    """What tests say less in a commit than in its base, in words for the reviewer. New files weaken nothing."""
    asked = [change for change in changes if change.old_mode in (REGULAR, EXECUTABLE) and may_hold_tests(change.path)]
    found: list[str] = []
    for change in asked[:MOST_FILES]:
        found += await _of_change(context, base, commit, change)
    if len(asked) > MOST_FILES:
        found.append(f"{len(asked) - MOST_FILES} more test files were changed and not compared")
    return tuple(found)


async def _of_change(context: Context, base: str, commit: str, change: Change) -> tuple[str, ...]:
    before = await context.history.read(base, change.path) or b""
    is_file = change.new_mode in (REGULAR, EXECUTABLE)
    after = await context.history.read(commit, change.path) if is_file else None
    if max(len(before), len(after or b"")) > MOST_BYTES:
        return (f"{change.path}: too big to be compared",)
    text = None if after is None else after.decode("utf-8", "replace")
    return await asyncio.to_thread(weakened, change.path, before.decode("utf-8", "replace"), text)
