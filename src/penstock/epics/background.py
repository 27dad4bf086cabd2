"""Phases under way in this process: each is a task of its own, which nobody who waits for it can cancel."""

from __future__ import annotations

import asyncio
import logging

from penstock.domain.errors import PenstockError
from penstock.domain.pipelines import Pipeline
from penstock.epics.desk import House, Tell
from penstock.epics.performing import perform

LOG = logging.getLogger("penstock.epics")


class Background:
    """What this process performs."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._tasks: dict[str, asyncio.Task[Pipeline]] = {}

    def holds(self, pipeline_id: str) -> bool:
        """Whether something of a pipeline is under way here."""
        return pipeline_id in self._tasks

    def begin(self, pipeline_id: str, *, stays: bool, tell: Tell) -> asyncio.Task[Pipeline]:
        """Perform what is wanted of a pipeline."""
        performed = perform(self._house, pipeline_id, stays=stays, tell=tell)
        task = asyncio.create_task(performed, name=f"pipeline {pipeline_id}")
        self._tasks[pipeline_id] = task
        task.add_done_callback(lambda done: self._ended(pipeline_id, done))
        return task

    async def settled(self, pipeline_id: str) -> None:
        """Until what is under way of a pipeline has ended, whatever comes of it."""
        if task := self._tasks.get(pipeline_id):
            await asyncio.wait({task})

    async def close(self) -> None:
        """Stop everything: what is wanted stays wanted."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, pipeline_id: str, task: asyncio.Task[Pipeline]) -> None:
        if self._tasks.get(pipeline_id) is task:
            del self._tasks[pipeline_id]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, PenstockError):
            LOG.warning("phase_failed pipeline=%s: %s", pipeline_id, error.sentence)
        elif error is not None:
            LOG.error("phase_failed pipeline=%s", pipeline_id, exc_info=error)
