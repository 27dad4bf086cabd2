"""Runs over HTTP: made, followed, and asked of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import Place, Server, bundle, made_place, serving
from event_lines import events

from penstock.bootstrap import build
from penstock.config.server import ServerSettings
from penstock.submission import SERVER


def ended(server: Server, run: str) -> dict[str, object]:
    """The run once it has ended: its own events say when."""
    with server.client.stream("GET", f"/api/v1/runs/{run}/events/stream") as answer:
        for _, _, row in events(answer.iter_lines()):
            found = server.get(f"/api/v1/runs/{run}") if row["event_type"] else {}
            if found["status"] not in {"pending", "running"}:
                return dict(found)
    raise AssertionError("the stream ended before the run")


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[Server]:
    """A server for a project whose commands nobody has agreed to."""
    with serving(made_place(tmp_path, {"ws-one": bundle("ws-one")}).penstock(), ServerSettings()) as running:
        yield running


@pytest.mark.slow
def test_a_run_is_made_followed_and_comes_to_its_end(server: Server) -> None:
    made = server.post("/api/v1/runs", {}, 201)
    run = made["run_id"]
    assert made["branch"] == f"penstock/{run}"
    assert server.penstock.parts.views.run(run)["metadata"]["begun_by"] == SERVER
    found = ended(server, run)
    assert found["status"] == "completed", found
    assert [one["status"] for one in server.get(f"/api/v1/runs/{run}/workstreams")] == ["done"]
    assert server.get(f"/api/v1/runs/{run}/workstreams/ws-one")["status"] == "done"
    assert server.get(f"/api/v1/runs/{run}/attempts?ws_id=ws-one")
    assert server.get(f"/api/v1/runs/{run}/verdicts")
    assert server.get(f"/api/v1/runs/{run}/errors") == []
    first, *rest = server.get(f"/api/v1/runs/{run}/events")
    assert server.get(f"/api/v1/runs/{run}/events?after={first['id']}") == rest
    assert run in [one["run_id"] for one in server.get("/api/v1/runs?status=completed")]
    for path in ("pause", "cancel", "approve"):
        body = {"workstream": "ws-one"} if path == "approve" else None
        assert server.post(f"/api/v1/runs/{run}/{path}", body, 409)["error"] == "invalid_transition"
    server.post(f"/api/v1/runs/{run}/workstreams/ws-one/reset", None, 409)


@pytest.mark.slow
def test_a_run_waits_for_an_approval_is_paused_and_goes_on(tmp_path: Path) -> None:
    place = made_place(tmp_path, {"ws-one": bundle("ws-one")})
    penstock = place.penstock(PENSTOCK_APPROVALS="review")
    penstock.projects.trust_here(penstock.projects.current())
    with serving(penstock, ServerSettings()) as server:
        run = server.post("/api/v1/runs", {"run_id": "waits"}, 201)["run_id"]
        with server.client.stream("GET", f"/api/v1/runs/{run}/events/stream") as answer:
            for _ in events(answer.iter_lines()):
                waiting = server.get("/api/v1/approvals")
                if waiting:
                    break
        assert [(one["kind"], one["id"], one["what"]) for one in waiting] == [("workstream", "waits", "ws-one")]
        assert server.post("/api/v1/runs", {"run_id": "waits"}, 409)["error"] == "conflict"
        server.post(waiting[0]["approve"], {"workstream": "ws-one", "by": "me"})
        assert ended(server, run)["status"] == "completed"
        assert server.get("/api/v1/approvals") == []


@pytest.mark.slow
def test_a_gate_that_is_closed_waits_for_an_approval(tmp_path: Path) -> None:
    later = {**bundle("ws-two"), "gate": 2, "depends_on": ["ws-one"]}
    place = made_place(tmp_path, {"ws-one": bundle("ws-one"), "ws-two": later})
    penstock = place.penstock(PENSTOCK_APPROVALS="gate")
    penstock.projects.trust_here(penstock.projects.current())
    with serving(penstock, ServerSettings()) as server:
        run = server.post("/api/v1/runs", {}, 201)["run_id"]
        with server.client.stream("GET", f"/api/v1/runs/{run}/events/stream") as answer:
            for _ in events(answer.iter_lines()):
                if server.get(f"/api/v1/runs/{run}/workstreams/ws-one")["status"] == "done":
                    break
        (waiting,) = server.get("/api/v1/approvals")
        assert (waiting["kind"], waiting["id"], waiting["what"]) == ("gate", run, "2")
        server.post(waiting["approve"], {"gate": 2, "by": "me"})
        assert ended(server, run)["status"] == "completed"
        assert server.get("/api/v1/approvals") == []


def test_a_project_that_nobody_trusts_is_not_run(stubborn: Server) -> None:
    assert stubborn.post("/api/v1/runs", {}, 409)["error"] == "not_trusted"
    assert stubborn.get("/api/v1/runs") == []


@pytest.mark.parametrize(
    "body",
    [
        {"plan": "/etc"},
        {"plan": "../elsewhere"},
        {"plan": "nowhere"},
        {"plan": "a\nb"},
        {"plan": "loop"},
        {"plan": "x" * 300},
        {"run_id": "../x"},
        {"run_id": "latest"},
        {"workstream": "nobody"},
        {"max_parallel": 0},
        {"max_cost_usd": -1},
        {"unknown": True},
    ],
)
def test_a_run_that_can_not_be_is_not_made(server: Server, place: Place, body: dict[str, object]) -> None:
    loop = place.project / "loop"
    if not loop.is_symlink():
        loop.symlink_to("loop")
    before = server.get("/api/v1/runs")
    server.post("/api/v1/runs", body, 422)
    assert server.get("/api/v1/runs") == before


@pytest.mark.parametrize(
    "path", ["", "/workstreams", "/workstreams/ws-one", "/attempts", "/verdicts", "/errors", "/events"]
)
def test_a_run_that_is_not_there_is_told(server: Server, path: str) -> None:
    assert server.get(f"/api/v1/runs/run-none{path}", 404)["error"] == "not_found"


@pytest.mark.parametrize("path", ["pause", "resume", "cancel", "abandon", "workstreams/ws-one/reset"])
def test_nothing_can_be_asked_of_a_run_that_is_not_there(server: Server, path: str) -> None:
    assert server.post(f"/api/v1/runs/run-none/{path}", None, 404)["error"] == "not_found"


@pytest.mark.parametrize("body", [{}, {"workstream": "ws-one", "gate": 1}, {"gate": -1}, {"workstream": 7}])
def test_an_approval_says_of_what(server: Server, body: dict[str, object]) -> None:
    server.post("/api/v1/runs/run-none/approve", body, 422)


def test_the_project_of_requests_without_one_is_told(server: Server) -> None:
    assert server.get("/api/v1/projects/current")["path"] == str(server.penstock.parts.folder)


def test_outside_of_a_project_it_is_said_what_to_do(tmp_path: Path) -> None:
    place = made_place(tmp_path, {})
    with serving(build(folder=place.home, environ=place.environ()), ServerSettings()) as server:
        for said in (
            server.get("/api/v1/projects/current", 409),
            server.post("/pipelines", {"epic_description": "x"}, 409),
            server.post("/api/v1/runs", {}, 409),
        ):
            assert said["error"] == "no_project"
            assert "git init" in said["details"]["hint"]
