"""What a phase leaves that comes to nothing in a way that nobody thought of. With a real store."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from penstock.bootstrap import build
from penstock.domain.pipelines import PipelineNote
from penstock.epics import House, deciding
from penstock.epics.asked import PipelineIsBusy
from penstock.epics.performing import perform
from penstock.ports import Holder
from pipeline_support import a_pipeline, stored
from service_support import awaited


@awaited
async def test_an_error_that_nobody_foresaw_is_told_and_not_met_again_at_each_start(tmp_path: Path) -> None:
    state = tmp_path / "state"
    penstock = build(folder=tmp_path, environ={"HOME": str(tmp_path), "PENSTOCK_HOME": str(state)})
    try:
        pipeline = await stored(penstock.parts, a_pipeline())
        await penstock.prompts.ensure_seeded()
        assert await deciding.want(penstock.parts, pipeline.id, pipeline.phase)
        with closing(sqlite3.connect(state / "penstock.db")) as database, database:
            database.execute("UPDATE phase_configurations SET config = '{'")
        with pytest.raises(json.JSONDecodeError):
            await penstock.epics.advance(pipeline.id)
        last = penstock.parts.views.pipeline_notes(pipeline.id)[-1]
        assert last["type"] == "phase_failed"
        assert "an error that nobody foresaw (JSONDecodeError)" in last["payload"]["sentence"]
        assert (await penstock.parts.pipelines.load(pipeline.id)).wanted == ""
        assert await penstock.epics.take_up() == []
    finally:
        await penstock.close()


@pytest.mark.slow
@awaited
async def test_who_gives_up_waiting_leaves_it_asked_for_because_who_holds_it_performs_it(tmp_path: Path) -> None:
    penstock = build(folder=tmp_path, environ={"HOME": str(tmp_path), "PENSTOCK_HOME": str(tmp_path / "state")})
    house = House(
        parts=penstock.parts, projects=penstock.projects, submitting=penstock.submitting, service=penstock.service
    )
    try:
        pipeline = await stored(penstock.parts, a_pipeline())
        assert await deciding.want(penstock.parts, pipeline.id, pipeline.phase)
        held = await penstock.parts.locks.acquire(pipeline.id)
        assert not isinstance(held, Holder)
        with pytest.raises(PipelineIsBusy, match="is being worked on already"):
            await perform(house, pipeline.id, stays=True, tell=list[PipelineNote]().append)
        held.release()
        assert penstock.parts.views.unfinished_pipelines() == [pipeline.id]
    finally:
        await penstock.close()
