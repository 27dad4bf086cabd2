"""Phases performed over HTTP: real gateway, real store, and a model server that says what it is told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from api_server import EPIC, Place, Server, made_place, serving
from event_lines import events
from served import served

from one_model_server import Scripted, model_server
from penstock.config.server import ServerSettings

pytestmark = pytest.mark.slow

USAGE = {"input_tokens": 1200, "output_tokens": 300}


def says(model: Scripted, text: str) -> None:
    """What the model answers from now on."""
    told = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "stop_sequence": None}
    content = [{"type": "text", "text": text}]
    model.body = json.dumps({**told, "content": content, "stop_reason": "end_turn", "usage": USAGE}).encode()
    model.status = 200


def set_up_models(place: Place, model: Scripted) -> None:
    """The user's own configuration: the scripted model is the provider."""
    folder = place.home / ".config" / "penstock"
    folder.mkdir(parents=True)
    upstream = f'[upstreams.anthropic]\nbase_url = "{model.url}"\n[gateway]\nmax_tries = 1\n'
    (folder / "config.toml").write_text(upstream)


@pytest.fixture(scope="module")
def model() -> Iterator[Scripted]:
    """A model server."""
    with model_server() as running:
        yield running


@pytest.fixture(scope="module")
def planning(tmp_path_factory: pytest.TempPathFactory, model: Scripted) -> Iterator[Server]:
    """A server whose models are the scripted one."""
    place = made_place(tmp_path_factory.mktemp("planning"), {})
    set_up_models(place, model)
    with serving(place.penstock(ANTHROPIC_API_KEY="provider-key-0123456789"), ServerSettings()) as running:
        yield running


@pytest.fixture(autouse=True)
def willing(model: Scripted) -> None:
    """Before each test the model answers with a valid epic."""
    says(model, f"Here is the JSON:\n```json\n{json.dumps(EPIC)}\n```")
    model.before = bool


def tokens(server: Server, pipeline: str) -> int:
    return int(server.get(f"/metrics/tokens?pipeline={pipeline}")["total_tokens"])


def test_the_clients_own_flow(planning: Server) -> None:
    made = planning.client.post(
        "/pipelines", json={"epic_description": "Add health check endpoint to orchestrator API"}
    )
    pipeline = made.json()["pipeline_id"]
    advanced = planning.client.post(f"/pipelines/{pipeline}/advance")
    assert advanced.status_code == 200, advanced.text
    found = planning.client.get(f"/pipelines/{pipeline}/artifacts").json()
    assert "epic" in found
    assert found["epic"]["title"] is not None
    assert (advanced.json()["previous_phase"], advanced.json()["current_phase"]) == ("pm_phase", "arch_phase")
    assert tokens(planning, pipeline) == 1500
    report = planning.get(f"/metrics/tokens?pipeline={pipeline}")
    assert [(one["key"], one["calls"]) for one in report["by_role"]] == [("pm", 1)]
    assert planning.get("/api/v1/usage/export?format=json")[0]["role_name"] == "pm"
    phases = planning.get(f"/metrics/pipelines/{pipeline}")["phase_breakdown"]
    assert [(one["phase_name"], one["input_tokens"]) for one in phases] == [("pm_phase", 1200)]


def test_a_day_is_meant_whole_as_on_the_command_line(planning: Server) -> None:
    pipeline = planning.pipeline()
    planning.post(f"/pipelines/{pipeline}/advance")
    for path in ("/metrics/tokens", "/api/v1/usage/report"):
        (day,) = planning.get(f"{path}?pipeline={pipeline}")["by_day"]
        found = planning.get(f"{path}?pipeline={pipeline}&since={day['key']}&until={day['key']}")
        assert found["total_tokens"] == 1500


def test_an_answer_that_is_not_valid_moves_nothing_and_is_paid(planning: Server, model: Scripted) -> None:
    pipeline = planning.pipeline()
    says(model, json.dumps({**EPIC, "stories": []}))
    said = planning.post(f"/pipelines/{pipeline}/advance", None, 422)
    assert said["error"] == "invalid_artifact"
    assert planning.get(f"/pipelines/{pipeline}")["state"] == "pm_phase"
    assert planning.get(f"/pipelines/{pipeline}/artifacts") == {}
    assert tokens(planning, pipeline) == 3 * 1500
    says(model, json.dumps(EPIC))
    planning.post(f"/pipelines/{pipeline}/advance")


