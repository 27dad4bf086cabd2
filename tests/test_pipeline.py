"""Each function that the phase plan names, called by its signature, on a real project with a scripted agent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from penstock import pipeline
from penstock.domain.breaker import signature
from penstock.domain.errors import UserError
from penstock.domain.states import LEGAL_RUN_MOVES, LEGAL_WORKSTREAM_MOVES, RunState, WorkstreamState
from service_support import GIT, SETTINGS, Desk, bundle

WILD = {"metadata": {"scripted": [[{"write": {"path": "src/other.txt", "content": "x\n"}}]] * 4}}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A trusted project with three workstreams, and this process standing in it."""
    wild = {**bundle("ws-wild"), **WILD}
    found = Desk(
        tmp_path, bundle("ws-a"), wild, bundle("ws-b", depends_on=["ws-a"]), settings="approvals = []\n" + SETTINGS
    )
    penstock = found.trusted()
    for name, value in {"HOME": str(found.home), "PENSTOCK_HOME": str(found.home), **GIT}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(found.project)
    for closing in reversed(penstock.parts.closing):
        closing()
    return found


@pytest.fixture
def run_id(desk: Desk) -> str:
    """A run that waits to be begun, with one workstream."""
    name = pipeline.create_run("mine", metadata={"ticket": 7})
    pipeline.create_workstream(name, bundle("ws-one"))
    return name


def events(desk: Desk, run_id: str) -> list[tuple[str, str | None, dict[str, object]]]:
    with sqlite3.connect(desk.home / "penstock.db") as connection:
        rows = connection.execute(
            "SELECT event_type, ws_id, payload_json FROM events WHERE run_id = ? AND NOT is_input ORDER BY id",
            (run_id,),
        ).fetchall()
    connection.close()
    return [(kind, ws_id, json.loads(payload)) for kind, ws_id, payload in rows]


