"""The same write again gets the first answer, and does nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any, cast

import pytest
from api_server import EPIC, Server, serving
from starlette.types import Message, Receive, Scope, Send

from penstock.api.idempotency import Idempotency
from penstock.api.wire import MAY_BE_DONE
from penstock.bootstrap import build
from penstock.config.server import ServerSettings
from penstock.domain.errors import WorldError
from penstock.parts import Parts
from penstock.ports.library import KeptReply

BODY = {"epic_description": "Add a page"}


def test_the_same_request_again_makes_nothing_more(server: Server) -> None:
    headers = {"Idempotency-Key": "make-one"}
    before = server.get("/metrics/summary")["total_pipelines"]
    first = server.client.post("/pipelines", json=BODY, headers=headers)
    again = server.client.post("/pipelines", json=BODY, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert server.get("/metrics/summary")["total_pipelines"] == before + 1


def test_the_same_key_for_another_request_is_refused(server: Server) -> None:
    headers = {"Idempotency-Key": "make-two"}
    server.post("/pipelines", BODY, 201, headers=headers)
    said = server.post("/pipelines", {"epic_description": "Another"}, 422, headers=headers)
    assert said["error"] == "idempotency_key_reused"
    assert server.post("/api/v1/pipelines", BODY, 422, headers=headers)["error"] == "idempotency_key_reused"


def test_what_came_to_nothing_may_be_tried_again(server: Server) -> None:
    pipeline = server.pipeline()
    headers = {"Idempotency-Key": "advance-one"}
    for _ in range(2):
        assert server.post(f"/pipelines/{pipeline}/advance", None, 503, headers=headers)["error"] == "no_upstream"


def test_many_at_once_do_it_once(server: Server) -> None:
    pipeline = server.pipeline()
    body = {"artifact_type": "epic", "payload": EPIC, "phase": "pm_phase", "mentor_role": "pm"}

    def put(_number: int) -> int:
        headers = {"Idempotency-Key": f"put-{pipeline}"}
        return server.client.post(f"/pipelines/{pipeline}/artifacts", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(put, range(8)))
    assert 201 in statuses
    assert statuses <= {201, 409}
    assert len(server.get(f"/pipelines/{pipeline}/artifacts?format=list")["artifacts"]) == 1


@pytest.mark.parametrize("key", ["x" * 256, "tab\tinside"])
def test_a_key_that_is_none_is_refused(server: Server, key: str) -> None:
    server.post("/pipelines", BODY, 400, headers={"Idempotency-Key": key})


def test_an_answer_outlives_the_server(server: Server) -> None:
    """What is kept is in the store: another process gives it, too."""
    headers = {"Idempotency-Key": "make-three"}
    first = server.post("/pipelines", BODY, 201, headers=headers)
    parts = server.penstock.parts
    with serving(build(folder=parts.folder, environ=parts.environ), ServerSettings()) as other:
        assert other.post("/pipelines", BODY, 201, headers=headers) == first


@pytest.mark.parametrize("keys", [("", "real"), ("real", ""), ("one", "two")])
def test_a_key_that_is_given_twice_is_refused(server: Server, keys: tuple[str, str]) -> None:
    before = server.get("/metrics/summary")["total_pipelines"]
    connection, body = HTTPConnection(server.client.base_url.host, server.client.base_url.port), json.dumps(BODY)
    connection.putrequest("POST", "/pipelines")
    for key in keys:
        connection.putheader("Idempotency-Key", key)
    for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body)))):
        connection.putheader(name, value)
    connection.endheaders(body.encode())
    assert connection.getresponse().status == 400
    connection.close()
    assert server.get("/metrics/summary")["total_pipelines"] == before


class ShelfOfReplies:
    """Replies in memory; whatever is named in `fails` finds the database away."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self._kept: dict[str, KeptReply] = {}

    async def begin(self, key: str, digest: str, now: datetime) -> KeptReply | None:
        self._reach("begin")
        self.begun = key, digest, now
        found = self._kept.get(key)
        self._kept.setdefault(key, KeptReply(digest=digest))
        return found

    async def finish(self, key: str, reply: KeptReply) -> None:
        self._reach("finish")
        self._kept[key] = reply

    async def forget(self, key: str) -> None:
        self._reach("forget")
        self._kept.pop(key, None)

    def _reach(self, what: str) -> None:
        if what in self.fails:
            raise WorldError("the database is away")


