"""A run of an epic that does not complete: planned anew for what is left, as often as that may be; never reviewed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from epic_bench import EpicBench, answers_to, epic_bench
from epic_driving import Told, asked, begun, brought_on

from model_server.scripts import Round
from penstock.epics import EpicWish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EPIC, EPIC_ID = "mill-households", "EPIC-1"
NEW_TITLE = "Say it in one sentence, in smaller steps"
GIVEN_UP = "The sentence has no plural for mills; nobody asked for one yet."
RED = (
    "import unittest\n\n\nclass Report(unittest.TestCase):\n    def test_it(self):\n        self.fail('never green')\n"
)

pytestmark = pytest.mark.slow


def new_plan() -> str:
    """What the ba answers to the run that did not complete: the report again, and one thing given up."""
    plan = json.loads(answers_to(EPIC, EPIC_ID).said["ba_phase"][0])
    report = next(one for one in plan["workstreams"] if one["id"] == "report")
    plan["workstreams"] = [{**report, "title": NEW_TITLE}]
    plan["debt"] = [{"story_id": "STORY-2", "reason": GIVEN_UP}]
    return json.dumps(plan)


@contextmanager
def bench_of(folder: Path, *, is_mended: bool) -> Iterator[EpicBench]:
    """A bench where the report is never green by the first plan, and by the second only if it is mended."""
    given = answers_to(EPIC, EPIC_ID)
    good = given.files["ws-report"]
    files = {**given.files, "ws-report": {**good, "tests/test_report.py": RED}}
    script = replace(given, files=files, said={**given.said, "dev_phase": (new_plan(),)}).script()
    again = Round(name="again", when=(NEW_TITLE,), deliverable=dict(good), final="{}")
    with epic_bench(folder, given) as bench:
        rounds = script.rounds
        planning = [one for one in rounds if one.name not in files]
        development = [one for one in rounds if one.name in files]
        bench.models.add(
            replace(script, rounds=(*planning, *((again,) if is_mended else ()), *development)), is_default=True
        )
        yield bench


def ended(bench: EpicBench) -> Told:
    """A pipeline that was brought on until it moved no more."""
    return brought_on(bench, begun(bench, EpicWish(description=answers_to(EPIC).epic, epic_id=EPIC_ID)))


def test_what_is_left_is_planned_anew_and_only_what_completed_is_reviewed(tmp_path: Path) -> None:
    with bench_of(tmp_path, is_mended=True) as bench:
        told = ended(bench)
        pipeline = told.pipeline
        assert pipeline["status"] == "complete", pipeline["sentence"]
        assert told.way[3:] == ["dev_phase", "dev_phase", "qa_phase", "commit_phase", "complete"]
        first, second = (told.runs[f"{pipeline['pipeline_id']}-r{number}"] for number in (1, 2))
        assert (first["status"], second["status"]) == ("partial", "completed")
        (question,) = asked(bench, "dev_phase")
        for words in ("Work That Is Done", "ws-households", "Work That Is Left", "What Went Wrong", "never green"):
            assert words in question
        (reviewed,) = asked(bench, "qa_phase")
        assert "ws-report is done" in reviewed
        assert "ws-report is failed" not in reviewed
        assert "ws-households is done" in reviewed


def test_nothing_begins_again_in_the_run_that_was_planned_anew(tmp_path: Path) -> None:
    with bench_of(tmp_path, is_mended=True) as bench:
        pipeline = ended(bench).pipeline
        assert pipeline["status"] == "complete", pipeline["sentence"]
        first = f"{pipeline['pipeline_id']}-r1"
        for command in (("reset-workstream", first, "ws-report"), ("resume", first)):
            told = bench.penstock(*command, check=False)
            assert f"its epic went on with run {pipeline['pipeline_id']}-r2" in told.stderr, told
        assert '"status": "partial"' in bench.penstock("show-run", first, "--json").stdout


@pytest.mark.parametrize(
    ("stands", "why"),
    [
        ("status = 'active', wanted = 'dev_phase'", "its epic is going on from it in dev_phase"),
        ("status = 'active', round = 3", "its epic went on with run"),
    ],
    ids=["while it is planned anew", "before its next round"],
)
def test_nothing_begins_again_in_a_run_that_is_about_to_be_left_behind(tmp_path: Path, stands: str, why: str) -> None:
    with bench_of(tmp_path, is_mended=False) as bench:
        last = f"{ended(bench).pipeline['pipeline_id']}-r2"
        with closing(sqlite3.connect(tmp_path / "state" / "penstock.db")) as database, database:
            database.execute(f"UPDATE pipelines SET {stands}")
        told = bench.penstock("reset-workstream", last, "ws-report", check=False)
        assert why in told.stderr, told
        assert json.loads(bench.penstock("show-run", last, "--json").stdout)["status"] in ("partial", "failed")


def test_both_plans_stay_and_what_is_given_up_is_remembered(tmp_path: Path) -> None:
    with bench_of(tmp_path, is_mended=True) as bench:
        told = ended(bench)
        plans = [one for one in told.artifacts if one["artifact_type"] == "ba_spec"]
        titles = [[each["title"] for each in one["payload"]["workstreams"]] for one in plans]
        assert len(plans) == 2
        assert [NEW_TITLE] in titles
        (debt,) = [one for one in told.issues if one["is_debt"]]
        assert GIVEN_UP in debt["description"]
        assert (debt["source"], debt["location"], debt["closed_at"]) == ("replan", "STORY-2", None)


def test_a_second_plan_that_comes_to_nothing_ends_the_pipeline_with_the_reason_of_its_run(tmp_path: Path) -> None:
    with bench_of(tmp_path, is_mended=False) as bench:
        told = ended(bench)
        pipeline = told.pipeline
        last = told.runs[f"{pipeline['pipeline_id']}-r2"]
        assert pipeline["status"] == "failed"
        assert f"run {last['run_id']} is {last['status']}" in pipeline["sentence"]
        assert pipeline["reason"] == last["reason"]
        assert told.way[3:] == ["dev_phase", "dev_phase", "failed"]
        assert asked(bench, "qa_phase") == []
        assert len(asked(bench, "dev_phase")) == 1
