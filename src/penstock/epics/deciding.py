"""What a person decides of a pipeline between two phases: each decision is one step, stored before anybody else
decides or performs anything of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from penstock.alerts import announce
from penstock.domain.pipelines import Pipeline, PipelineNote, approval_asked, approved, failed
from penstock.domain.states import PipelineStatus, Reason
from penstock.epics import wishes
from penstock.epics.asked import AdvanceRefused, PipelineIsBusy
from penstock.parts import Parts
from penstock.ports import Headway, Held, Holder

LOOKS, LOOK_EVERY = 50, 0.1
"""How often, and how many seconds apart, a pipeline is asked for that somebody else still holds."""


async def want(parts: Parts, pipeline_id: str, phase: str) -> bool:
    """Ask that a phase be performed: false where it is asked already, has another phase by now, or waits."""
    async with _claimed(parts, pipeline_id) as pipeline:
        if pipeline.status is not PipelineStatus.ACTIVE:
            return False
        note = PipelineNote(type="phase_wanted", payload={"phase": phase}, at=parts.clock.now())
        return await parts.pipelines.want(pipeline_id, phase, note)


async def ask_for_approval(parts: Parts, pipeline_id: str, sentence: str) -> None:
    """Have it wait for a person."""

    def decided(pipeline: Pipeline) -> Headway | None:
        if pipeline.wanted:
            raise _performed(pipeline)
        if pipeline.status is not PipelineStatus.ACTIVE:
            return None
        now = parts.clock.now()
        note = PipelineNote(type="approval_asked", payload={"phase": pipeline.phase, "why": sentence}, at=now)
        return Headway(pipeline=approval_asked(pipeline, now, sentence), notes=(note,))

    await _decide(parts, pipeline_id, decided)


async def approve(parts: Parts, pipeline_id: str, *, by: str, note: str) -> tuple[Pipeline, str]:
    """Let its phase be performed; the pipeline then, and the phase."""

    def decided(pipeline: Pipeline) -> Headway:
        now = parts.clock.now()
        told = PipelineNote(type="approved", payload=_said(parts, pipeline, by, note), at=now)
        return Headway(pipeline=approved(pipeline, now), notes=(told,))

    return await _decide(parts, pipeline_id, decided)


async def reject(parts: Parts, pipeline_id: str, *, by: str, note: str) -> tuple[Pipeline, str]:
    """End it; the pipeline then, and the phase that it ended in."""

    def decided(pipeline: Pipeline) -> Headway:
        now, said = parts.clock.now(), _said(parts, pipeline, by, note)
        why = f": {said['note']}" if said["note"] else ""
        sentence = f"{pipeline.phase} was not approved{why}"
        moved = failed(pipeline, now, Reason.CANCELLED, sentence)
        told = PipelineNote(type="pipeline_failed", payload={**said, "sentence": sentence}, at=now)
        return Headway(pipeline=moved.pipeline, transitions=(moved.transition,), notes=(told,))

    return await _decide(parts, pipeline_id, decided)


async def _decide(
    parts: Parts, pipeline_id: str, decided: Callable[[Pipeline], Headway | None]
) -> tuple[Pipeline, str]:
    """Store what is decided of the pipeline as it stands, if anything is; the pipeline then, and its phase before."""
    async with _claimed(parts, pipeline_id) as pipeline:
        progress = decided(pipeline)
        if progress is None:
            return pipeline, pipeline.phase
        await parts.pipelines.commit(progress)
    await announce(parts, progress)
    return progress.pipeline, pipeline.phase


def _said(parts: Parts, pipeline: Pipeline, by: str, note: str) -> dict[str, str]:
    redact = parts.redactor.redact
    return {
        "phase": pipeline.phase,
        "by": redact(by)[: wishes.LONGEST_ID],
        "note": redact(note)[: wishes.LONGEST_WISH],
    }


@asynccontextmanager
async def _claimed(parts: Parts, pipeline_id: str) -> AsyncIterator[Pipeline]:
    """For one decision: nobody else decides or performs anything of the pipeline until it is stored."""
    held = await _held(parts, pipeline_id)
    try:
        yield await parts.pipelines.claim(pipeline_id)
    finally:
        held.release()


async def _held(parts: Parts, pipeline_id: str) -> Held:
    for _ in range(LOOKS):
        pipeline = await parts.pipelines.load(pipeline_id)
        if pipeline.is_over:
            raise AdvanceRefused(f"pipeline {pipeline_id} has ended: it is {pipeline.state}")
        held = await parts.locks.acquire(pipeline_id)
        if not isinstance(held, Holder):
            return held
        if pipeline.wanted:
            raise _performed(pipeline)
        await asyncio.sleep(LOOK_EVERY)  # another decision is being stored, or a phase that is over is being told
    raise PipelineIsBusy(f"pipeline {pipeline_id} is being worked on")


def _performed(pipeline: Pipeline) -> PipelineIsBusy:
    return PipelineIsBusy(f"{pipeline.phase} of pipeline {pipeline.id} is being performed")
