"""A budget of tokens: told once, stored, and it stops nothing. With a real store and a real channel."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.alerts import announce, with_alert
from penstock.bootstrap import Penstock, build
from penstock.domain.pipelines import PipelineNote
from penstock.domain.states import PipelineStatus
from penstock.domain.usage import Caller
from penstock.ports import Headway
from pipeline_support import a_pipeline, paid, stored
from receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def within(folder: Path, receiver: Receiver, work: Callable[[Penstock], Awaitable[None]]) -> None:
    environ = {
        "HOME": str(folder),
        "PENSTOCK_HOME": str(folder / "state"),
        "PENSTOCK_NOTIFICATIONS_TARGETS": receiver.address,
    }

    async def whole() -> None:
        penstock = build(folder=folder, environ=environ)
        try:
            await work(penstock)
        finally:
            await penstock.close()

    asyncio.run(whole())


def test_a_budget_that_is_exceeded_is_told_once_and_stored(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[PipelineNote] = []

    async def work(penstock: Penstock) -> None:
        pipeline = await stored(penstock.parts, a_pipeline(token_budget=100))
        caller = Caller(project="demo", pipeline=pipeline.id, phase="pm_phase", role="pm")
        await paid(penstock.parts.ledger, caller, 60, 40)
        step = Headway(pipeline=pipeline)
        assert await with_alert(penstock.parts, step) == step
        await paid(penstock.parts.ledger, caller, 1, 0)
        told = await with_alert(penstock.parts, step)
        after = told.pipeline
        assert (after.alerted_tokens, after.alerted_at is not None) == (101, True)
        await penstock.parts.pipelines.commit(told)
        await announce(penstock.parts, told)
        heard.extend(told.notes)
        later = Headway(pipeline=after)
        assert await with_alert(penstock.parts, later) == later
        assert await penstock.parts.pipelines.load(pipeline.id) == after
        notes = penstock.parts.views.pipeline_notes(pipeline.id)
        assert [note["type"] for note in notes] == ["pipeline_created", "budget_alert"]
        alerts = penstock.parts.views.token_report(_any())["alerts"]
        assert [(one["pipeline_id"], one["budget_tokens"], one["used_tokens"]) for one in alerts] == [
            (pipeline.id, 100, 101)
        ]

    with caplog.at_level(logging.WARNING):
        within(tmp_path, receiver, work)
    assert [note.type for note in heard] == ["budget_alert"]
    assert [one["title"] for one in receiver.told] == ["EPIC-1 has used more tokens than its budget"]
    logged = [json.loads(record.message) for record in caplog.records if "budget_alert" in record.message]
    assert [(one["used_tokens"], one["budget_tokens"]) for one in logged] == [(101, 100)]


def _any():
    from penstock.ports.library import UsageFilter

    return UsageFilter()


def test_who_can_not_be_told_stops_nothing(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = 500

    async def work(penstock: Penstock) -> None:
        pipeline = await stored(penstock.parts, a_pipeline(token_budget=1))
        await paid(penstock.parts.ledger, Caller(project="demo", pipeline=pipeline.id), 60, 40)
        told = await with_alert(penstock.parts, Headway(pipeline=pipeline))
        await announce(penstock.parts, told)
        assert told.pipeline.alerted_tokens == 100

    within(tmp_path, receiver, work)


def test_the_end_of_a_pipeline_and_its_waiting_are_told(tmp_path: Path, receiver: Receiver) -> None:
    async def work(penstock: Penstock) -> None:
        pipeline = a_pipeline()
        for status in PipelineStatus:
            await announce(penstock.parts, Headway(pipeline=replace(pipeline, status=status, sentence="a reason")))

    within(tmp_path, receiver, work)
    assert [one["title"] for one in receiver.told] == [
        "EPIC-1 waits for your approval",
        "EPIC-1 is complete",
        "EPIC-1 has failed",
    ]
    assert "a reason" in receiver.told[0]["message"]
