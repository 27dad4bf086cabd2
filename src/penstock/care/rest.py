"""Who may touch what a run left: only who holds its lock, and what is removed for good only once the run has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.config.settings import Settings
from penstock.domain.errors import PenstockError, UserError
from penstock.domain.states import TERMINAL_RUN
from penstock.engine.owner import owning
from penstock.parts import Parts, ProjectParts
from penstock.ports import Loaded
from penstock.projects import Project, checkout_files, committed_files
from penstock.upkeep import AtRest

EVERY_RUN = 1_000_000


class RunIsUnfinished(UserError):
    """A run that has not ended was about to lose something."""

    def __init__(self, run_id: str, status: str) -> None:
        super().__init__(
            f"run {run_id} is {status}, and nothing of an unfinished run is removed",
            hint=f"go on with `penstock resume {run_id}`, or end it with `penstock cancel {run_id}`",
        )


def status_of(parts: Parts, run_id: str) -> str | None:
    """The state of a run, or None for one that the store does not know."""
    try:
        return str(parts.views.run(run_id)["status"])
    except UserError:
        return None


@asynccontextmanager
async def at_rest(parts: Parts, run_id: str) -> AsyncIterator[AtRest]:
    """Hold the lock of a run that has ended or is unknown; the proof of it is true within."""
    async with owning(parts.locks, run_id):
        status = status_of(parts, run_id)
        if status is not None and status not in TERMINAL_RUN:
            raise RunIsUnfinished(run_id, status)
        yield AtRest(run=run_id)


async def known(parts: Parts, run_id: str, project: str) -> Loaded | None:
    """A run of a project as the store has it, or None."""
    if status_of(parts, run_id) is None:
        return None
    loaded = await parts.journal.load(run_id)
    return loaded if loaded.project == project else None


def settings_here(parts: Parts, project: Project) -> Settings:
    """A project's settings as its checkout has them, else the user's own: for looking after what was left."""
    try:
        return parts.settings(checkout_files(project.path))
    except (PenstockError, OSError):
        return parts.settings({})


@asynccontextmanager
async def opened_for(parts: Parts, project: Project, loaded: Loaded | None) -> AsyncIterator[ProjectParts]:
    """The ports of a project with the settings of a run, as far as its base commit is still there."""
    settings = settings_here(parts, project)
    if loaded is not None:
        async with parts.project(project.id, project.path, settings) as opened:
            base = loaded.run.base
            if opened.mending.has_repository() and await opened.commits.trees([base]):
                settings = parts.settings(await committed_files(opened, base))
    async with parts.project(project.id, project.path, settings) as opened:
        yield opened