def test_a_model_that_fails_moves_nothing(planning: Server, model: Scripted) -> None:
    pipeline = planning.pipeline()
    model.status, model.body = 500, b'{"type": "error", "error": {"type": "api_error", "message": "no"}}'
    assert planning.post(f"/pipelines/{pipeline}/advance", None, 502)["error"] == "model_error"
    assert planning.get(f"/pipelines/{pipeline}")["state"] == "pm_phase"


def changed(server: Server, **config: object) -> None:
    """Change the configuration of the first phase."""
    (phase,) = [one for one in server.get("/api/v1/phases") if one["phase_name"] == "pm_phase"]
    wish = {name: phase[name] for name in ("role_name", "artifact_type", "next_phase")}
    server.put("/api/v1/phases/pm_phase", {**wish, "config": {**phase["config"], **config}})


def test_what_was_answered_before_a_call_failed_is_not_asked_again(planning: Server, model: Scripted) -> None:
    changed(planning, proposals=3)
    try:
        pipeline, before = planning.pipeline(), len(model.asked)

        def fail_third() -> None:
            model.status = 400 if len(model.asked) - before >= 3 else 200

        model.before = fail_third
        planning.post(f"/pipelines/{pipeline}/advance", None, 502)
        (attempt,) = planning.get(f"/api/v1/pipelines/{pipeline}")["attempts"]
        assert (attempt["outcome"], "came to nothing" in attempt["sentence"]) == ("stopped", True)
        model.before, model.status, told = bool, 200, len(model.asked)
        planning.post(f"/pipelines/{pipeline}/advance")
        assert len(model.asked) - told == 2  # the third proposal, and the mentor's
        (attempt,) = planning.get(f"/api/v1/pipelines/{pipeline}")["attempts"]
        assert (attempt["outcome"], attempt["sentence"]) == ("passed", "")
    finally:
        changed(planning, proposals=1)


def test_what_was_changed_since_is_asked_anew(planning: Server, model: Scripted) -> None:
    changed(planning, proposals=2)
    try:
        pipeline, before = planning.pipeline(), len(model.asked)

        def fail_second() -> None:
            model.status = 400 if len(model.asked) - before >= 2 else 200

        model.before = fail_second
        planning.post(f"/pipelines/{pipeline}/advance", None, 502)
    finally:
        changed(planning, proposals=1)
    model.before, model.status, told = bool, 200, len(model.asked)
    planning.post(f"/pipelines/{pipeline}/advance")
    assert len(model.asked) - told == 1
    attempts = planning.get(f"/api/v1/pipelines/{pipeline}")["attempts"]
    assert [one["outcome"] for one in attempts] == ["stopped", "passed"]


def test_who_lost_a_pipeline_to_another_process_ends_nothing_of_it(planning: Server, model: Scripted) -> None:
    pipeline, once = planning.pipeline(), {"Idempotency-Key": "advance-what-is-lost"}

    def taken_over() -> None:
        asyncio.run(planning.penstock.parts.pipelines.claim(pipeline))
        model.status = 400

    model.before = taken_over
    said = planning.post(f"/pipelines/{pipeline}/advance", None, 503, headers=once)
    assert (said["error"], "taken over by another process" in said["message"]) == ("unavailable", True)
    again = planning.post(f"/pipelines/{pipeline}/advance", None, 409, headers=once)
    assert again["error"] == "idempotency_unknown"  # the other process performs it
    (attempt,) = planning.get(f"/api/v1/pipelines/{pipeline}")["attempts"]
    assert (attempt["outcome"], attempt["ended_at"]) == ("", None)
    assert pipeline in planning.penstock.parts.views.unfinished_pipelines()
    kinds = [note["type"] for note in planning.penstock.parts.views.pipeline_notes(pipeline)]
    assert kinds[-1] == "phase_started"


def test_a_budget_that_is_spent_stops_the_phase(planning: Server) -> None:
    pipeline = planning.pipeline()
    planning.put("/api/v1/budgets", {"pipeline_id": pipeline, "tokens": 1})
    assert planning.post(f"/pipelines/{pipeline}/advance", None, 402)["error"] == "budget_exhausted"
    assert (planning.get(f"/pipelines/{pipeline}")["state"], tokens(planning, pipeline)) == ("pm_phase", 0)


