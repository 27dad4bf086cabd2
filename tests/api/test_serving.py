"""The process that serves: its start, its refusals, its end, and what goes on after it."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from pathlib import Path

import pytest
from api_server import Place, bundle, made_place
from event_lines import events
from served import served

from penstock.api.serving import AddressTaken, NotOpenToAll, listen, must_be_safe
from penstock.domain.errors import WorldError

pytestmark = pytest.mark.slow
FREE = ("--port", "0")
FLAGS = ("DATA_DRIVEN_ORCHESTRATION", "WORKBENCH_DATA_DRIVEN_ORCHESTRATION")


@pytest.fixture
def own(tmp_path: Path) -> Place:
    """A project of this test alone."""
    return made_place(tmp_path, {})


def test_it_starts_without_a_key_says_so_and_ends_in_peace(own: Place) -> None:
    with served(own, *FREE) as server, server.until_listening() as client:
        assert client.get("/health").json()["status"] == "healthy"
        made = client.post("/pipelines", json={"epic_description": "Add a page"}).json()
        code, said = server.end()
    assert code == 0, said
    assert "ANTHROPIC_API_KEY" in said
    assert "stopped" in said
    with served(own, *FREE) as server, server.until_listening() as client:
        assert client.get(f"/pipelines/{made['pipeline_id']}").json()["state"] == "pm_phase"
        assert server.end(signal.SIGINT)[0] == 0


def test_a_stream_does_not_hold_the_end_up(own: Place) -> None:
    with served(own, *FREE) as server, server.until_listening() as client:
        made = client.post("/pipelines", json={"epic_description": "Add a page"}).json()
        with client.stream("GET", f"/api/v1/pipelines/{made['pipeline_id']}/events/stream") as answer:
            coming = events(answer.iter_lines())
            assert next(coming)[1] == "pipeline_created"
            server.process.terminate()
            assert list(coming) == []
        assert server.over()[0] == 0


def test_who_has_no_key_can_not_fill_its_memory_with_a_head(own: Place) -> None:
    with served(own, *FREE, API_KEYS="a-key-of-mine") as server, server.until_listening() as client:
        with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=30) as line:
            line.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-more: ")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 32 * 1024 * 1024:
                    sent += line.send(b"a" * 8000)
        assert sent < 16 * 1024 * 1024
        assert client.get("/health").status_code == 200


def test_a_taken_port_is_an_error_of_the_environment(own: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with served(own, "--host", "127.0.0.1", "--port", str(port)) as server:
            code, said = server.over()
    assert code == 3
    assert f"127.0.0.1:{port}" in said
    assert "--port" in said


def test_elsewhere_it_does_not_listen_without_a_key(own: Place) -> None:
    with served(own, "--host", "0.0.0.0", *FREE) as server:
        code, said = server.over()
    assert code == 2
    assert "API_KEYS" in said
    with (
        served(own, "--host", "0.0.0.0", "--allow-unauthenticated", *FREE) as server,
        server.until_listening() as client,
    ):
        port = client.base_url.port
        health = client.get(f"http://127.0.0.1:{port}/health").json()
        assert health["unauthenticated"] is True
        assert client.get(f"http://127.0.0.1:{port}/health", headers={"Host": "0.0.0.0"}).status_code == 403
        assert "without a key" in server.end()[1] or "no key" in "".join(server.said)


def test_elsewhere_it_listens_with_a_key_which_nobody_is_told(own: Place) -> None:
    environ = {"API_HOST": "0.0.0.0", "API_PORT": "0", "API_KEYS": "first-key, second-key"}
    with served(own, **environ) as server, server.until_listening() as client:
        address = f"http://127.0.0.1:{client.base_url.port}"
        assert client.get(f"{address}/health").json()["unauthenticated"] is False
        assert client.get(f"{address}/pipelines/x").status_code == 401
        assert client.get(f"{address}/pipelines/x", headers={"X-API-Key": "second-key"}).status_code == 404
        said = server.end()[1]
    assert "first-key" not in said
    assert "second-key" not in said


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", ["false", "FALSE", "0"])
def test_there_is_no_other_way_than_by_data(own: Place, name: str, value: str) -> None:
    with served(own, *FREE, **{name: value}) as server:
        code, said = server.over()
    assert code == 2
    assert name in said
    assert "no other way" in said


def test_two_spellings_that_differ_are_told(own: Place) -> None:
    with served(own, *FREE, **dict(zip(FLAGS, ("True", "false"), strict=True))) as server:
        server.until_listening().close()
        code, said = server.end()
    assert code == 0
    assert all(name in said for name in FLAGS)
    assert "differ" in said


@pytest.mark.parametrize(
    "environ",
    [
        {"API_PORT": "99999"},
        {"API_PORT": "many"},
        {"MAX_REQUEST_BODY_SIZE": "huge"},
        {"API_KEYS": "short"},
        {"DATA_DRIVEN_ORCHESTRATION": "maybe"},
    ],
)
def test_settings_that_can_not_be_never_start(own: Place, environ: dict[str, str]) -> None:
    with served(own, **environ) as server:
        code, said = server.over()
    assert code == 2, said
    assert "listening" not in said


def test_a_run_goes_on_after_a_kill(tmp_path: Path) -> None:
    writes = {"write": {"path": "src/ws-one.txt", "content": "good\n"}}
    slow = {**bundle("ws-one"), "metadata": {"scripted": [[{"sleep": 2}, writes]] * 4}}
    place = made_place(tmp_path, {"ws-one": slow})
    penstock = place.penstock()
    penstock.projects.trust_here(penstock.projects.current())
    with served(place, *FREE) as server, server.until_listening() as client:
        assert client.post("/api/v1/runs", json={"run_id": "lasting"}).status_code == 201
        with client.stream("GET", "/api/v1/runs/lasting/events/stream") as answer:
            next(kind for _, kind, _ in events(answer.iter_lines()) if "started" in kind or "run" in kind)
            server.process.kill()
        server.over()
    with served(place, *FREE) as server, server.until_listening() as client:
        with client.stream("GET", "/api/v1/runs/lasting/events/stream") as answer:
            for _ in events(answer.iter_lines()):
                found = client.get("/api/v1/runs/lasting").json()
                if found["status"] not in {"pending", "running"}:
                    break
        assert found["status"] == "completed", json.dumps(found)
        code, said = server.end()
    assert code == 0
    assert "taken_up runs=lasting" in said


def test_names_and_addresses_of_this_machine_are_told_from_others() -> None:
    assert must_be_safe("localhost", has_keys=False, is_allowed=False) is False
    assert must_be_safe("::1", has_keys=False, is_allowed=False) is False
    assert must_be_safe("0.0.0.0", has_keys=True, is_allowed=False) is False
    assert must_be_safe("0.0.0.0", has_keys=False, is_allowed=True) is True
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(NotOpenToAll):
            must_be_safe(host, has_keys=False, is_allowed=False)


def test_what_can_not_be_listened_at_is_told() -> None:
    with pytest.raises(AddressTaken):
        listen("192.0.2.1", 0)
    with pytest.raises(WorldError, match="no address"):
        must_be_safe("nowhere.invalid", has_keys=False, is_allowed=False)
