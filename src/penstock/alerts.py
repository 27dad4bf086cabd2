"""Tells the user what needs them: a pipeline over its budget, at its end, or waiting. Nothing here stops work."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

from penstock.domain.pipelines import Pipeline, PipelineNote
from penstock.domain.states import PipelineStatus
from penstock.parts import Parts
from penstock.ports.library import Headway

_log = logging.getLogger(__name__)

ALERT = "budget_alert"
_EVENTS = {
    PipelineStatus.WAITING: ("approval_asked", "waits for your approval"),
    PipelineStatus.COMPLETE: ("pipeline_completed", "is complete"),
    PipelineStatus.FAILED: ("pipeline_failed", "has failed"),
}


async def with_alert(parts: Parts, progress: Headway) -> Headway:
    """The same step, with the word that more tokens than the budget are used, the first time that this is so.

    It is stored with the step, and told only then: better told never than again and again.
    """
    pipeline = progress.pipeline
    if pipeline.alerted_at is not None or not pipeline.token_budget:
        return progress
    used = await asyncio.to_thread(parts.views.pipeline_tokens, pipeline.id)
    if used <= pipeline.token_budget:
        return progress
    now = parts.clock.now()
    note = PipelineNote(type=ALERT, payload={"budget_tokens": pipeline.token_budget, "used_tokens": used}, at=now)
    after = replace(pipeline, alerted_at=now, alerted_tokens=used)
    return replace(progress, pipeline=after, notes=(*progress.notes, note))


async def announce(parts: Parts, progress: Headway) -> None:
    """Log, and tell the user's channels, what a step that is stored holds for them; mostly nothing."""
    for note in progress.notes:
        if note.type == ALERT:
            await _alert(parts, progress.pipeline, note)
    if progress.pipeline.status in _EVENTS:
        await _standing(parts, progress.pipeline)


async def _alert(parts: Parts, pipeline: Pipeline, note: PipelineNote) -> None:
    used, budget = note.payload["used_tokens"], note.payload["budget_tokens"]
    _log.warning(json.dumps({"event": ALERT, "pipeline": pipeline.id, **note.payload}))
    await parts.notifier.notify(
        ALERT,
        f"{pipeline.epic_id} has used more tokens than its budget",
        f"The pipeline {pipeline.id} of {pipeline.project} has used {used:,} tokens; its budget is {budget:,}. It goes "
        f"on: see `penstock token-report --pipeline {pipeline.id}`.",
    )


async def _standing(parts: Parts, pipeline: Pipeline) -> None:
    event, words = _EVENTS[pipeline.status]
    why = f": {pipeline.sentence}" if pipeline.sentence else ""
    told = f"The pipeline {pipeline.id} of {pipeline.project} {words}{why}. See `penstock epic show {pipeline.id}`."
    await parts.notifier.notify(event, f"{pipeline.epic_id} {words}", told)
