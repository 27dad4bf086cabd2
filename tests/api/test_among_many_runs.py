"""What is under way, or waits for a person, is found behind any number of runs that are newer and over."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from api_server import Place, bundle, made_place, serving

from penstock.api.work import Works
from penstock.config.server import ServerSettings
from penstock.domain.pipelines import PipelineNote
from penstock.epics.asked import EpicWish
from penstock.submission import SERVER, Submission
from service_support import awaited

MANY = 1001


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project with one run that is under way, and very many newer ones that are over."""
    made = made_place(tmp_path, {"ws-one": bundle("ws-one")})
    asyncio.run(submitted(made))
    with changing(made) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(runs)")]
        other = {"run_id": "'run-' || number", "status": "'completed'", "created_at": "'2999-01-01 00:00:00.000000'"}
        numbers = f"WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < {MANY})"
        told = ", ".join(other.get(name, name) for name in names)
        database.execute("UPDATE runs SET status = 'running'")
        database.execute(f"INSERT INTO runs ({', '.join(names)}) {numbers} SELECT {told} FROM runs, n")
    return made


async def submitted(place: Place) -> None:
    """Store the run."""
    penstock = place.penstock()
    try:
        penstock.projects.trust_here(penstock.projects.current())
        await penstock.service.submit(Submission(run_id="lasting"))
    finally:
        await penstock.close()


def changing(place: Place) -> closing[sqlite3.Connection]:
    """What is stored, to be changed behind its back."""
    return closing(sqlite3.connect(place.home / "state" / "penstock.db", isolation_level=None))


@awaited
async def test_a_run_that_is_under_way_is_taken_up(place: Place) -> None:
    penstock = place.penstock()
    works = Works(penstock)
    try:
        assert await works.take_up() == ["lasting"]
    finally:
        await works.close()
        await penstock.close()


@awaited
async def test_a_run_whose_server_was_killed_before_its_first_event_is_taken_up(place: Place) -> None:
    penstock = place.penstock()
    works = Works(penstock)
    try:
        await penstock.service.submit(Submission(run_id="of-its-maker"))
        await penstock.service.submit(Submission(run_id="promised", begun_by=SERVER))
        assert await works.take_up() == ["lasting", "promised"]
    finally:
        await works.close()
        await penstock.close()


@awaited
async def test_what_is_under_way_in_another_home_is_left_to_it(place: Place, tmp_path: Path) -> None:
    """A database may be shared; the repositories stay where the work is."""
    here, shared = place.penstock(), str(place.home / "state" / "penstock.db")
    other = place.penstock(PENSTOCK_HOME=str(tmp_path / "other"), PENSTOCK_DATABASE=shared)
    works = Works(other)
    try:
        pipeline, _ = await here.epics.create(EpicWish(description="Add a page"))
        wanted = PipelineNote(type="phase_wanted", at=here.parts.clock.now())
        await here.parts.pipelines.want(pipeline, "pm_phase", wanted)
        assert (await works.take_up(), await other.epics.take_up()) == ([], [])
        assert here.parts.views.unfinished_pipelines() == [pipeline]
        assert await here.epics.take_up() == [pipeline]
    finally:
        for one in (here, other):
            await one.epics.close()
            await one.close()
        await works.close()


def test_a_workstream_that_waits_is_listed(place: Place) -> None:
    with changing(place) as database:
        database.execute("UPDATE runs SET status = 'paused' WHERE run_id = 'lasting'")
        database.execute("UPDATE workstreams SET status = 'reviewing' WHERE run_id = 'lasting'")
    with serving(place.penstock(), ServerSettings()) as server:
        assert [(one["id"], one["what"]) for one in server.get("/api/v1/approvals")] == [("lasting", "ws-one")]