def rows(desk: Desk, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(desk.home / "penstock.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_init_db_says_where_the_database_is_and_whether_it_is_fresh(desk: Desk) -> None:
    first, second = pipeline.init_db(), pipeline.init_db()
    assert first == {"path": str(desk.home / "penstock.db"), "version": first["version"], "fresh": True}
    assert second == {**first, "fresh": False}


def test_create_run_and_create_workstream_make_a_run_that_waits(run_id: str) -> None:
    run = pipeline.get_run(run_id)
    assert (run["run_id"], run["status"], run["metadata"]["ticket"]) == ("mine", "pending", 7)
    (row,) = pipeline.get_workstreams_for_run(run_id)
    assert (row["ws_id"], row["status"], row["depends_on"]) == ("ws-one", "pending", [])
    assert pipeline.create_workstream(run_id, bundle("ws-two", depends_on=["ws-one"])) == "ws-two"
    assert pipeline.get_workstream(run_id, "ws-two")["depends_on"] == ["ws-one"]
    assert pipeline.create_run() != pipeline.create_run()
    for missing in (lambda: pipeline.get_run("run-x"), lambda: pipeline.get_workstream(run_id, "ws-x")):
        with pytest.raises(UserError):
            missing()


def test_update_run_status_asks_for_what_a_word_may_bring_about(run_id: str) -> None:
    for state in ("running", "running", "paused", "running", "abandoned"):
        pipeline.update_run_status(run_id, state)
        assert pipeline.get_run(run_id)["status"] == state


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("completed", "can't go from pending to completed"),
        ("finished", "there is no state"),
        ("failed", "its steps find"),
    ],
)
def test_update_run_status_refuses_the_rest_with_a_value_error(run_id: str, wanted: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        pipeline.update_run_status(run_id, wanted)
    assert pipeline.get_run(run_id)["status"] == "pending"


def test_a_refused_illegal_move_of_a_workstream_is_told_of_in_the_events(desk: Desk, run_id: str) -> None:
    with pytest.raises(ValueError, match="can't go from pending to done"):
        pipeline.update_workstream_status(run_id, "ws-one", "done")
    assert pipeline.get_workstream(run_id, "ws-one")["status"] == "pending"
    illegal = ("illegal_transition", "ws-one", {"entity": "workstream", "from": "pending", "to": "done"})
    assert events(desk, run_id) == [illegal]


def test_update_workstream_status_resets_what_failed(desk: Desk) -> None:
    run = pipeline.run_workstream("ws-wild")
    assert (run["status"], run["workstreams"][0]["status"]) == ("failed", "failed")
    with pytest.raises(ValueError, match="can't go from failed to editing"):
        pipeline.update_workstream_status(run["run_id"], "ws-wild", "S_RUNNING")
    pipeline.update_workstream_status(run["run_id"], "ws-wild", "ready")
    assert pipeline.get_run(run["run_id"])["status"] == "running"


def test_record_event_is_marked_as_claimed(desk: Desk, run_id: str) -> None:
    pipeline.record_event(run_id, None, "deployed", {"to": "staging", "at": datetime(2026, 1, 2, tzinfo=UTC)})
    pipeline.record_event(run_id, "ws-one", "looked_at")
    assert events(desk, run_id) == [
        ("deployed", None, {"to": "staging", "at": "2026-01-02 00:00:00+00:00", "claimed": True}),
        ("looked_at", "ws-one", {"claimed": True}),
    ]
    with pytest.raises(ValueError, match="no workstream 'ws-x'"):
        pipeline.record_event(run_id, "ws-x", "looked_at")


def test_record_error_counts_the_same_signature_once(desk: Desk, run_id: str) -> None:
    for line in (3, 44):
        pipeline.record_error(run_id, "ws-one", "static", "static_failure", f"x.py:{line}: it is bad")
    pipeline.record_error(run_id, "ws-one", "runtime", "static_failure", "x.py:3: it is bad")
    pipeline.record_error(run_id, None, "edit", "timeout", signature="my-own")
    counted = rows(desk, "SELECT ws_id, step, signature, count, last_seen_at > first_seen_at FROM errors ORDER BY id")
    ours = signature("static_failure", "x.py:3: it is bad")
    assert counted == [
        ("ws-one", "static", ours, 2, 1),
        ("ws-one", "runtime", ours, 1, 0),
        ("", "edit", "my-own", 1, 0),
    ]
    with pytest.raises(ValueError, match="possible are edit, fix, static"):
        pipeline.record_error(run_id, "ws-one", "lint", "timeout")


def test_record_step_attempt_is_kept_beside_ours_and_changes_nothing(desk: Desk, run_id: str) -> None:
    for _ in range(2):
        pipeline.record_step_attempt(
            run_id, "ws-one", "edit", status="failed", started_at="2026-01-02T03:04:05Z",
            completed_at=datetime(2026, 1, 2, 3, 5, tzinfo=UTC), result_json={"by": "hand"},
        )  # fmt: skip
    kept = rows(desk, "SELECT ws_id, step, round, attempt, status, started_at, result_json FROM step_attempts")
    at, result = "2026-01-02T03:04:05.000000Z", '{"by":"hand","claimed":true}'
    assert kept == [("ws-one", "edit", -1, number, "failed", at, result) for number in (1, 2)]
    with pytest.raises(ValueError, match="does not say its zone"):
        pipeline.record_step_attempt(run_id, "ws-one", "edit", started_at="2026-01-02", completed_at="2026-01-02")
    with pytest.raises(ValueError, match="'now' is no time"):
        pipeline.record_step_attempt(run_id, "ws-one", "edit", started_at="now", completed_at="2026-01-02")
    assert pipeline.run_pipeline(run_id=run_id)["workstreams"][0]["attempts"]["edit"] == 1


@pytest.mark.parametrize("odd", ["\ud800", float("nan"), json.loads("[" * 300 + "]" * 300)])
def test_metadata_that_no_list_of_runs_could_tell_is_refused(desk: Desk, odd: object) -> None:
    with pytest.raises(ValueError, match="the metadata of a run can't be kept: "):
        pipeline.create_run("odd", metadata={"said": odd})


ODD = "\ud800\0"


@pytest.mark.parametrize(
    "say",
    [
        lambda run: pipeline.record_event(run, ODD, "looked_at"),
        lambda run: pipeline.record_event(ODD, "ws-one", "looked_at"),
        lambda run: pipeline.record_error(run, "ws-one", "edit", ODD, ODD, ODD),
        lambda run: pipeline.update_workstream_status(run, ODD, "ready"),
        lambda run: pipeline.record_event(run, "ws-one", "looked_at", {"nested": json.loads("[" * 210 + "]" * 210)}),
        lambda run: pipeline.record_step_attempt(
            run, "ws-one", "edit", started_at="0001-01-01T00:00:00+14:00", completed_at="2026-01-02T03:04:05Z"
        ),
    ],
)
def test_whatever_is_said_of_a_run_it_goes_on(desk: Desk, run_id: str, say: Callable[[str], None]) -> None:
    with suppress(UserError):
        say(run_id)
    pipeline.record_event(run_id, "ws-one", "looked_at")
    assert ("looked_at", "ws-one", {"claimed": True}) in events(desk, run_id)


def test_a_secret_in_a_claim_is_not_stored(desk: Desk, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecretvalue")
    pipeline.record_event(run_id, "ws-one", "looked_at", {"list": ["with sk-verysecretvalue in it"]})
    pipeline.record_error(run_id, "ws-one", "edit", "timeout", "sk-verysecretvalue")
    assert b"sk-verysecretvalue" not in b"".join(path.read_bytes() for path in desk.home.glob("penstock.db*"))


def test_validate_state_transition_raises_for_exactly_what_no_table_holds() -> None:
    for entity, kind, legal in (
        ("run", RunState, LEGAL_RUN_MOVES),
        ("workstream", WorkstreamState, LEGAL_WORKSTREAM_MOVES),
    ):
        for source, target in product(kind, kind):
            if source is target or target in legal.get(source, ()):  # type: ignore[attr-defined]
                pipeline.validate_state_transition(source.value, target.value, entity=entity)
            else:
                with pytest.raises(ValueError, match=f"can't go from {source} to {target}"):
                    pipeline.validate_state_transition(source.value, target.value, entity=entity)


def test_an_illegal_transition_of_a_stored_run_survives_as_an_event(desk: Desk, run_id: str) -> None:
    with pytest.raises(ValueError, match="workstream can't go from done to editing"):
        pipeline.validate_state_transition("done", "editing", run_id=run_id, ws_id="ws-one")
    with pytest.raises(ValueError, match="run can't go from completed to running"):
        pipeline.validate_state_transition("completed", "running", entity="run", run_id=run_id)
    with pytest.raises(ValueError, match="needs its ws_id"):
        pipeline.validate_state_transition("done", "editing", run_id=run_id)
    pipeline.validate_state_transition("pending", "ready", run_id=run_id, ws_id="ws-one")
    assert [payload for _, _, payload in events(desk, run_id)] == [
        {"entity": "workstream", "from": "done", "to": "editing"},
        {"entity": "run", "from": "completed", "to": "running"},
    ]


def test_run_tool_gives_the_structured_result_and_records_it_where_asked(desk: Desk, run_id: str) -> None:
    result = pipeline.run_tool("echo-json", {"message": "hi", "cwd": str(desk.project / "src")})
    assert (result["stdout"], result["exit_code"], result["success"]) == ('{"message": "hi"}\n', 0, True)
    missing = pipeline.run_tool("missing-tool", {"run_id": run_id, "ws_id": "ws-one", "step": "static"})
    assert (missing["exit_code"], missing["error_code"]) == (-2, "missing_binary")
    ((kind, ws_id, payload),) = events(desk, run_id)
    assert (kind, ws_id, payload["error"], payload["exit_code"]) == ("tool_run", "ws-one", "missing_binary", -2)
    assert rows(desk, "SELECT error_code, count FROM errors") == [("missing_binary", 1)]
    with pytest.raises(UserError, match="unknown 'mesage'; possible are cwd, message"):
        pipeline.run_tool("echo", {"mesage": "hi"})
    with pytest.raises(UserError, match="there is no tool"):
        pipeline.run_tool("no-such-tool")


@pytest.mark.slow
def test_run_workstream_and_validate_scope_tell_the_same_of_a_change(desk: Desk) -> None:
    run = pipeline.run_workstream("ws-a")
    assert (run["status"], [row["ws_id"] for row in run["workstreams"]]) == ("completed", ["ws-a"])
    good = pipeline.validate_scope("ws-a", ["src/ws-a.txt"])
    assert good == {"changed_files": [], "created_files": ["src/ws-a.txt"], "out_of_scope_files": [], "ok": True}
    assert not pipeline.validate_scope("ws-a", ["src/x.txt"], ["docs/"])["ok"]
    wild = pipeline.run_workstream("ws-wild")
    assert (wild["status"], wild["reason"]) == ("failed", "policy_violation")
    found = pipeline.validate_scope("ws-wild", ["src/ws-wild.txt"], run_id=wild["run_id"])
    assert (found["out_of_scope_files"], found["ok"]) == (["src/other.txt"], False)
    waiting = pipeline.create_run()
    pipeline.create_workstream(waiting, bundle("ws-new"))
    for name, sentence in (("ws-new", "has not been worked on"), ("ws-x", "no run of this project")):
        with pytest.raises(UserError, match=sentence):
            pipeline.validate_scope(name, ["src/"])


@pytest.mark.slow
def test_run_pipeline_brings_the_projects_plan_to_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_DRY_RUN", "1")
    assert set(pipeline.run_pipeline()["prompts"]) == {"ws-a", "ws-b", "ws-wild"}
    monkeypatch.delenv("PIPELINE_DRY_RUN")
    run = pipeline.run_pipeline(run_id="whole", max_parallel=1)
    assert (run["run_id"], run["status"], run["counts"]) == ("whole", "partial", {"done": 2, "failed": 1})


def test_the_facade_is_short() -> None:
    assert pipeline.__file__ is not None
    assert len(Path(pipeline.__file__).read_text(encoding="utf-8").splitlines()) <= 200
