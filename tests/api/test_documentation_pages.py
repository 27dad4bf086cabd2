"""The documentation: complete, and shown without any other server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api_server import Server, made_place, serving

from penstock.config.server import ServerSettings

PROMISED = (
    "POST /pipelines",
    "GET /pipelines/{pipeline_id}",
    "POST /pipelines/{pipeline_id}/advance",
    "GET /pipelines/{pipeline_id}/artifacts",
    "POST /pipelines/{pipeline_id}/artifacts",
    "GET /artifacts/{artifact_id}",
    "GET /metrics",
    "GET /metrics/tokens",
    "GET /metrics/summary",
    "GET /metrics/pipelines/{pipeline_id}",
    "GET /metrics/recent",
    "GET /metrics/daily-costs",
    "GET /metrics/prometheus",
    "GET /health",
    "GET /",
)
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_page_loads_from_this_server_alone(server: Server, path: str) -> None:
    answer = server.client.get(path)
    assert answer.status_code == 200
    assert "//" not in answer.text.replace("<!doctype html>", "")
    for policy in answer.headers["content-security-policy"].split(";"):
        assert not re.search(r"https?:|\*", policy), policy
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(loaded) >= 3
    for one in loaded:
        found = server.client.get(one)
        assert found.status_code == 200, one
        assert len(found.content) > 50
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["nothing.js", "..%2fapp.py", "__init__.py", "docs.js%00"])
def test_other_files_are_not_served(server: Server, name: str) -> None:
    assert server.client.get(f"/assets/{name}").status_code in {400, 404}


def test_every_promised_operation_is_described(server: Server) -> None:
    described = server.get("/openapi.json")["paths"]
    there = {f"{method.upper()} {path}" for path, found in described.items() for method in found}
    assert not set(PROMISED) - there
    assert not [one for one in there if "reset" in one and "combine" in one]


def test_every_operation_tells_what_it_answers_and_has_a_name_of_its_own(server: Server) -> None:
    document = server.get("/openapi.json")
    operations = [
        (path, method, found[method])
        for path, found in document["paths"].items()
        for method in METHODS
        if method in found
    ]
    names = [one["operationId"] for _, _, one in operations]
    assert len(names) == len(set(names))
    for path, method, one in operations:
        assert {"400", "401", "403", "413", "422", "500", "503"} <= set(one["responses"]), path
        assert one["description"], path
        for status, answer in one["responses"].items():
            assert answer["description"], (path, status)
            assert answer.get("content"), (path, status)
        if method != "get":
            assert any(found["name"] == "idempotency-key" for found in one["parameters"]), path
            assert "409" in one["responses"], path


def test_the_landing_page_and_the_information_are_one_address(server: Server) -> None:
    assert server.get("/")["status"] == "healthy"
    page = server.client.get("/", headers={"Accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    assert 'href="/docs"' in page.text


def test_health_tells_of_the_database_and_of_the_missing_key(server: Server) -> None:
    said = server.get("/health")
    assert said["status"] == "healthy"
    assert said["database"] == {"kind": "sqlite", "status": "connected", "message": None}
    assert said["upstream"]["status"] == "missing"
    assert "ANTHROPIC_API_KEY" in said["upstream"]["message"]
    assert (said["unauthenticated"], said["data_driven_orchestration"]) == (False, True)


def test_health_is_bad_when_the_database_does_not_answer(tmp_path: Path) -> None:
    place = made_place(tmp_path, {})
    with serving(place.penstock(), ServerSettings()) as server:
        (place.home / "state" / "penstock.db").write_bytes(b"no database at all" * 1000)
        server.penstock.parts.database.reader.dispose()
        answer = server.client.get("/health")
        assert answer.status_code == 503
        said = answer.json()
        assert (said["status"], said["database"]["status"]) == ("unhealthy", "unreachable")
        assert said["database"]["message"]
        assert server.get("/api/v1/runs", 503)["error"] == "unavailable"
