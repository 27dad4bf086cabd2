"""The same write again gets the first answer, and does nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from api_server import EPIC, Server, serving

from penstock.bootstrap import build
from penstock.config.server import ServerSettings

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
