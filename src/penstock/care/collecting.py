"""The use case `gc`: goes through the list of garbage and removes each thing, with the proof that its run is at rest.

Stopped at any instant it has removed some things whole and the others not at all; the next one goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from penstock import disk
from penstock.care.cleaning import remove_worktree
from penstock.care.garbage import GRACE, Garbage, Item, find_garbage
from penstock.care.places import Known, place_of
from penstock.care.rest import EVERY_RUN, at_rest, known, opened_for
from penstock.domain.errors import PenstockError, UserError
from penstock.domain.states import TERMINAL_RUN
from penstock.engine.owner import RunIsOwned, owning
from penstock.engine.soundness import needed
from penstock.parts import Parts, ProjectParts
from penstock.ports import Loaded
from penstock.upkeep import CLONES, Kind

COLLECTED = "Kept before the worktree was removed by gc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What became of one thing."""

    item: Item
    removed: bool
    freed: int = 0
    """Of objects that are packed it is known only afterwards."""
    sentence: str = ""
    """Why it was left after all."""

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**self.item.as_json(), "removed": self.removed, "freed": self.freed, "sentence": self.sentence}


Told = Callable[[Collected], None]


async def collect(
    parts: Parts, *, older_than: int | None = None, dry_run: bool = False, told: Told | None = None
) -> tuple[Garbage, tuple[Collected, ...]]:
    """Remove what nobody needs any more, or only list it; each thing is told as soon as it is done."""
    if older_than is not None and older_than < 0:
        raise UserError(f"things older than {older_than} days were asked for; 0 or more are possible")
    garbage = await find_garbage(parts, older_than)
    done: list[Collected] = []
    for item in garbage.items:
        done.append(Collected(item=item, removed=False) if dry_run else await _removed(parts, item))
        if told is not None:
            told(done[-1])
    return garbage, tuple(done)


async def _removed(parts: Parts, item: Item) -> Collected:
    """One thing that can't be removed does not keep the others."""
    try:
        saved = await _remove(parts, item)
    except PenstockError as error:
        return Collected(item=item, removed=False, sentence=error.sentence)
    return Collected(item=item, removed=True, freed=item.remnant.size if saved is None else saved)


async def _remove(parts: Parts, item: Item) -> int | None:
    """Do it; the bytes that were freed, where that is known only now."""
    one = item.remnant
    if one.kind is Kind.REPORT:
        (parts.home / "logs" / one.name).unlink(missing_ok=True)
        return None
    if one.kind is Kind.SCRAP and not item.project.id:
        await asyncio.to_thread(disk.remove, parts.home / CLONES / one.name)
        return None
    if not one.run:
        async with opened_for(parts, item.project, None) as opened:
            if one.kind is Kind.OBJECTS:
                return await _pack(parts, opened, item)
            if one.kind in (Kind.ENVIRONMENT, Kind.CLONE):
                _must_be_idle(parts, item)
            await opened.remains.remove_shared(one)
            return None
    async with at_rest(parts, one.run) as proof:
        loaded = await known(parts, one.run, item.project.id)
        async with opened_for(parts, item.project, loaded) as opened:
            if item.place is not None:
                await remove_worktree(parts, opened, Known(place=item.place, loaded=loaded), COLLECTED)
            else:
                await opened.remains.remove(one, proof)
    return None


def _must_be_idle(parts: Parts, item: Item) -> None:
    """Whoever works now may have taken up an environment since it was found to be old."""
    for row in parts.views.runs(project=item.project.id, limit=EVERY_RUN):
        holder = parts.locks.holder(row["run_id"])
        if holder is not None:
            raise RunIsOwned(row["run_id"], holder)


async def _pack(parts: Parts, opened: ProjectParts, item: Item) -> int:
    """Pack the project's repository while nobody can take up one of its unfinished runs, whose commits are held."""
    runs = parts.views.runs(project=item.project.id, limit=EVERY_RUN)
    unfinished = [row["run_id"] for row in runs if row["status"] not in TERMINAL_RUN]
    async with AsyncExitStack() as locks:
        for run in unfinished:
            await locks.enter_async_context(owning(parts.locks, run))
            await _hold(opened, await parts.journal.load(run))
        return max(0, await opened.remains.pack(GRACE))  # a small pack with its index is bigger than its objects


async def _hold(opened: ProjectParts, loaded: Loaded) -> None:
    """Give every commit that an unfinished run may need a ref: a merge in the making has none of its own."""
    run = loaded.run
    first = place_of(loaded, run.plan.order[0].id)
    for commit in sorted(await opened.commits.unheld(set(needed(run)))):
        await opened.commits.hold(first, commit)
