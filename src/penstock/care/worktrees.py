"""The use cases that list, show and make worktrees."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from penstock.care.cleaning import forget_lost_end
from penstock.care.places import Known, every_place, has_folder, meant
from penstock.care.rest import opened_for
from penstock.domain.changes import Change
from penstock.domain.errors import UserError
from penstock.domain.states import ENDED, TERMINAL_RUN
from penstock.engine.owner import owning
from penstock.parts import Parts, ProjectParts
from penstock.projects import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class WorktreeInfo:
    """What is known of one worktree; `clean` is None where there is nothing to compare."""

    ws_id: str
    run_id: str
    path: str
    branch: str
    base_branch: str
    exists: bool
    clean: bool | None
    last_commit: str | None
    status_summary: str

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


class NothingWorksThere(UserError):
    """A worktree was asked for that no step would ever use."""


async def listed(parts: Parts, project: Project) -> list[WorktreeInfo]:
    """All worktrees of a project."""
    found = []
    for one in await every_place(parts, project):
        async with opened_for(parts, project, one.loaded) as opened:
            found.append(await _described(parts, opened, one))
    return found


async def status(parts: Parts, project: Project, workstream: str, run_id: str) -> WorktreeInfo:
    """One worktree, there or not."""
    one = await meant(parts, project, workstream, run_id)
    async with opened_for(parts, project, one.loaded) as opened:
        return await _described(parts, opened, one)


async def _described(parts: Parts, opened: ProjectParts, one: Known) -> WorktreeInfo:
    trees, place = opened.worktrees, one.place
    start, kept, exists = trees.start(place), trees.snapshot(place), has_folder(opened, place)
    clean, words = None, "not there" if not exists else "nobody knows what it started from"
    if exists and start and await opened.commits.trees([start]):
        look = await trees.look(place, start, ())
        clean, words = not look.changes, _in_words(look.changes, len(look.litter), start)
    holder = parts.locks.holder(place.run)
    worked_on = f"; run {place.run} is worked on by process {holder.pid} on {holder.host}" if holder else ""
    state = one.progress.state.value if one.progress is not None else "unknown to the store"
    return WorktreeInfo(
        ws_id=place.workstream,
        run_id=place.run,
        path=str(trees.folder(place)),
        branch=place.branch,
        base_branch=one.loaded.run.branch if one.loaded is not None else "",
        exists=exists,
        clean=clean,
        last_commit=kept[1] if kept else start,
        status_summary=f"{state}: {words}{worked_on}",
    )


def _in_words(changes: tuple[Change, ...], litter: int, start: str) -> str:
    if not changes:
        said = f"as it started from {start[:12]}"
    else:
        created = sum(change.is_created for change in changes)
        deleted = sum(change.is_deleted for change in changes)
        changed = len(changes) - created - deleted
        counts = ((changed, "changed"), (created, "created"), (deleted, "deleted"))
        said = f"{', '.join(f'{count} {word}' for count, word in counts if count)} since {start[:12]}"
    return f"{said}, {litter} ignored" if litter else said


async def initialised(parts: Parts, project: Project, run_id: str, workstream: str) -> tuple[WorktreeInfo, bool]:
    """Make the worktree in which a workstream will work, as its next step would find it; whether it was made now.

    One that is there already is left as it is.
    """
    async with owning(parts.locks, run_id):
        one = await meant(parts, project, workstream, run_id)
        if one.loaded is None or one.progress is None:
            raise NothingWorksThere(f"run {run_id} is not stored: no workstream of it will ever work")
        run = one.loaded.run
        if run.state in TERMINAL_RUN or one.progress.state in ENDED:
            over = f"run {run_id} is {run.state.value}, {workstream} is {one.progress.state.value}"
            raise NothingWorksThere(
                f"{over}: nothing would work in its worktree",
                hint=f"a failed workstream begins anew with `penstock reset-workstream {run_id} {workstream}`",
            )
        async with opened_for(parts, project, one.loaded) as opened:
            is_new = not has_folder(opened, one.place)
            if is_new:
                forget_lost_end(opened, one)
                await opened.workspace.prepare(
                    one.place, one.progress.start or one.progress.base or run.head or run.base
                )
            return await _described(parts, opened, one), is_new
