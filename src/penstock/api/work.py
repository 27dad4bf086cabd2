"""The runs that this server works on, in the background of its requests. What it works on is in the store, not here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from penstock.bootstrap import Penstock
from penstock.domain.errors import PenstockError
from penstock.domain.run import Run
from penstock.domain.states import RunState
from penstock.engine.owner import RunIsOwned
from penstock.ports.journal import MOST_UNFINISHED
from penstock.submission import SERVER

LOG = logging.getLogger("penstock.api")


class Works:
    """Runs under way. For the loop of the server alone."""

    def __init__(self, penstock: Penstock) -> None:
        self._penstock = penstock
        self._tasks: dict[str, asyncio.Task[Run]] = {}

    def begin(self, run_id: str) -> None:
        """Bring a run on in the background, unless that is done already."""
        if run_id in self._tasks:
            return
        task = asyncio.create_task(self._penstock.service.work(run_id, stays=True), name=f"run {run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(lambda done: self._ended(run_id, done))

    async def go_on(self, run_id: str) -> None:
        """Bring a run on if it is under way, nobody works on it, and it is no round of a pipeline."""
        view = await asyncio.to_thread(self._penstock.parts.views.run, run_id)
        is_own = not view["pipeline_id"]
        if is_own and view["status"] == RunState.RUNNING and self._penstock.service.holder(run_id) is None:
            self.begin(run_id)

    async def take_up(self) -> list[str]:
        """Begin with every run that is under way, or that a server was to begin with, and that nobody works on: after
        a restart. Paused ones rest, and so do those that others have stored and not begun. Those whose repository is in
        another home are left to whoever has it.
        """
        views, projects = self._penstock.parts.views, self._penstock.projects
        rows = await asyncio.to_thread(views.runs, is_unfinished=True, limit=MOST_UNFINISHED)
        found = [
            str(row["run_id"])
            for row in reversed(rows)
            if _is_to_be_worked_on(row)
            and not row["pipeline_id"]
            and projects.is_kept_here(row["project"])
            and self._penstock.service.holder(row["run_id"]) is None
        ]
        for run_id in found:
            self.begin(run_id)
        return found

    async def close(self) -> None:
        """Let go of every run; whoever takes it up next goes on from its last finished step."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, run_id: str, task: asyncio.Task[Run]) -> None:
        del self._tasks[run_id]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, RunIsOwned):
            return
        if isinstance(error, PenstockError):
            LOG.warning("run_not_worked_on run=%s: %s", run_id, error.sentence)
        elif error is not None:
            LOG.error("run_not_worked_on run=%s", run_id, exc_info=error)


def _is_to_be_worked_on(row: Mapping[str, Any]) -> bool:
    is_promised = row["status"] == RunState.PENDING and row["metadata"].get("begun_by") == SERVER
    return bool(is_promised or row["status"] == RunState.RUNNING)
