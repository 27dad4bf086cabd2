"""Prompts and phases over HTTP."""

from __future__ import annotations

import pytest
from api_server import Server


def active(server: Server, role: str) -> dict[str, object]:
    (found,) = [one for one in server.get(f"/api/v1/prompts?role={role}") if one["is_active"]]
    return dict(found)


def test_the_prompts_of_all_roles_are_there(server: Server) -> None:
    roles = {one["role_name"] for one in server.get("/api/v1/prompts")}
    assert {"pm", "architect", "ba", "dev", "qa", "commit", "pm_mentor"} <= roles


def test_an_edited_prompt_is_in_force_at_once_and_the_old_one_can_come_back(server: Server) -> None:
    before = active(server, "pm")
    made = server.post("/api/v1/prompts", {"role_name": "pm", "instructions": "Be brief.", "created_by": "me"}, 201)
    assert active(server, "pm")["id"] == made["id"]
    assert made["instructions"] == "Be brief."
    lines = server.get(f"/api/v1/prompts/{made['id']}/diff?against={before['id']}")["lines"]
    assert "+Be brief." in lines
    assert server.post(f"/api/v1/prompts/{before['id']}/activate")["is_active"]
    assert active(server, "pm")["id"] == before["id"]
    assert server.get(f"/api/v1/prompts/{made['id']}")["is_active"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"role_name": "pm"}, 422),
        ({"role_name": "pm", "instructions": "  "}, 422),
        ({"role_name": "nobody", "instructions": "x"}, 404),
        ({"role_name": "pm", "instructions": "a\u0007b"}, 422),
        ({"role_name": "pm", "instructions": "x", "version": "../1"}, 422),
        ({"role_name": "pm", "instructions": "x" * 64_001}, 422),
        ({"role_name": "pm", "instructions": "x", "unknown": 1}, 422),
    ],
)
def test_a_prompt_that_can_not_be_changes_nothing(server: Server, body: dict[str, object], status: int) -> None:
    before = server.get("/api/v1/prompts")
    server.post("/api/v1/prompts", body, status)
    assert server.get("/api/v1/prompts") == before


def test_a_prompt_that_is_not_there_is_told(server: Server) -> None:
    server.get("/api/v1/prompts/rp_none", 404)
    server.get("/api/v1/prompts/pm/diff?against=rp_none", 404)
    server.post("/api/v1/prompts/rp_none/activate", None, 404)
    server.get("/api/v1/prompts?role=nobody", 404)


def test_the_phases_are_told_in_their_order(server: Server) -> None:
    names = [one["phase_name"] for one in server.get("/api/v1/phases")]
    assert names == ["pm_phase", "arch_phase", "ba_phase", "dev_phase", "qa_phase", "commit_phase"]


def test_a_changed_phase_is_stored(server: Server) -> None:
    (before,) = [one for one in server.get("/api/v1/phases") if one["phase_name"] == "pm_phase"]
    wish = {name: before[name] for name in ("role_name", "artifact_type", "next_phase")}
    changed = server.put("/api/v1/phases/pm_phase", {**wish, "config": {**before["config"], "reasks": 5}})
    assert changed["config"]["reasks"] == 5
    assert changed["id"] == before["id"]
    server.put("/api/v1/phases/pm_phase", {**wish, "config": before["config"]})


@pytest.mark.parametrize(
    ("phase", "changes", "words"),
    [
        ("pm_phase", {"next_phase": "nowhere"}, "nowhere"),
        ("commit_phase", {"next_phase": "pm_phase"}, "cycle"),
        ("pm_phase", {"role_name": "nobody"}, "nobody"),
        ("pm_phase", {"config": {"unknown": 1}}, "unknown"),
        ("pm_phase", {"config": {"proposals": 99}}, "proposals"),
        ("arch_phase", {"is_active": False}, "arch_phase"),
        ("Odd Name", {}, "Odd Name"),
    ],
)
def test_phases_that_can_not_be_gone_through_change_nothing(
    server: Server, phase: str, changes: dict[str, object], words: str
) -> None:
    before = server.get("/api/v1/phases")
    own = next((one for one in before if one["phase_name"] == phase), before[0])
    wish = {name: own[name] for name in ("role_name", "artifact_type", "next_phase", "config")}
    said = server.put(f"/api/v1/phases/{phase}", {**wish, **changes}, 422)
    assert words in said["message"]
    assert server.get("/api/v1/phases") == before
