"""One phase of one pipeline, performed by whoever holds the pipeline's lock. A kill at any instant is harmless: what
was asked is stored before it is asked, what was answered before it is read, and a move is one transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import assert_never

from penstock.accounts import Spender, give_caps
from penstock.alerts import announce, with_alert
from penstock.config.sections import BudgetSettings
from penstock.domain.errors import Bug, PenstockError
from penstock.domain.phases import PhaseKind
from penstock.domain.pipelines import STOPPED, Pipeline, PipelineNote
from penstock.engine.owner import RunIsOwned, owning
from penstock.epics import asking, delivering, developing, judging
from penstock.epics.asked import PipelineIsBusy
from penstock.epics.deciding import LOOK_EVERY, LOOKS
from penstock.epics.desk import Desk, House, Tell
from penstock.ports import Headway


async def perform(house: House, pipeline_id: str, *, stays: bool, tell: Tell) -> Pipeline:
    """Perform the phase that is wanted, if one is; the pipeline as it is then."""
    for _ in range(LOOKS):
        try:
            async with owning(house.parts.locks, pipeline_id):
                return await _perform(house, pipeline_id, stays=stays, tell=tell)
        except RunIsOwned:
            await asyncio.sleep(LOOK_EVERY)  # whoever performed the phase before may be about to let go
    raise PipelineIsBusy(f"pipeline {pipeline_id} is being worked on already")


async def _perform(house: House, pipeline_id: str, *, stays: bool, tell: Tell) -> Pipeline:
    pipeline = await house.parts.pipelines.claim(pipeline_id)
    await house.parts.ledger.settle_lost_of_pipeline(pipeline_id)
    if pipeline.is_over or pipeline.wanted != pipeline.phase:
        return pipeline
    try:
        async with house.desk(pipeline, stays=stays, tell=tell) as desk:
            spender = Spender(project=pipeline.project, pipeline=pipeline_id)
            await give_caps(desk.parts.ledger, desk.opened.settings.node(BudgetSettings), spender)
            return await _by_kind(desk)
    except PenstockError as error:
        await _failed(house, pipeline, error, tell)
        raise
    except Exception as error:  # a bug that is told as one, and not performed again at each start
        unforeseen = Bug(f"{pipeline.phase} met an error that nobody foresaw ({type(error).__name__})")
        await _failed(house, pipeline, unforeseen, tell)
        raise


async def _by_kind(desk: Desk) -> Pipeline:
    match desk.options.kind:
        case PhaseKind.ASK:
            return await asking.perform(desk)
        case PhaseKind.RUN:
            return await developing.perform(desk)
        case PhaseKind.JUDGE:
            return await judging.perform(desk)
        case PhaseKind.DELIVER:
            return await delivering.perform(desk)
        case kind:
            assert_never(kind)


async def _failed(house: House, claimed: Pipeline, error: PenstockError, tell: Tell) -> None:
    """It stands where it stood, and that somebody asked is answered. What was under way has ended; where no answer is
    to blame, it is gone on with when somebody asks again, so that none of its answers is paid twice. OwnershipLost, and
    nothing of this, where another process has claimed it since.
    """
    parts = house.parts
    pipeline = replace(await parts.pipelines.load(claimed.id), generation=claimed.generation)
    now, words = parts.clock.now(), parts.redactor.redact(error.sentence)[:2000]
    attempts = await parts.pipelines.attempts(claimed.id)
    under_way = next((one for one in reversed(attempts) if one.ended_at is None), None)
    goes_on = under_way and error.retryable and await parts.pipelines.answers(under_way.id)
    outcome = STOPPED if goes_on else "failed"
    ended = under_way and replace(under_way, ended_at=now, outcome=outcome, sentence=words)
    told = PipelineNote(type="phase_failed", payload={"phase": pipeline.phase, "sentence": words}, at=now)
    progress = Headway(pipeline=replace(pipeline, wanted="", updated_at=now), attempt=ended or None, notes=(told,))
    progress = await with_alert(parts, progress)
    await asyncio.shield(parts.pipelines.commit(progress))
    for note in progress.notes:
        tell(note)
    await announce(parts, progress)
