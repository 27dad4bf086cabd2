"""What may be asked about pipelines, artifacts, findings and prompts: plain values, in fixed shapes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from journal_driving import START, run_of, workstream
from library_values import (
    LATER,
    a_move,
    a_note,
    a_pipeline,
    a_prompt,
    an_artifact,
    an_attempt,
    an_issue,
    beginning,
)

from penstock.domain.errors import UserError
from penstock.domain.states import PipelineStatus
from penstock.ports.library import Headway, UnknownArtifact, UnknownPipeline, UsageFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from penstock.adapters.store.opening import Database
    from penstock.domain.pipelines import Pipeline


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def stored(database: Database, **more: Any) -> Pipeline:
    pipeline = a_pipeline(**more)
    run(database.pipelines.create(beginning(pipeline)))
    return pipeline


def test_a_pipeline_is_told_in_one_fixed_shape(database: Database) -> None:
    pipeline = stored(database, id="pip_one", branch="penstock/pip_one")
    attempt, artifact = an_attempt(pipeline, id="pha_one"), an_artifact(pipeline, id="art_one")
    after = replace(pipeline, phase="arch_phase", updated_at=LATER, approved=("arch_phase",))
    run(
        database.pipelines.commit(
            Headway(pipeline=after, transitions=(a_move(),), attempt=attempt, artifacts=(artifact,))
        )
    )
    told = database.views.pipeline("pip_one")
    assert json.loads(json.dumps(told)) == told
    at, later = "2026-11-20T08:00:00.000Z", "2026-11-20T08:00:05.000Z"
    head = {
        "pipeline_id": "pip_one", "project": "demo", "epic_id": "PIPELINE-175D-1", "description": "Add a thing",
        "state": "arch_phase", "current_phase": "arch_phase", "status": "active", "reason": None, "sentence": "",
        "round": 1, "returns": 0, "replans": 0, "approved": ["arch_phase"], "branch": "penstock/pip_one", "base": "",
        "head": "", "run_id": "", "wanted": "", "token_budget": 20_000, "alerted_at": None, "alerted_tokens": 0,
        "generation": 0, "created_at": at, "updated_at": later, "completed_at": None,
    }  # fmt: skip
    assert told == {
        **head,
        "project_path": "/home/someone/demo",
        "initial_context": {"token_budget": 5, "deep": {"a": [1, None]}},
        "phase_history": [
            {"from": "idle", "to": "pm_phase", "timestamp": at, "reason": "created"},
            {"from": "pm_phase", "to": "arch_phase", "timestamp": later, "reason": "performed"},
        ],
        "attempts": [
            {
                "id": "pha_one", "phase": "pm_phase", "role_name": "pm", "number": 1, "round": 1, "prompt_id": "rp_1",
                "model": "m", "run_id": "", "started_at": later, "ended_at": None, "outcome": "", "sentence": "",
            }
        ],
        "artifacts": [
            {
                "artifact_id": "art_one", "pipeline_id": "pip_one", "artifact_type": "epic", "phase": "pm_phase",
                "mentor_role": "pm", "origin": "model", "prompt_id": "rp_1", "attempt": "pha_1", "strategy": "direct",
                "validation_status": "valid", "warnings": ["odd"], "created_at": later,
            }
        ],
    }  # fmt: skip
    assert database.views.pipelines() == [head]


def test_pipelines_are_listed_newest_first_by_project_status_and_page(database: Database) -> None:
    made = [stored(database, created_at=START + timedelta(days=number)).id for number in range(3)]
    other = stored(database, project="other", created_at=START, status=PipelineStatus.FAILED).id

    def asked(**wanted: Any) -> list[str]:
        return [one["pipeline_id"] for one in database.views.pipelines(**wanted)]

    assert asked(project="demo") == made[::-1]
    assert asked(project="demo", limit=1, offset=1) == [made[1]]
    newer = stored(database, created_at=START + timedelta(days=2)).id
    page = asked(project="demo", limit=2)
    assert sorted(page) == sorted((newer, made[2]))
    assert asked(project="demo", before=page[-1], limit=2) == [made[1], made[0]]
    assert asked(project="demo", before=page[0], limit=1) == [page[1]]
    with pytest.raises(UnknownPipeline):
        asked(before="nobody")
    assert (asked(status="failed"), asked(status="complete"), asked(project="nobody")) == ([other], [], [])


def test_an_artifact_is_told_with_payload_and_documents(database: Database) -> None:
    pipeline = stored(database)
    made = [an_artifact(pipeline, kind) for kind in ("epic", "arch_notes", "epic")]
    run(database.pipelines.commit(Headway(pipeline=pipeline, artifacts=tuple(made))))
    told = database.views.artifact(made[0].id)
    assert json.loads(json.dumps(told)) == told
    assert (told["payload"], told["markdown"], told["html"]) == (made[0].payload, "# Ä", "<h1>Ä</h1>")
    every = database.views.artifacts_of(pipeline.id)
    assert [one["artifact_id"] for one in every] == [one.id for one in made]
    assert every[0] == told
    epics = database.views.artifacts_of(pipeline.id, type="epic")
    assert [one["artifact_id"] for one in epics] == [made[0].id, made[2].id]


def test_notes_are_told_after_an_id(database: Database) -> None:
    pipeline, other = stored(database), stored(database)
    run(database.pipelines.want(pipeline.id, "pm_phase", a_note(by="ann")))
    told = database.views.pipeline_notes(pipeline.id)
    assert [(one["type"], one["payload"]) for one in told] == [
        ("pipeline_created", {}),
        ("phase_wanted", {"by": "ann"}),
    ]
    assert database.views.pipeline_notes(pipeline.id, after=told[0]["id"]) == told[1:]
    assert database.views.pipeline_notes(pipeline.id, limit=1) == told[:1]
    assert len(database.views.pipeline_notes(other.id)) == 1


def test_findings_are_told_newest_first_and_one_that_is_closed_is_told_so(database: Database) -> None:
    pipeline = stored(database)
    first, second = an_issue(pipeline), an_issue(pipeline, source="replan", is_debt=True)
    run(database.pipelines.commit(Headway(pipeline=pipeline, issues=(first, second))))
    run(database.pipelines.commit(Headway(pipeline=pipeline, issues=(replace(first, closed_at=LATER),))))
    told = database.views.issues()
    assert json.loads(json.dumps(told)) == told
    assert [one["id"] for one in told] == [second.id, first.id]
    assert told[1] == {
        "id": first.id, "project": "demo", "pipeline_id": pipeline.id, "run_id": "", "source": "qa", "severity": "high",
        "category": "code", "description": "it leaks", "location": "a.py:3", "fix_required": True, "is_debt": False,
        "at": "2026-11-20T08:00:05.000Z", "closed_at": "2026-11-20T08:00:05.000Z",
    }  # fmt: skip
    assert [one["id"] for one in database.views.issues(is_open=True, pipeline=pipeline.id)] == [second.id]
    assert [one["id"] for one in database.views.issues(is_open=False, project="demo", limit=5)] == [first.id]
    assert database.views.issues(project="other") == []


def test_what_was_asked_and_is_not_over_is_found_again(database: Database) -> None:
    second, first = stored(database, created_at=LATER), stored(database)
    stored(database)
    for one in (second, first):
        run(database.pipelines.want(one.id, "pm_phase", a_note()))
    assert database.views.unfinished_pipelines() == [first.id, second.id]
    ended = replace(first, status=PipelineStatus.COMPLETE, wanted="pm_phase")
    run(database.pipelines.commit(Headway(pipeline=ended)))
    assert database.views.unfinished_pipelines() == [second.id]


def test_prompts_are_told_by_role_oldest_first(database: Database) -> None:
    async def main() -> None:
        for prompt in (
            a_prompt("qa", id="rp_q", working_schema=None),
            a_prompt(id="rp_1"),
            a_prompt(id="rp_2", version="2", is_active=True),
        ):
            await database.prompts.add(prompt)

    run(main())
    told = database.views.prompts()
    assert json.loads(json.dumps(told)) == told
    assert [one["id"] for one in told] == ["rp_1", "rp_2", "rp_q"]
    assert told[1] == {
        "id": "rp_2", "role_name": "pm", "version": "2", "starting_prompt": "You are", "bootstrapper": "Think",
        "instructions": "{{ not a template }}", "working_schema": {"type": "object"}, "template": "", "is_active": True,
        "created_at": "2026-11-20T08:00:00.000Z", "updated_at": "2026-11-20T08:00:00.000Z", "created_by": "seed",
        "notes": "first",
    }  # fmt: skip
    assert [one["id"] for one in database.views.prompts(role="qa")] == ["rp_q"]


def test_runs_are_told_by_their_pipeline(database: Database) -> None:
    alone, of_pipeline = run_of(workstream("a"), name="run-1"), run_of(workstream("a"), name="run-2")
    run(database.journal.create(alone))
    run(database.journal.create(replace(of_pipeline, pipeline="pip_1")))
    assert [one["run_id"] for one in database.views.runs(pipeline="pip_1")] == ["run-2"]
    assert (database.views.run("run-2")["pipeline_id"], database.views.run("run-1")["pipeline_id"]) == ("pip_1", None)
    assert len(database.views.runs()) == 2


def test_what_is_unknown_is_an_error_that_names_it(database: Database) -> None:
    asked: tuple[tuple[type[UserError], Callable[[], object]], ...] = (
        (UnknownPipeline, lambda: database.views.pipeline("pip_x")),
        (UnknownPipeline, lambda: database.views.artifacts_of("pip_x")),
        (UnknownPipeline, lambda: database.views.pipeline_notes("pip_x")),
        (UnknownArtifact, lambda: database.views.artifact("pip_x")),
    )
    for kind, ask in asked:
        with pytest.raises(kind, match="'pip_x'"):
            ask()


def test_what_no_database_can_hold_is_asked_for_in_vain_and_not_in_error(database: Database) -> None:
    stored(database)
    odd = "\ud800\0"
    views = database.views
    for told in (
        views.pipelines(project=odd), views.pipelines(status=odd), views.prompts(role=odd), views.issues(pipeline=odd),
        views.runs(pipeline=odd), list(views.usage_rows(UsageFilter(phase=odd, project=odd))),
        views.token_report(UsageFilter(role=odd))["by_role"],
    ):  # fmt: skip
        assert told == []
    for ask in (views.pipeline, views.metrics_of, lambda one: views.token_report(UsageFilter(pipeline=one))):
        with pytest.raises(UnknownPipeline):
            ask(odd)
    with pytest.raises(UnknownArtifact):
        views.artifact(odd)
