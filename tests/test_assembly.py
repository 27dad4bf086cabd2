"""A run that a program makes piece by piece, with real parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.domain.errors import UserError
from penstock.domain.events import MoveAsked
from penstock.domain.refusals import EventRefused
from penstock.domain.states import RunState
from penstock.intake.bundles import BundleDependencyError, BundleValidationError, FileScopeOverlapError
from penstock.submission import NotTrusted, Submission
from service_support import Desk, awaited, bundle


@awaited
async def test_a_run_is_made_given_workstreams_and_worked_on_to_its_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    penstock = desk.trusted()
    run_id = await penstock.assembly.create("mine", {"title": "By hand", "ticket": 7})
    assert penstock.parts.views.run(run_id)["metadata"] == {"title": "By hand", "ticket": 7, "workstreams": 0}
    assert await penstock.assembly.add(run_id, bundle("ws-b")) == "ws-b"
    await penstock.assembly.add(run_id, bundle("ws-a", depends_on=["ws-b"]))
    await penstock.assembly.add(run_id, bundle("ws-c"))
    view = penstock.parts.views.run(run_id)
    assert (view["status"], view["metadata"]["workstreams"]) == ("pending", 3)
    assert [row["ws_id"] for row in view["workstreams"]] == ["ws-b", "ws-a", "ws-c"]
    run = await penstock.assembly.perform(Submission(run_id=run_id))
    assert run["status"] == "completed"
    assert desk.git("rev-parse", "penstock/mine") == run["head"]
    await penstock.close()


@awaited
async def test_a_further_workstream_is_judged_with_those_that_are_there(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).trusted()
    run_id = await penstock.assembly.create()
    await penstock.assembly.add(run_id, bundle("ws-a"))
    for wrong, error in (
        (bundle("ws-b", depends_on=["ws-x"]), BundleDependencyError),
        (bundle("ws-b", files_scope=["src/"]), FileScopeOverlapError),
        (bundle("ws-a"), BundleValidationError),
        ({**bundle("ws-b"), "task": ["x"]}, BundleValidationError),
        ({"tasks": []}, BundleValidationError),
    ):
        with pytest.raises(error):
            await penstock.assembly.add(run_id, wrong)
    assert [row["ws_id"] for row in penstock.parts.views.run(run_id)["workstreams"]] == ["ws-a"]
    await penstock.close()


@awaited
async def test_a_run_that_has_begun_takes_no_further_workstream(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).trusted()
    run_id = await penstock.assembly.create()
    with pytest.raises(EventRefused, match="no workstream yet"):
        await penstock.service.tell(run_id, MoveAsked(to="running"))
    with pytest.raises(UserError, match="no workstream yet"):
        await penstock.service.work(run_id)
    await penstock.assembly.add(run_id, bundle("ws-a"))
    await penstock.service.tell(run_id, MoveAsked(to="running"))
    with pytest.raises(EventRefused, match="is running: only one that has not begun"):
        await penstock.assembly.add(run_id, bundle("ws-b"))
    assert (await penstock.service.work(run_id)).state is RunState.COMPLETED
    await penstock.close()


@awaited
async def test_a_run_under_an_id_that_is_not_stored_is_made_of_the_projects_plan(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, bundle("ws-a")).trusted()
    run = await penstock.assembly.perform(Submission(run_id="new"))
    assert (run["run_id"], run["status"]) == ("new", "completed")
    with pytest.raises(UserError, match="there is a run 'new' already"):
        await penstock.assembly.perform(Submission(run_id="new"))
    await penstock.close()


@awaited
async def test_nothing_is_stored_of_a_project_that_is_not_trusted(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).penstock()
    with pytest.raises(NotTrusted):
        await penstock.assembly.create()
    assert penstock.parts.views.runs() == []
    await penstock.close()


@awaited
async def test_a_dry_run_is_told_and_not_made(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, bundle("ws-a")).trusted(PIPELINE_DRY_RUN="1")
    told = await penstock.assembly.perform(Submission())
    assert (told["dry_run"], told["workstreams"]) == (True, ["ws-a"])
    assert "Write ws-a" in told["prompts"]["ws-a"]
    assert penstock.parts.views.runs() == []
    await penstock.close()
