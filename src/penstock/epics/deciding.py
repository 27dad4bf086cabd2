"""What a person decides of a pipeline between two phases: each decision is one claim and one step that is stored."""

from __future__ import annotations

from penstock.alerts import announce
from penstock.domain.pipelines import Pipeline, PipelineNote, approval_asked, approved, failed
from penstock.domain.states import PipelineStatus, Reason
from penstock.engine.owner import RunIsOwned, owning
from penstock.epics import wishes
from penstock.epics.asked import AdvanceRefused, PipelineIsBusy
from penstock.parts import Parts
from penstock.ports import Headway


async def ask_for_approval(parts: Parts, pipeline_id: str, sentence: str) -> None:
    """Have it wait for a person."""
    pipeline = await _claimed(parts, pipeline_id)
    if pipeline.status is PipelineStatus.ACTIVE:
        now = parts.clock.now()
        note = PipelineNote(type="approval_asked", payload={"phase": pipeline.phase, "why": sentence}, at=now)
        progress = Headway(pipeline=approval_asked(pipeline, now, sentence), notes=(note,))
        await parts.pipelines.commit(progress)
        await announce(parts, progress)


async def approve(parts: Parts, pipeline_id: str, *, by: str, note: str) -> tuple[Pipeline, str]:
    """Let its phase be performed; the pipeline then, and the phase."""
    pipeline = await _claimed(parts, pipeline_id)
    now = parts.clock.now()
    told = PipelineNote(type="approved", payload=_said(parts, pipeline, by, note), at=now)
    after = approved(pipeline, now)
    await parts.pipelines.commit(Headway(pipeline=after, notes=(told,)))
    return after, pipeline.phase


async def reject(parts: Parts, pipeline_id: str, *, by: str, note: str) -> tuple[Pipeline, str]:
    """End it; the pipeline then, and the phase that it ended in."""
    pipeline = await _claimed(parts, pipeline_id)
    now, said = parts.clock.now(), _said(parts, pipeline, by, note)
    why = f": {said['note']}" if said["note"] else ""
    sentence = f"{pipeline.phase} was not approved{why}"
    moved = failed(pipeline, now, Reason.CANCELLED, sentence)
    told = PipelineNote(type="pipeline_failed", payload={**said, "sentence": sentence}, at=now)
    progress = Headway(pipeline=moved.pipeline, transitions=(moved.transition,), notes=(told,))
    await parts.pipelines.commit(progress)
    await announce(parts, progress)
    return moved.pipeline, pipeline.phase


def _said(parts: Parts, pipeline: Pipeline, by: str, note: str) -> dict[str, str]:
    redact = parts.redactor.redact
    return {
        "phase": pipeline.phase,
        "by": redact(by)[: wishes.LONGEST_ID],
        "note": redact(note)[: wishes.LONGEST_WISH],
    }


async def _claimed(parts: Parts, pipeline_id: str) -> Pipeline:
    """For one decision that is stored at once: whoever takes it over meanwhile makes that one fail."""
    pipeline = await parts.pipelines.load(pipeline_id)
    if pipeline.is_over:
        raise AdvanceRefused(f"pipeline {pipeline_id} has ended: it is {pipeline.state}")
    try:
        async with owning(parts.locks, pipeline_id):
            return await parts.pipelines.claim(pipeline_id)
    except RunIsOwned:
        raise PipelineIsBusy(f"{pipeline.phase} of pipeline {pipeline_id} is being performed") from None