@pytest.mark.parametrize("level", ["PIPELINE", "PROJECT"])
def test_a_cap_of_the_settings_stops_the_phase_also_of_a_pipeline_that_is_there_already(
    tmp_path: Path, model: Scripted, level: str
) -> None:
    place = made_place(tmp_path, {})
    set_up_models(place, model)
    keys = {"ANTHROPIC_API_KEY": "provider-key-0123456789"}
    with serving(place.penstock(**keys), ServerSettings()) as before:
        older = before.pipeline()
    limits = {f"PENSTOCK_BUDGETS_{level}_TOKENS": "10"}
    with serving(place.penstock(**keys, **limits), ServerSettings()) as limited:
        for pipeline in (older, limited.pipeline()):
            said = limited.post(f"/pipelines/{pipeline}/advance", None, 402)
            assert (said["error"], tokens(limited, pipeline)) == ("budget_exhausted", 0)
            given = f"--pipeline {pipeline} --usd N" if level == "PIPELINE" else "--usd N"
            assert f"`penstock budget set {given}` (or --tokens N)" in said["details"]["hint"]


def test_two_at_once_perform_the_phase_once(planning: Server, model: Scripted) -> None:
    pipeline, both = planning.pipeline(), threading.Event()
    model.before = lambda: both.wait(30)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(planning.client.post, f"/pipelines/{pipeline}/advance")
        with planning.client.stream("GET", f"/api/v1/pipelines/{pipeline}/events/stream") as answer:
            next(kind for _, kind, _ in events(answer.iter_lines()) if kind == "phase_started")
        assert planning.post(f"/pipelines/{pipeline}/advance", None, 409)["error"] == "invalid_transition"
        assert planning.get("/health")["status"] == "healthy"  # nobody else waits
        both.set()
        assert first.result().status_code == 200
    assert tokens(planning, pipeline) == 1500


def test_an_artifact_of_ones_own_is_refused_while_its_phase_makes_one(planning: Server, model: Scripted) -> None:
    pipeline, asked, go_on = planning.pipeline(), threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        go_on.wait(30)

    model.before = hold
    mine = {"artifact_type": "epic", "payload": {**EPIC, "title": "Mine"}}
    with ThreadPoolExecutor(1) as pool:
        performed = pool.submit(planning.client.post, f"/pipelines/{pipeline}/advance")
        assert asked.wait(30)
        try:
            said = planning.post(f"/api/v1/pipelines/{pipeline}/artifacts", mine, 409)
        finally:
            go_on.set()
        assert "what it makes would replace this" in said["message"]
        assert performed.result().status_code == 200
    planning.post(f"/api/v1/pipelines/{pipeline}/artifacts", mine, 201)
    assert planning.get(f"/pipelines/{pipeline}/artifacts")["epic"]["title"] == "Mine"


def test_who_does_not_wait_is_told_by_events(planning: Server) -> None:
    pipeline = planning.pipeline()
    begun = planning.post(f"/pipelines/{pipeline}/advance?wait=false", None, 202)
    assert (begun["previous_phase"], begun["current_phase"]) == ("pm_phase", "pm_phase")
    with planning.client.stream("GET", f"/api/v1/pipelines/{pipeline}/events/stream") as answer:
        next(kind for _, kind, _ in events(answer.iter_lines()) if kind == "phase_passed")
    assert planning.get(f"/pipelines/{pipeline}")["state"] == "arch_phase"


def test_who_hangs_up_cancels_nothing(planning: Server, model: Scripted) -> None:
    pipeline, asked, gone = planning.pipeline(), threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        gone.wait(30)

    model.before = hold
    with suppress(httpx2.ReadTimeout), httpx2.Client(base_url=planning.url, timeout=0.5) as impatient:
        impatient.post(f"/pipelines/{pipeline}/advance")
    assert asked.wait(30)
    gone.set()
    with planning.client.stream("GET", f"/api/v1/pipelines/{pipeline}/events/stream") as answer:
        next(kind for _, kind, _ in events(answer.iter_lines()) if kind == "phase_passed")