class Writing:
    """An application that writes with each request and answers as it is told, behind the layer."""

    def __init__(self) -> None:
        self.replies, self.written, self.status = ShelfOfReplies(), 0, 201
        self.before: Callable[[Scope], object] = bool
        """What is done before it answers."""
        self.asks_meanwhile, self.told_meanwhile = False, list[tuple[int, Any]]()
        parts = SimpleNamespace(replies=self.replies, clock=SimpleNamespace(now=lambda: datetime.now(UTC)))
        self._layer = Idempotency(self._write, parts=cast("Parts", parts))

    def ask(self) -> tuple[int, Any]:
        """Status and body of the same request with the same key."""
        return asyncio.run(self._ask())

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.written += 1
        self.before(scope)
        if self.asks_meanwhile:
            self.told_meanwhile.append(await self._ask())
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def _ask(self) -> tuple[int, Any]:
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        head = {"type": "http", "method": "POST", "path": "/x", "query_string": b""}
        await self._layer({**head, "headers": [(b"idempotency-key", b"k")]}, receive, send)
        return told[0]["status"], json.loads(b"".join(one.get("body", b"") for one in told))


@pytest.fixture
def writing() -> Writing:
    return Writing()


def test_a_database_that_is_away_is_told_as_such(writing: Writing) -> None:
    writing.replies.fails = {"begin"}
    status, told = writing.ask()
    assert (status, told["error"], writing.written) == (503, "unavailable", 0)
    writing.replies.fails = set()
    assert writing.ask()[0] == 201


def test_an_answer_that_can_t_be_kept_is_given_and_nothing_is_done_again(writing: Writing) -> None:
    writing.replies.fails = {"finish"}
    assert writing.ask()[0] == 201
    writing.replies.fails = set()
    status, told = writing.ask()
    assert (status, told["error"], writing.written) == (409, "idempotency_unknown", 1)


def test_a_refusal_is_given_though_its_key_can_t_be_freed(writing: Writing) -> None:
    writing.replies.fails, writing.status = {"forget"}, 404
    assert writing.ask() == (404, {})


def test_what_goes_on_without_who_asked_is_not_begun_again(writing: Writing) -> None:
    writing.status, writing.before = 503, lambda scope: scope.update({MAY_BE_DONE: True})
    assert writing.ask()[0] == 503
    status, told = writing.ask()
    assert (status, told["error"], writing.written) == (409, "idempotency_unknown", 1)


def test_a_request_that_is_under_way_is_told_from_one_whose_server_was_killed(writing: Writing) -> None:
    writing.asks_meanwhile = True
    assert writing.ask()[0] == 201
    ((status, told),) = writing.told_meanwhile
    assert (status, told["error"], writing.written) == (409, "idempotency_in_progress", 1)
    other = Writing()
    asyncio.run(other.replies.begin(*writing.replies.begun))  # as a server that was killed has left it
    status, told = other.ask()
    assert (status, told["error"], other.written) == (409, "idempotency_unknown", 0)


def test_what_breaks_off_is_not_begun_again(writing: Writing) -> None:
    def break_off(_scope: Scope) -> None:
        raise asyncio.CancelledError

    writing.before = break_off
    with pytest.raises(asyncio.CancelledError):
        writing.ask()
    status, told = writing.ask()
    assert (status, told["error"], writing.written) == (409, "idempotency_unknown", 1)
