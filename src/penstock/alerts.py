"""Tells the user what needs them: a pipeline over its budget, at its end, or waiting. Nothing here stops work."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace

from penstock.domain.pipelines import Pipeline, PipelineNote
from penstock.domain.states import PipelineStatus
from penstock.parts import Parts
from penstock.ports.library import Progress

_log = logging.getLogger(__name__)

_EVENTS = {
    PipelineStatus.WAITING: ("approval_asked", "waits for your approval"),
    PipelineStatus.COMPLETE: ("pipeline_completed", "is complete"),
    PipelineStatus.FAILED: ("pipeline_failed", "has failed"),
}


async def watch_budget(parts: Parts, pipeline: Pipeline, tell: Callable[[PipelineNote], None]) -> Pipeline:
    """Store, log and tell that a pipeline has used more tokens than its budget, the first time; the pipeline after it.

    Called by who owns the pipeline. It is stored before anybody is told: better told never than again and again.
    """
    if pipeline.alerted_at is not None or not pipeline.token_budget:
        return pipeline
    used = await asyncio.to_thread(parts.views.pipeline_tokens, pipeline.id)
    if used <= pipeline.token_budget:
        return pipeline
    now = parts.clock.now()
    facts = {"budget_tokens": pipeline.token_budget, "used_tokens": used}
    note = PipelineNote(type="budget_alert", payload=facts, at=now)
    after = replace(pipeline, alerted_at=now, alerted_tokens=used, updated_at=now)
    await parts.pipelines.commit(Progress(pipeline=after, notes=(note,)))
    _log.warning(json.dumps({"event": "budget_alert", "pipeline": pipeline.id, **facts}))
    tell(note)
    await parts.notifier.notify(
        "budget_alert",
        f"{pipeline.epic_id} has used more tokens than its budget",
        f"The pipeline {pipeline.id} of {pipeline.project} has used {used:,} tokens; its budget is "
        f"{pipeline.token_budget:,}. It goes on: see `penstock token-report --pipeline {pipeline.id}`.",
    )
    return after


async def announce(parts: Parts, pipeline: Pipeline) -> None:
    """Tell the user's channels that a pipeline has come to its end or waits for a person; else nothing."""
    if pipeline.status in _EVENTS:
        event, words = _EVENTS[pipeline.status]
        why = f": {pipeline.sentence}" if pipeline.sentence else ""
        told = f"The pipeline {pipeline.id} of {pipeline.project} {words}{why}. See `penstock epic show {pipeline.id}`."
        await parts.notifier.notify(event, f"{pipeline.epic_id} {words}", told)