def test_the_same_advance_again_is_the_same_answer(planning: Server) -> None:
    pipeline = planning.pipeline()
    headers = {"Idempotency-Key": f"advance-{pipeline}"}
    first = planning.post(f"/pipelines/{pipeline}/advance", headers=headers)
    assert planning.post(f"/pipelines/{pipeline}/advance", headers=headers) == first
    assert planning.get(f"/pipelines/{pipeline}")["state"] == "arch_phase"
    assert tokens(planning, pipeline) == 1500


def test_a_phase_that_a_person_must_approve_waits(planning: Server) -> None:
    (phase,) = [one for one in planning.get("/api/v1/phases") if one["phase_name"] == "pm_phase"]
    wish = {name: phase[name] for name in ("role_name", "artifact_type", "next_phase")}
    planning.put("/api/v1/phases/pm_phase", {**wish, "config": {**phase["config"], "requires_approval": True}})
    try:
        pipeline = planning.pipeline()
        assert planning.post(f"/pipelines/{pipeline}/advance", None, 409)["error"] == "approval_required"
        waiting = [one for one in planning.get("/api/v1/approvals") if one["id"] == pipeline]
        assert [one["what"] for one in waiting] == ["pm_phase"]
        assert planning.get(f"/pipelines/{pipeline}")["status"] == "waiting"
        planning.post(waiting[0]["approve"], {"by": "me"})
        assert planning.post(f"/pipelines/{pipeline}/advance")["current_phase"] == "arch_phase"
    finally:
        planning.put("/api/v1/phases/pm_phase", {**wish, "config": phase["config"]})


def test_a_phase_goes_on_after_a_kill_in_the_midst_of_a_call(tmp_path: Path, model: Scripted) -> None:
    place, asked, gone = made_place(tmp_path, {}), threading.Event(), threading.Event()
    set_up_models(place, model)
    key = {"ANTHROPIC_API_KEY": "provider-key-0123456789"}

    def hold() -> None:
        asked.set()
        gone.wait(30)

    model.before = hold
    with served(place, "--port", "0", **key) as server, server.until_listening() as client:
        pipeline = client.post("/pipelines", json={"epic_description": "Add a page"}).json()["pipeline_id"]
        assert client.post(f"/pipelines/{pipeline}/advance?wait=false").status_code == 202
        assert asked.wait(30)
        server.process.kill()
        server.over()
    gone.set()
    with served(place, "--port", "0", **key) as server, server.until_listening() as client:
        with client.stream("GET", f"/api/v1/pipelines/{pipeline}/events/stream") as answer:
            next(kind for _, kind, _ in events(answer.iter_lines()) if kind == "phase_passed")
        assert client.get(f"/pipelines/{pipeline}/artifacts").json()["epic"]["title"] == EPIC["title"]
        assert f"taken_up pipelines={pipeline}" in server.end()[1]


def test_who_waits_is_told_that_the_server_stops(tmp_path: Path, model: Scripted) -> None:
    place, asked, gone = made_place(tmp_path, {}), threading.Event(), threading.Event()
    set_up_models(place, model)

    def hold() -> None:
        asked.set()
        gone.wait(60)

    model.before = hold
    key, headers = {"ANTHROPIC_API_KEY": "provider-key-0123456789"}, {"Idempotency-Key": "advance-once"}
    with (
        served(place, "--port", "0", **key) as server,
        server.until_listening() as client,
        ThreadPoolExecutor(1) as pool,
    ):
        pipeline = client.post("/pipelines", json={"epic_description": "Add a page"}).json()["pipeline_id"]
        waiting = pool.submit(client.post, f"/pipelines/{pipeline}/advance", headers=headers)
        assert asked.wait(30)
        server.process.terminate()
        answer = waiting.result()
        assert (answer.status_code, answer.json()["error"]) == (503, "server_stops")
        gone.set()
        assert server.over()[0] == 0
    with served(place, "--port", "0", **key) as server, server.until_listening() as client:
        with client.stream("GET", f"/api/v1/pipelines/{pipeline}/events/stream") as answer:
            next(kind for _, kind, _ in events(answer.iter_lines()) if kind == "phase_passed")
        answer = client.post(f"/pipelines/{pipeline}/advance", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (409, "idempotency_unknown")
        assert client.get(f"/pipelines/{pipeline}").json()["current_phase"] == "arch_phase"
