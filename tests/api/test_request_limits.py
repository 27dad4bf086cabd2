"""Requests that are too large, or that nobody can read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from api_server import Server

KEY = {"X-API-Key": "first-key"}


def test_a_body_that_says_it_is_too_large_is_refused(locked: Server) -> None:
    said = locked.post("/pipelines", {"epic_description": "x" * 3000}, 413, headers=KEY)
    assert said["error"] == "too_large"
    assert "2000 bytes" in said["message"]


def test_a_body_in_pieces_is_counted_as_it_comes(locked: Server) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"epic_description": "'
        for _ in range(40):
            yield b"x" * 100
        yield b'"}'

    for more in ({}, {"Idempotency-Key": "pieces"}):
        headers = {**KEY, "Content-Type": "application/json", **more}
        answer = locked.client.post("/pipelines", content=pieces(), headers=headers)
        assert answer.status_code == 413, answer.text
        assert answer.json()["error"] == "too_large"
    assert locked.get("/api/v1/pipelines", headers=KEY) == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"nonsense",
        b"\xff\xfe{}",
        b'{"epic_description": "\\ud800"}',
        b'{"epic_description": "\\u0000"}',
        b'{"epic_description": "x", "initial_context": {"n": NaN}}',
        b'{"epic_description": "x", "initial_context": {"n": Infinity}}',
        b'{"epic_description": "x", "initial_context": {"n": 1e999}}',
        b'{"epic_description": "x", "initial_context": {"n": ' + b"9" * 5000 + b"}}",
        b'{"epic_description": "x", "initial_context": {"n": ' + b"[" * 100 + b"]" * 100 + b"}}",
        b'{"epic_description": "x", "initial_context": {"n": ' + b"[" * 200_000 + b"]" * 200_000 + b"}}",
        b'{"epic_description": 7}',
        b'{"epic_description": "x", "initial_context": []}',
        b"[]",
        b"null",
        b'{"epic_description": "x", "initial_context": {"token_budget": "many"}}',
        json.dumps({"epic_description": "x" * 50_001}).encode(),
        json.dumps({"epic_id": "x" * 129}).encode(),
        b'{"epic_id": "a\\nb"}',
        b'{"epic_description": "   ", "epic_id": ""}',
        b"{}",
    ],
)
def test_a_body_that_can_not_be_taken_changes_nothing(server: Server, body: bytes) -> None:
    before = server.get("/metrics/summary")["total_pipelines"]
    answer = server.client.post("/pipelines", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert len(answer.json()["message"]) > 10
    assert server.get("/metrics/summary")["total_pipelines"] == before


def test_faults_are_listed_without_what_was_given(server: Server) -> None:
    said = server.post("/api/v1/pipelines", {"epic": "sk-secret-thing", "description": 5}, 422)
    assert {tuple(fault["loc"]) for fault in said["detail"]} == {("body", "epic"), ("body", "description")}
    assert "sk-secret-thing" not in json.dumps(said)


@pytest.mark.parametrize("path", ["/pipelines/a%00b", "/api/v1/runs?project=%00", "/pipelines/" + "x" * 9000])
def test_an_address_that_can_not_be_ours_is_refused(server: Server, path: str) -> None:
    assert server.get(path, 400)["error"] == "bad_request"


@pytest.mark.parametrize(
    "question", ["limit=0", "limit=501", "limit=x", "offset=-1", "offset=99999999999999999999", "status=odd"]
)
def test_a_page_that_can_not_be_is_refused(server: Server, question: str) -> None:
    server.get(f"/api/v1/pipelines?{question}", 422)


def test_unknown_paths_and_methods_are_told(server: Server) -> None:
    assert server.get("/nowhere", 404)["error"] == "not_found"
    assert server.put("/pipelines", {}, 405)["error"] == "method_not_allowed"
    assert server.post("/reset", None, 404)["error"] == "not_found"
