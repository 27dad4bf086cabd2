"""Takes an epic of a bench to where it moves no more, in this process, and says what is stored of it then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from epic_bench import EpicBench

from penstock.adapters.clock import SystemClock
from penstock.bootstrap import Penstock, build
from penstock.domain.errors import PenstockError
from penstock.epics import EpicWish
from penstock.ports import Clock

MOST_PHASES = 14
Came = TypeVar("Came")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a pipeline stands, and what is stored of it."""

    pipeline: Mapping[str, Any]
    artifacts: Sequence[Mapping[str, Any]]
    issues: Sequence[Mapping[str, Any]]
    runs: Mapping[str, Mapping[str, Any]]
    verdicts: Mapping[str, Sequence[Mapping[str, Any]]]
    refused: str = ""
    """Why the last phase that was asked for came to nothing."""

    @property
    def way(self) -> list[str]:
        """What it went through."""
        return [str(move["to"]) for move in self.pipeline["phase_history"]]


class Later(SystemClock):
    """The machine's time, so many days from now."""

    def __init__(self, days: int) -> None:
        self._after = timedelta(days=days)

    def now(self) -> datetime:
        return super().now() + self._after


def begun(bench: EpicBench, wish: EpicWish) -> str:
    """A new pipeline's id."""

    async def create(penstock: Penstock) -> str:
        return (await penstock.epics.create(wish))[0]

    return asyncio.run(_with(bench, create))


def brought_on(bench: EpicBench, pipeline: str) -> Told:
    """The pipeline after as many phases as it goes through by itself."""

    async def work(penstock: Penstock) -> Told:
        refused = await _advanced(penstock, pipeline)
        return _told(penstock, pipeline, refused)

    return asyncio.run(_with(bench, work))


def replaced(bench: EpicBench, told: Told, kind: str, payload: Mapping[str, Any]) -> None:
    """A person's own artifact in place of one that is there."""

    async def put(penstock: Penstock) -> str:
        pipeline = str(told.pipeline["pipeline_id"])
        return await penstock.epics.put_artifact(pipeline, artifact_type=kind, payload=payload)

    asyncio.run(_with(bench, put))


def done_by(bench: EpicBench, work: Callable[[Penstock], Awaitable[Came]]) -> Came:
    """What a process of its own comes to."""
    return asyncio.run(_with(bench, work))


async def _with(bench: EpicBench, work: Callable[[Penstock], Awaitable[Came]], *, clock: Clock | None = None) -> Came:
    penstock = build(folder=bench.project, environ=bench.environ, clock=clock)
    try:
        return await work(penstock)
    finally:
        await penstock.close()


async def _advanced(penstock: Penstock, pipeline: str) -> str:
    for _ in range(MOST_PHASES):
        if penstock.epics.view(pipeline)["status"] != "active":
            break
        try:
            await penstock.epics.advance(pipeline)
        except PenstockError as refused:
            return refused.sentence
    return ""


def notes_of_a_phase(bench: EpicBench, pipeline: str, *, days: int) -> list[Mapping[str, Any]]:
    """What is told of the next phase, if it is performed so many days from now."""

    async def work(penstock: Penstock) -> list[Mapping[str, Any]]:
        await penstock.epics.advance(pipeline)
        return list(penstock.parts.views.pipeline_notes(pipeline))

    return asyncio.run(_with(bench, work, clock=Later(days)))


def asked(bench: EpicBench, phase: str) -> list[str]:
    """Each different thing that the model was asked at a phase, in order."""
    bodies = [json.dumps(one.body, ensure_ascii=False).replace("\\", "") for one in bench.models.requests]
    return list(dict.fromkeys(body for body in bodies if f'"phase":"{phase}"' in body))


def _told(penstock: Penstock, pipeline: str, refused: str) -> Told:
    views = penstock.parts.views
    runs = [one["run_id"] for one in views.runs(pipeline=pipeline)]
    return Told(
        pipeline=views.pipeline(pipeline),
        artifacts=list(views.artifacts_of(pipeline)),
        issues=list(views.issues(pipeline=pipeline)),
        runs={run: views.run(run) for run in runs},
        verdicts={run: list(views.verdicts(run)) for run in runs},
        refused=refused,
    )
