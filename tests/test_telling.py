"""Requests that a run's owner judges, told while it works: taken once, answered, and a refusal is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from penstock.domain.claims import ClaimedAttempt, ClaimedError, ClaimedEvent
from penstock.domain.decision import Note
from penstock.domain.events import Claimed, MoveAsked
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Run, Step
from penstock.domain.states import RunState
from penstock.service import OwnerIsSilent
from penstock.submission import Submission
from service_support import SETTINGS, Desk, awaited, bundle

REVIEWED = 'approvals = ["review"]\n' + SETTINGS


@awaited
async def test_an_owner_at_work_takes_claims_and_moves_and_says_what_it_refuses(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, bundle("ws-a"), settings=REVIEWED).trusted()
    run_id = (await penstock.service.submit(Submission())).run_id
    view, waits = penstock.parts.views, asyncio.Event()

    def watch(_: Run, notes: Sequence[Note]) -> None:
        if any(note.type == "approval_requested" for note in notes):
            waits.set()

    working = asyncio.create_task(penstock.service.work(run_id, stays=True, watch=watch))
    await waits.wait()
    at = penstock.parts.clock.now()
    claims = (
        ClaimedEvent(name="looked_at"),
        ClaimedError(step=Step.EDIT, code="timeout", text="slow"),
        ClaimedAttempt(step=Step.EDIT, status="failed", started_at=at, completed_at=at),
    )
    await penstock.service.tell(run_id, Claimed(workstream="ws-a", claims=claims))
    with pytest.raises(EventRefused, match="by what its steps find"):
        await penstock.service.tell(run_id, MoveAsked(to="done", workstream="ws-a"))
    with pytest.raises(EventRefused, match="can't go from reviewing to pending"):
        await penstock.service.tell(run_id, MoveAsked(to="pending", workstream="ws-a"))
    await penstock.service.tell(run_id, MoveAsked(to="integrating", workstream="ws-a"))
    assert (await working).state is RunState.COMPLETED
    kinds = [event["event_type"] for event in view.events(run_id)]
    assert (kinds.count("looked_at"), kinds.count("illegal_transition")) == (1, 1)
    assert [error["count"] for error in view.errors(run_id)] == [1]
    assert [attempt["round"] for attempt in view.attempts(run_id) if attempt["step"] == "edit"] == [1, -1]
    await penstock.close()


@awaited
async def test_an_owner_that_does_not_answer_is_named_and_the_request_stays(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, bundle("ws-a")).trusted()
    run_id = (await penstock.service.submit(Submission())).run_id
    held = await penstock.parts.locks.acquire(run_id)
    with pytest.raises(OwnerIsSilent, match="was not taken within 0 seconds"):
        await penstock.service.tell(run_id, Claimed(claims=(ClaimedEvent(name="looked_at"),)), seconds=0)
    held.release()  # type: ignore[union-attr]
    assert (await penstock.service.work(run_id)).state is RunState.COMPLETED
    assert "looked_at" in [event["event_type"] for event in penstock.parts.views.events(run_id)]
    await penstock.close()
