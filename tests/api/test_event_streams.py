"""Server-sent events: a cursor replays, what comes follows, and errors are answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from api_server import EPIC, Server
from event_lines import events
from starlette.types import Message

from penstock.adapters.store.failures import DatabaseBusy
from penstock.adapters.store.library_views import SqlLibraryViews
from penstock.api.ending import Ending
from penstock.api.here import ApiState
from penstock.api.problems import ServerStops
from penstock.api.streams import stream


def all_of(server: Server, path: str, **headers: str) -> list[tuple[str, str, dict[str, object]]]:
    answer = server.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return list(events(iter(answer.text.splitlines())))


def put_epic(server: Server, pipeline: str) -> None:
    server.post(f"/pipelines/{pipeline}/artifacts", {"artifact_type": "epic", "payload": EPIC}, 201)


def test_what_has_happened_is_replayed_after_a_cursor(server: Server) -> None:
    pipeline = server.pipeline()
    put_epic(server, pipeline)
    path = f"/api/v1/pipelines/{pipeline}/events/stream?follow=false"
    every = all_of(server, path)
    assert [kind for _, kind, _ in every] == ["pipeline_created", "artifact_stored"]
    first, last = every[0][0], every[-1][0]
    assert all_of(server, f"{path}&after={first}") == every[1:]
    assert all_of(server, path, **{"Last-Event-ID": first}) == every[1:]
    assert all_of(server, f"{path}&after=0", **{"Last-Event-ID": last}) == []
    assert [row["id"] for row in server.get(f"/api/v1/pipelines/{pipeline}/events")] == [int(one[0]) for one in every]


def test_what_happens_comes_by_itself(server: Server) -> None:
    pipeline = server.pipeline()
    with server.client.stream("GET", f"/api/v1/pipelines/{pipeline}/events/stream") as answer:
        coming = events(answer.iter_lines())
        assert next(coming)[1] == "pipeline_created"
        put_epic(server, pipeline)
        assert next(coming)[1] == "artifact_stored"


@pytest.mark.parametrize("kind", ["pipelines", "runs"])
def test_a_stream_of_nothing_is_an_answer_that_says_so(server: Server, kind: str) -> None:
    assert server.get(f"/api/v1/{kind}/none/events/stream", 404)["error"] == "not_found"


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 20])
def test_a_cursor_that_is_none_is_refused(server: Server, cursor: str) -> None:
    pipeline = server.pipeline()
    path = f"/api/v1/pipelines/{pipeline}/events/stream"
    server.get(path, 422, headers={"Last-Event-ID": cursor})
    server.get(f"{path}?after={cursor}", 422)


def test_who_finds_no_place_is_refused_and_does_not_wait() -> None:
    """Two that come at once, and one place."""
    told: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        told.append(message)
        await asyncio.sleep(0)

    async def both() -> list[object]:
        here = SimpleNamespace(streams=asyncio.Semaphore(1), ending=Ending())
        answers = [await stream(cast("ApiState", here), lambda _at: [], "type", 0, follows=True) for _ in range(2)]
        running = [asyncio.create_task(one({"type": "http"}, receive, send)) for one in answers]
        await asyncio.wait(running, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        here.ending.begin()
        return await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 5)

    first, second = asyncio.run(both())
    assert first is None
    assert isinstance(second, ServerStops)
    assert [one["type"] for one in told].count("http.response.start") == 1


def test_a_database_that_fails_in_the_middle_ends_the_stream_and_says_so(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline, asked = server.pipeline(), list[int]()

    def look(_: object, _pipeline: str, *, after: int = 0, **_more: object) -> list[dict[str, object]]:
        asked.append(after)
        if after:
            raise DatabaseBusy("the database is busy")
        return [{"id": 7, "type": "x"}]

    monkeypatch.setattr(SqlLibraryViews, "pipeline_notes", look)
    answer = server.client.get(f"/api/v1/pipelines/{pipeline}/events/stream")
    assert asked == [0, 7]
    assert answer.text.endswith('event: problem\ndata: {"error": "unavailable", "message": "the database is busy"}\n\n')
    assert "request_failed" not in caplog.text
