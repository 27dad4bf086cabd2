"""Epics from the command line: made, shown, decided on, and brought on with a model that a script plays."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from model_server import ScriptedModels
from model_server.scripts import Round, Script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Desk

WISH = "Add a /metrics endpoint to the orchestrator API that returns basic stats"
EPIC = {
    "epic_id": "EPIC-1",
    "title": "Basic stats",
    "goal": "Whoever runs it sees what it does.",
    "success_criteria": ["It answers"],
    "stories": [
        {
            "id": "STORY-1",
            "title": "Answer",
            "user_story": "As an operator, I want numbers, so that I know.",
            "acceptance_criteria": ["GET answers 200"],
            "estimate_hours": 2,
            "priority": "high",
        }
    ],
    "out_of_scope": [],
    "risks": [],
    "total_estimate_hours": 2,
}


@pytest.fixture
def models() -> Iterator[ScriptedModels]:
    script = Script(name="epics", rounds=(Round(name="pm", when=('"phase":"pm_phase"',), final=json.dumps(EPIC)),))
    with ScriptedModels((script,)) as running:
        yield running
        running.release()


@pytest.fixture
def keyed(desk: Desk, models: ScriptedModels) -> Desk:
    """A user whose configuration names the scripted model."""
    file = desk.project.parent / ".config" / "penstock" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'[upstreams.scripted]\nprotocol = "anthropic"\nbase_url = "{models.base_url}"\nkey = "env:SCRIPTED_KEY"\n'
        'price = { input = 3, output = 15 }\n[roles]\nplanning = "scripted/scripted-model"\n'
    )
    desk.environ["SCRIPTED_KEY"] = "sk-planted-7c2e9a1f4b8d3e6a5f0c"
    return desk


def create(ask: Any, *arguments: str) -> str:
    made = ask("epic", "create", *arguments, "--json")
    assert made.code == 0, made.err
    return str(made.json["pipeline_id"])


def phases_file(ask: Any, desk: Desk, name: str, **config: object) -> None:
    phase = next(one for one in ask("prompts", "phases", "--json").json if one["phase_name"] == name)
    desk.write("phases.json", json.dumps([{**phase, "config": {**phase["config"], **config}}]))
    assert ask("prompts", "phases", "--file", "phases.json").code == 0


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', '"\\u0000"', "[" * 100 + "]" * 100, "[" * 100_000])
def test_a_context_that_no_client_could_read_is_refused(ask: Any, desk: Desk, value: str) -> None:
    desk.write("context.json", f'{{"team": {value}}}')
    asked = ask("epic", "create", WISH, "--context", "context.json")
    assert (asked.code, "is no JSON as it can be taken" in asked.err) == (2, True)
    assert ask("epic", "list", "--json").json == []


def test_a_wish_becomes_a_pipeline_and_nothing_is_asked(ask: Any, desk: Desk) -> None:
    desk.write("context.json", json.dumps({"token_budget": 77, "team": "stats"}))
    made = ask("epic", "create", WISH, "--id", "EPIC-1", "--context", "context.json", "--json").json
    assert (made["epic_id"], made["description"], made["state"]) == ("EPIC-1", WISH, "pm_phase")
    assert (made["token_budget"], made["initial_context"]["team"]) == (77, "stats")
    said = ask("epic", "create", WISH).out
    assert "go on with: penstock advance pip_" in said
    shown = ask("epic", "show", "latest").out
    assert WISH[:40] in shown
    assert "pm_phase" in shown


def test_a_wish_may_come_from_stdin(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO("Größere Schrift\n".encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stream)
    assert ask("epic", "create", "-", "--json").json["description"] == "Größere Schrift"


def test_a_stdin_that_is_closed_is_said(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    refused = ask("epic", "create", "-")
    assert (refused.code, "the wish is to be read from stdin, which is closed" in refused.err) == (2, True), refused.err


def test_the_budget_of_a_pipeline_is_shown_and_set(ask: Any) -> None:
    pipeline = create(ask, WISH)
    made = ask("budget", "set", "--pipeline", "latest", "--usd", "5", "--json").json
    assert (made["level"], made["key"], made["cap_usd"]) == ("pipeline", pipeline, 5.0)
    assert ask("budget", "show", "--pipeline", pipeline, "--json").json == [made]
    refused = ask("budget", "set", "--pipeline", "pip_nobody", "--usd", "5")
    assert (refused.code, "there is no pipeline 'pip_nobody'" in refused.err) == (2, True), refused.err
    assert "a run and a pipeline are named" in ask("budget", "show", "--pipeline", pipeline, "--run", "r").err


def test_an_id_alone_is_taken_for_the_wish_and_that_is_said(ask: Any) -> None:
    made = ask("epic", "create", "--id", "EPIC-9", "--json")
    assert made.json["description"] == "EPIC-9"
    assert "no description was given" in made.err
    refused = ask("epic", "create")
    assert (refused.code, "neither a description" in refused.err) == (2, True)


def test_without_a_key_it_says_what_to_set_and_stays_where_it_is(ask: Any) -> None:
    pipeline = create(ask, WISH)
    refused = ask("advance", pipeline)
    assert refused.code == 3
    assert "ANTHROPIC_API_KEY" in refused.err
    assert ask("epic", "show", pipeline, "--json").json["attempts"] == []


@pytest.mark.slow
def test_a_phase_is_performed_and_told_as_it_happens(ask: Any, keyed: Desk) -> None:
    pipeline = create(ask, WISH, "--id", "EPIC-1")
    done = ask("advance", "latest")
    assert done.code == 0, done.err
    assert "pm_phase" in done.out
    assert "pm_phase -> arch_phase" in done.out
    assert ask("artifacts", pipeline).json["epic"]["title"] == "Basic stats"
    report = ask("token-report", "--pipeline", pipeline, "--json").json
    assert report["total_tokens"] > 0
    assert [one["key"] for one in report["by_role"]] == ["pm"]
    assert "Basic stats" in ask("artifacts", pipeline, "epic", "--format", "markdown").out


@pytest.mark.slow
def test_as_json_one_line_is_said_for_each_phase_and_a_refusal_ends_with_1(ask: Any, keyed: Desk) -> None:
    pipeline = create(ask, WISH)
    gone = ask("advance", pipeline, "--all", "--json")
    lines = [json.loads(line) for line in gone.out.splitlines()]
    assert [(one["previous_phase"], one["current_phase"]) for one in lines] == [("pm_phase", "arch_phase")]
    assert set(lines[0]) == {
        *("pipeline_id", "previous_phase", "current_phase", "state", "status", "sentence", "updated_at")
    }
    assert gone.code == 1  # the script has no words for the architect
    view = ask("epic", "show", pipeline, "--json").json
    assert (view["state"], view["attempts"][-1]["outcome"]) == ("arch_phase", "failed")


@pytest.mark.slow
def test_a_phase_that_waits_is_approved_or_ends_the_pipeline(ask: Any, keyed: Desk) -> None:
    phases_file(ask, keyed, "pm_phase", requires_approval=True)
    pipeline = create(ask, WISH)
    waits = ask("advance", pipeline)
    assert (waits.code, "penstock epic approve" in waits.err) == (4, True)
    assert "waits for your approval" in ask("epic", "show", pipeline).out
    assert ask("epic", "list", "--status", "waiting", "--json").json[0]["pipeline_id"] == pipeline
    assert ask("epic", "approve", pipeline, "--json").json["status"] == "active"
    assert ask("advance", pipeline).code == 0
    other = create(ask, WISH)
    ask("advance", other)
    assert "has ended" in ask("epic", "reject", other, "--note", "not now").out
    ended = ask("advance", other)
    assert (ended.code, "has ended" in ended.err) == (2, True)
    assert "not now" in ask("epic", "show", other).out
