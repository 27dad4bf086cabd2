"""The places of a project where workstreams work or worked, each with what the store says of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

from penstock.care.rest import known, opened_for
from penstock.domain.branches import branch_of
from penstock.domain.errors import UserError
from penstock.domain.plan import Workstream
from penstock.domain.run import Progress
from penstock.domain.states import IN_FLIGHT, TERMINAL_RUN, WorkstreamState
from penstock.engine import frozen
from penstock.parts import Parts, ProjectParts
from penstock.ports import Loaded, Place
from penstock.projects import Project


class Standing(StrEnum):
    """What a worktree is still good for."""

    NEEDED = "needed"
    """An unfinished run goes on in it."""
    FAILED = "failed"
    """Kept for inspection, for a time."""
    OVER = "over"
    """Its run has ended, and nobody looks at it any more."""
    ORPHANED = "orphaned"
    """Nobody's: of a run that the store does not know, or left by an owner that was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A place, and the run that it belongs to, if the store knows it."""

    place: Place
    loaded: Loaded | None

    @property
    def workstream(self) -> Workstream | None:
        """The workstream, if its run has one of that id."""
        if self.loaded is None or self.place.workstream not in self.loaded.run.plan.ranks:
            return None
        return self.loaded.run.plan.order[self.loaded.run.plan.rank_of(self.place.workstream)]

    @property
    def progress(self) -> Progress | None:
        """How far it has come."""
        if self.loaded is None or self.workstream is None:
            return None
        return self.loaded.run.progress(self.place.workstream)

    @property
    def standing(self) -> Standing:
        """What its worktree is still good for."""
        if self.loaded is None or self.progress is None:
            return Standing.ORPHANED
        if self.progress.state is WorkstreamState.FAILED:
            return Standing.FAILED
        if self.loaded.run.state in TERMINAL_RUN:
            return Standing.OVER
        return Standing.NEEDED if self.progress.state in IN_FLIGHT else Standing.ORPHANED


class NoSuchWorkstream(UserError):
    """No run of the project has a workstream of that id, or the run that was named has none."""


async def every_place(parts: Parts, project: Project) -> list[Known]:
    """All places with a folder or a record, by run."""
    async with opened_for(parts, project, None) as opened:
        runs = sorted({place.run for place in opened.worktrees.places()})
    found: list[Known] = []
    for run in runs:
        loaded = await known(parts, run, project.id)
        async with opened_for(parts, project, loaded) as opened:
            places = [place for place in opened.worktrees.places() if place.run == run]
            found += [Known(place=place, loaded=loaded) for place in places]
    return found


async def meant(parts: Parts, project: Project, workstream: str, run_id: str = "") -> Known:
    """The place of a workstream: in the run that is named, else in the newest run that has it."""
    newest = parts.views.runs(project=project.id, workstream=workstream, limit=1)
    for run in [run_id] if run_id else [row["run_id"] for row in newest]:
        loaded = await parts.journal.load(run)
        if workstream in loaded.run.plan.ranks:
            return Known(place=place_of(loaded, workstream), loaded=loaded)
    for one in await every_place(parts, project):
        if one.place.workstream == workstream and run_id in ("", one.place.run):
            return one
    where = f"run {run_id} has" if run_id else f"no run of {project.path.name} has"
    raise NoSuchWorkstream(
        f"{where} {'no' if run_id else 'a'} workstream {workstream!r}",
        hint="`penstock worktree-list` lists the worktrees, `penstock show-run RUN` the workstreams of a run",
    )


def place_of(loaded: Loaded, workstream: str) -> Place:
    """Where a workstream of a stored run works."""
    one = loaded.run.plan.order[loaded.run.plan.rank_of(workstream)]
    template = frozen.from_json(loaded.settings).settings.branch_template
    branch = branch_of(template, change=one.change, workstream=one.id, run=loaded.run.id)
    return Place(run=loaded.run.id, workstream=one.id, branch=branch)


def has_folder(opened: ProjectParts, place: Place) -> bool:
    """Whether there is anything where the worktree should be."""
    return os.path.lexists(opened.worktrees.folder(place))
