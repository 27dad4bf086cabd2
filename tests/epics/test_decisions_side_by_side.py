"""Decisions about one pipeline at the same time: each is stored, or refused with what is true. With a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from penstock.bootstrap import Penstock, build
from penstock.domain.pipelines import Pipeline
from penstock.domain.states import PipelineStatus
from penstock.epics import deciding
from penstock.epics.asked import AdvanceRefused, PipelineIsBusy
from penstock.ports import Holder
from pipeline_support import a_pipeline, stored
from service_support import awaited


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[Penstock, Pipeline]]:
    """Penstock with one stored pipeline."""
    penstock = build(folder=folder, environ={"HOME": str(folder), "PENSTOCK_HOME": str(folder / "state")})
    try:
        yield penstock, await stored(penstock.parts, a_pipeline())
    finally:
        await penstock.close()


@awaited
async def test_who_approves_takes_nothing_back_that_was_asked_meanwhile(tmp_path: Path) -> None:
    async with house(tmp_path) as (penstock, _):
        for _ in range(20):
            pipeline = await stored(penstock.parts, a_pipeline())
            asked = deciding.want(penstock.parts, pipeline.id, pipeline.phase)
            approving = deciding.approve(penstock.parts, pipeline.id, by="", note="")
            was_asked, _ = await asyncio.gather(asked, approving)
            after = await penstock.parts.pipelines.load(pipeline.id)
            assert (was_asked, after.wanted, after.approved) == (True, "pm_phase", ("pm_phase",))


@awaited
async def test_all_who_ask_at_once_have_it_wait_for_approval_and_nobody_is_told_it_were_performed(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as (penstock, pipeline):
        asking = (deciding.ask_for_approval(penstock.parts, pipeline.id, "look at it") for _ in range(4))
        await asyncio.gather(*asking)
        await asyncio.gather(*(deciding.approve(penstock.parts, pipeline.id, by="", note="") for _ in range(3)))
        kinds = [note["type"] for note in penstock.parts.views.pipeline_notes(pipeline.id)]
        assert kinds == ["pipeline_created", "approval_asked", "approved", "approved", "approved"]


@awaited
async def test_what_waits_for_a_person_is_not_wanted(tmp_path: Path) -> None:
    async with house(tmp_path) as (penstock, pipeline):
        await deciding.ask_for_approval(penstock.parts, pipeline.id, "look at it")
        assert not await deciding.want(penstock.parts, pipeline.id, pipeline.phase)
        assert (await penstock.parts.pipelines.load(pipeline.id)).status is PipelineStatus.WAITING


@awaited
async def test_what_is_being_performed_is_neither_decided_nor_made_to_wait(tmp_path: Path) -> None:
    async with house(tmp_path) as (penstock, pipeline):
        assert await deciding.want(penstock.parts, pipeline.id, pipeline.phase)
        held = await penstock.parts.locks.acquire(pipeline.id)
        assert not isinstance(held, Holder)
        with pytest.raises(PipelineIsBusy, match="is being performed"):
            await deciding.approve(penstock.parts, pipeline.id, by="", note="")
        held.release()
        with pytest.raises(PipelineIsBusy, match="is being performed"):
            await deciding.ask_for_approval(penstock.parts, pipeline.id, "look at it")
        assert (await penstock.parts.pipelines.load(pipeline.id)).wanted == pipeline.phase


@awaited
async def test_what_has_ended_is_not_decided_again(tmp_path: Path) -> None:
    async with house(tmp_path) as (penstock, pipeline):
        await deciding.reject(penstock.parts, pipeline.id, by="", note="")
        with pytest.raises(AdvanceRefused, match="has ended"):
            await deciding.approve(penstock.parts, pipeline.id, by="", note="")


@pytest.mark.slow
@awaited
async def test_what_is_refused_because_somebody_holds_it_is_not_performed_later(tmp_path: Path) -> None:
    async with house(tmp_path) as (penstock, pipeline):
        held = await penstock.parts.locks.acquire(pipeline.id)
        assert not isinstance(held, Holder)
        with pytest.raises(PipelineIsBusy, match="is being worked on"):
            await deciding.want(penstock.parts, pipeline.id, pipeline.phase)
        held.release()
        assert penstock.parts.views.unfinished_pipelines() == []
