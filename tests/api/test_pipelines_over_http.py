"""Pipelines over HTTP, natively and in the dialect of the Combine."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import replace

import pytest
from api_server import EPIC, Server

from penstock.domain.states import PipelineStatus
from penstock.epics.making import issue_of
from penstock.ports.library import Headway


def put(server: Server, pipeline: str, **changes: object) -> str:
    body = {"artifact_type": "epic", "payload": EPIC, "phase": "pm_phase", "mentor_role": "pm", **changes}
    return str(server.post(f"/pipelines/{pipeline}/artifacts", body, 201)["artifact_id"])


@pytest.mark.parametrize(
    "body",
    [{"epic_description": "Add a page"}, {"epic_id": "PIPELINE-175D-1"}, {"epic_id": "X", "epic_description": "Y"}],
)
def test_both_bodies_make_a_pipeline(server: Server, body: dict[str, str]) -> None:
    made = server.post("/pipelines", {**body, "initial_context": {"token_budget": 9000}, "more": 1}, 201)
    assert made["state"] == made["current_phase"] == "pm_phase"
    assert made["epic_id"] == body.get("epic_id", made["epic_id"])
    assert made["epic_id"]
    assert bool(made["warnings"]) == ("epic_description" not in body)
    native = server.get(f"/api/v1/pipelines/{made['pipeline_id']}")
    assert native["token_budget"] == 9000
    assert native["description"] == body.get("epic_description", body.get("epic_id"))


def test_a_pipeline_tells_its_way(server: Server) -> None:
    pipeline = server.pipeline()
    found = server.get(f"/pipelines/{pipeline}")
    assert [(one["from"], one["to"]) for one in found["phase_history"]] == [("idle", "pm_phase")]
    assert (found["artifacts"], found["completed_at"], found["status"]) == ({}, None, "active")
    assert pipeline in [one["pipeline_id"] for one in server.get("/api/v1/pipelines?status=active&limit=500")]


def test_a_page_goes_on_where_the_last_one_ended_though_a_pipeline_was_made_meanwhile(server: Server) -> None:
    made = [server.pipeline() for _ in range(4)][::-1]
    first = [one["pipeline_id"] for one in server.get("/api/v1/pipelines?limit=2")]
    server.pipeline()
    second = [one["pipeline_id"] for one in server.get(f"/api/v1/pipelines?limit=2&before={first[-1]}")]
    assert sorted((*first, *second)) == sorted(made)
    for kind in ("pipelines", "runs"):
        assert server.get(f"/api/v1/{kind}?before=nobody", 404)["error"] == "not_found"


def test_findings_and_approvals_beyond_the_limit_are_on_the_next_page(server: Server) -> None:
    parts = server.penstock.parts
    ids = [server.pipeline() for _ in range(3)]
    for number, one in enumerate(ids):
        pipeline = replace(asyncio.run(parts.pipelines.load(one)), status=PipelineStatus.WAITING)
        said = {"source": "qa", "severity": "low", "category": "docs", "description": "x", "at": pipeline.created_at}
        found = tuple(issue_of(pipeline, **said) for _ in range(3 - number))
        asyncio.run(parts.pipelines.commit(Headway(pipeline=pipeline, issues=found)))
    for path in (f"/api/v1/pipelines/{ids[0]}/issues", "/api/v1/approvals"):
        every = [one["id"] for one in server.get(path)]
        assert len(every) >= 3
        assert [one["id"] for one in server.get(f"{path}?limit=2&offset=1")] == every[1:3]
        assert server.get(f"{path}?offset={len(every)}") == []


def test_without_a_key_advance_says_what_to_set_and_nothing_moves(server: Server) -> None:
    pipeline = server.pipeline()
    for path in (f"/pipelines/{pipeline}/advance", f"/api/v1/pipelines/{pipeline}/advance?wait=false"):
        said = server.post(path, None, 503)
        assert said["error"] == "no_upstream"
        assert "ANTHROPIC_API_KEY" in said["message"]
    found = server.get(f"/api/v1/pipelines/{pipeline}")
    assert (found["state"], found["attempts"], len(found["phase_history"])) == ("pm_phase", [], 1)


def test_a_persons_artifact_is_stored_and_read_by_its_type(server: Server) -> None:
    pipeline = server.pipeline()
    first = put(server, pipeline)
    second = put(server, pipeline, payload={**EPIC, "title": "Another title"})
    assert server.get(f"/pipelines/{pipeline}/artifacts")["epic"]["title"] == "Another title"
    listed = server.get(f"/pipelines/{pipeline}/artifacts?format=list&type=epic")["artifacts"]
    assert [one["artifact_id"] for one in listed] == [first, second]
    assert server.get(f"/artifacts/{first}")["content"]["title"] == EPIC["title"]
    shown = server.get(f"/pipelines/{pipeline}")["artifacts"]["epic"]
    assert (shown["artifact_id"], shown["mentor_role"], shown["phase"]) == (second, "pm", "pm_phase")
    assert server.get(f"/api/v1/artifacts/{first}")["origin"] == "human"
    assert [one["artifact_id"] for one in server.get(f"/api/v1/pipelines/{pipeline}/artifacts?offset=1")] == [second]


@pytest.mark.parametrize(
    "odd", [{"phase": "no_such_phase"}, {"phase": "pm_phase\n<b>"}, {"role": "pm\n"}, {"role": "<b>"}]
)
def test_an_artifact_is_of_a_phase_that_there_is_and_of_a_role_with_a_name(server: Server, odd: dict[str, str]) -> None:
    pipeline = server.pipeline()
    for path, role in (("/pipelines", "mentor_role"), ("/api/v1/pipelines", "role")):
        named = {role if name == "role" else name: value for name, value in odd.items()}
        body = {"artifact_type": "epic", "payload": EPIC, **named}
        said = server.post(f"{path}/{pipeline}/artifacts", body, 422)["message"]
        assert "there are: pm_phase" in said if "phase" in odd else "a role is named in" in said
    assert server.get(f"/api/v1/pipelines/{pipeline}/artifacts") == []
    server.post(
        f"/api/v1/pipelines/{pipeline}/artifacts", {"artifact_type": "epic", "payload": EPIC, "role": "Ana"}, 201
    )


def test_the_second_name_of_a_type_is_a_key_too(server: Server) -> None:
    pipeline = server.pipeline()
    notes = {"epic_id": "E", "components": [], "adrs": [], "test_strategy": {}, "acceptance_criteria": []}
    component = {
        "name": "health",
        "purpose": "Answers",
        "file_path": "src/health.py",
        "size_estimate": 10,
        "responsibilities": ["answer"],
        "dependencies": [],
        "public_interface": [],
        "error_handling": [],
        "test_count": 1,
    }
    put(server, pipeline, artifact_type="arch_spec", payload={**notes, "components": [component]}, phase="arch_phase")
    found = server.get(f"/pipelines/{pipeline}/artifacts")
    assert set(found) == {"arch_notes", "arch_spec"}
    assert found["arch_notes"] == found["arch_spec"]
    assert set(server.get(f"/pipelines/{pipeline}/artifacts?type=arch_spec")) == {"arch_notes", "arch_spec"}


def test_a_document_is_shown_and_can_do_nothing(server: Server) -> None:
    artifact = put(server, server.pipeline())
    for name in ("markdown", "html"):
        answer = server.client.get(f"/api/v1/artifacts/{artifact}/document?format={name}")
        assert answer.headers["content-type"].startswith(f"text/{name}")
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.text


def broken(**changes: object) -> dict[str, object]:
    return {**deepcopy(EPIC), **changes}


@pytest.mark.parametrize(
    "body",
    [
        {"artifact_type": "epic", "payload": {}},
        {"artifact_type": "epic", "payload": broken(title=7)},
        {"artifact_type": "epic", "payload": broken(stories=[])},
        {"artifact_type": "nothing", "payload": EPIC},
        {"artifact_type": "", "payload": EPIC},
        {"artifact_type": "epic", "payload": "text"},
        {"payload": EPIC},
        {},
    ],
)
def test_an_artifact_that_is_not_valid_changes_nothing(server: Server, body: dict[str, object]) -> None:
    pipeline = server.pipeline()
    assert server.post(f"/pipelines/{pipeline}/artifacts", body, 422)["message"]
    assert server.get(f"/pipelines/{pipeline}/artifacts") == {}


@pytest.mark.parametrize("path", ["/pipelines/{}", "/pipelines/{}/artifacts", "/artifacts/{}", "/metrics/pipelines/{}"])
@pytest.mark.parametrize("name", ["pip_none", "%27%20OR%201=1", "ä"])
def test_what_is_not_there_is_told(server: Server, path: str, name: str) -> None:
    assert server.get(path.format(name), 404)["error"] == "not_found"


def test_requests_to_a_pipeline_that_is_not_there_are_told(server: Server) -> None:
    for path in ("advance", "approve", "reject"):
        assert server.post(f"/api/v1/pipelines/pip_none/{path}", None, 404)["error"] == "not_found"
    body = {"artifact_type": "epic", "payload": EPIC}
    server.post("/pipelines/pip_none/artifacts", body, 404)
    server.get("/api/v1/pipelines/pip_none/issues", 404)


def test_a_rejected_pipeline_goes_no_further(server: Server) -> None:
    pipeline = server.pipeline()
    ended = server.post(f"/api/v1/pipelines/{pipeline}/reject", {"by": "me", "note": "not now"})
    assert (ended["state"], ended["current_phase"]) == ("failed", "")
    for path, body in (
        ("advance", None),
        ("approve", {}),
        ("artifacts", {"artifact_type": "epic", "payload": EPIC}),
    ):
        assert server.post(f"/api/v1/pipelines/{pipeline}/{path}", body, 409)["error"] == "invalid_transition"
    assert server.post(f"/pipelines/{pipeline}/advance", None, 409)["error"] == "invalid_transition"
    assert server.get("/metrics/summary")["failure_count"] >= 1
