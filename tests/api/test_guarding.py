"""Who may call the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from api_server import Server

from penstock.adapters.processes.confinement import confinement_of
from penstock.adapters.processes.trial import Trial

EPIC = {"epic_description": "Add a page"}
CALL = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for method, body in (("GET", None), ("POST", json.dumps({"epic_description": "Approve me"}))):
    headers = {"Content-Type": "application/json", **({"X-API-Key": sys.argv[2]} if sys.argv[2:] else {})}
    connection.request(method, "/pipelines" if body else "/api/v1/pipelines", body, headers)
    answer = connection.getresponse()
    said = answer.read()
    print(answer.status, json.loads(said).get("error") if answer.status == 403 else "")
"""


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1"])
def test_a_name_that_leads_here_by_rebinding_is_refused(server: Server, host: str) -> None:
    assert server.get("/api/v1/pipelines", 403, headers={"Host": host})["error"] == "forbidden_host"
    assert server.post("/pipelines", EPIC, 403, headers={"Host": host})["error"] == "forbidden_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:8000"])
def test_the_machines_own_names_are_let_in(server: Server, host: str) -> None:
    server.get("/health", headers={"Host": host})


@pytest.mark.parametrize("host", ["", "a b", "localhost:99999999", "user@localhost", "[::1"])
def test_a_host_that_can_not_be_read_is_refused(server: Server, host: str) -> None:
    assert server.get("/health", 400, headers={"Host": host})["error"] == "bad_host"


def test_a_configured_name_is_let_in(locked: Server) -> None:
    locked.get("/health", headers={"Host": "penstock.example"})
    locked.get("/health", 403, headers={"Host": "other.example"})


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "x://["])
def test_a_page_of_another_origin_starts_no_pipeline(server: Server, origin: str) -> None:
    before = server.get("/metrics/summary")["total_pipelines"]
    assert server.post("/pipelines", EPIC, 403, headers={"Origin": origin})["error"] == "forbidden_origin"
    server.get("/api/v1/pipelines", 403, headers={"Origin": origin})
    assert server.get("/metrics/summary")["total_pipelines"] == before


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_of_another_site_starts_no_pipeline(server: Server, site: str) -> None:
    server.post("/pipelines", EPIC, 403, headers={"Sec-Fetch-Site": site})


def test_a_body_that_a_form_can_send_is_not_taken_for_json(server: Server) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = server.client.post("/pipelines", content=b'{"epic_description": "x"}', headers={"Content-Type": kind})
        assert answer.status_code == 422, answer.text


def test_its_own_pages_are_let_in(server: Server) -> None:
    server.post("/pipelines", EPIC, 201, headers={"Origin": server.url, "Sec-Fetch-Site": "same-origin"})


def test_nobody_elses_page_may_read_answers(server: Server) -> None:
    answer = server.client.options(
        "/pipelines", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong-key"},
        {"X-API-Key": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic first-key"},
        {"X-API-Key": "first-key "[:-2]},
    ],
)
def test_without_a_key_nothing_is_done_or_told(locked: Server, headers: dict[str, str]) -> None:
    for answer in (
        locked.get("/api/v1/pipelines", 401, headers=headers),
        locked.post("/pipelines", EPIC, 401, headers=headers),
        locked.get("/metrics", 401, headers=headers),
        locked.get("/nowhere", 401, headers=headers),
    ):
        assert answer["error"] == "unauthorized"
        assert "first-key" not in str(answer)


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": "first-key"}, {"X-API-Key": "second-key"}, {"Authorization": "bearer second-key"}]
)
def test_every_key_opens(locked: Server, headers: dict[str, str]) -> None:
    assert locked.get("/api/v1/pipelines", headers=headers) == []


def test_health_and_documentation_need_no_key(locked: Server) -> None:
    for path in ("/", "/health", "/docs", "/redoc", "/openapi.json", "/assets/docs.js"):
        assert locked.client.get(path).status_code == 200, path


def test_every_answer_says_what_a_browser_may_do_with_it(server: Server) -> None:
    for path in ("/health", "/docs", "/nowhere", "/assets/docs.js"):
        headers = server.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "'none'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]


def confined_call(trial: Trial, *words: str) -> list[str]:
    """What a confined process is answered that asks, and then wants something done."""
    seen = confinement_of(readable=(Path(sys.prefix), Path(sys.base_prefix)))
    command = [*seen.arguments(trial.program, Path("/")), sys.executable, "-I", "-c", CALL, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_a_confined_process_changes_nothing_without_a_key(server: Server, trial: Trial) -> None:
    before = server.get("/metrics/summary")["total_pipelines"]
    assert confined_call(trial, server.url.rpartition(":")[2]) == ["200 ", "403 forbidden_caller"]
    assert server.get("/metrics/summary")["total_pipelines"] == before
    server.post("/pipelines", EPIC, 201)


def test_a_confined_process_that_has_the_key_is_somebody_with_the_key(locked: Server, trial: Trial) -> None:
    assert confined_call(trial, locked.url.rpartition(":")[2], "first-key") == ["200 ", "201 "]
