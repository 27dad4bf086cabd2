"""One owner per run: what a second process may do while the first works, and what a restarted owner finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from two_process_support import BOUND, Desk, bundle, kill, until, writes

pytestmark = pytest.mark.slow


def slow(name: str, seconds: float = 3.0) -> dict[str, object]:
    return bundle(name, [writes(name, after=seconds)])


def test_a_run_that_another_process_works_on_can_be_looked_at_but_not_taken(tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow("ws-a", 8.0))
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    refused = desk.penstock("run", "--resume", "r1", code=2)
    assert str(owner.pid) in refused
    assert desk.states("r1") == {"ws-a": "editing"}
    said, _ = owner.communicate(timeout=BOUND)
    assert owner.returncode == 0, said
    assert desk.states("r1") == {"ws-a": "done"}


def test_pause_from_another_process_lets_the_running_step_end_and_resume_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow("ws-a", 2.0), slow("ws-b", 0.0) | {"depends_on": ["ws-a"]})
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    desk.ask("pause", "r1", code=None)
    said, _ = owner.communicate(timeout=BOUND)
    assert owner.returncode == 4, said
    assert desk.shown("r1")["status"] == "paused"
    assert desk.states("r1") == {"ws-a": "static_check", "ws-b": "pending"}
    desk.penstock("resume", "r1")
    assert desk.states("r1") == {"ws-a": "done", "ws-b": "done"}


def test_pause_now_stops_the_agent(tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow("ws-a", 300.0))
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    desk.ask("pause", "r1", "--now", code=None)
    owner.communicate(timeout=BOUND)
    assert owner.returncode == 4
    assert desk.agents() == []
    assert desk.states("r1") == {"ws-a": "editing"}


def test_cancel_answers_when_the_processes_are_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow("ws-a", 300.0))
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    desk.ask("cancel", "r1", code=None)
    assert desk.agents() == []
    assert desk.shown("r1")["status"] == "abandoned"
    assert desk.shown("r1")["reason"] == "cancelled"
    owner.communicate(timeout=BOUND)
    assert owner.returncode == 1


def test_a_killed_owner_leaves_no_process_and_its_run_is_taken_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow("ws-a", 2.0))
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    kill(owner)
    until(lambda: not desk.agents(), "the agent is gone", bound=1.0)
    assert "resume" in desk.ask("show-run", "r1", code=None)
    desk.penstock("run", "--resume", "r1")
    assert desk.states("r1") == {"ws-a": "done"}


def test_taking_up_one_run_never_touches_the_agents_of_another(tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow("ws-a", 6.0))
    first = desk.start("run", "--run-id", "r1")
    until(lambda: desk.agents("r1"), "the first agent works")
    second = desk.start("run", "--run-id", "r2")
    until(lambda: desk.agents("r2"), "the second agent works")
    kill(second)
    desk.penstock("run", "--resume", "r2")
    said, _ = first.communicate(timeout=BOUND)
    assert first.returncode == 0, said
    assert desk.states("r1") == desk.states("r2") == {"ws-a": "done"}
    (workstream,) = desk.shown("r1")["workstreams"]  # type: ignore[misc]
    assert workstream["attempts"]["edit"] == 1


def test_approve_and_reject_reach_a_run_that_nobody_owns(tmp_path: Path) -> None:
    settings = 'approvals = ["review"]\n[checks]\nwords = "! grep -rq BROKEN src"\n[executor]\nmin_free_gb = 0.0\n'
    desk = Desk(tmp_path, bundle("ws-a", [writes("ws-a"), writes("ws-a", content="better\n")]), settings=settings)
    desk.penstock("run", "--run-id", "r1", code=4)
    assert desk.states("r1") == {"ws-a": "reviewing"}
    assert "resume" in desk.ask("reject", "r1", "ws-a", "--note", "say it better", code=None)
    desk.penstock("resume", "r1", code=4)
    assert desk.states("r1") == {"ws-a": "reviewing"}
    desk.ask("approve", "r1", "ws-a", code=None)
    desk.penstock("resume", "r1")
    assert desk.states("r1") == {"ws-a": "done"}


def test_reset_and_resume_finish_a_run_that_failed(tmp_path: Path) -> None:
    turns = [writes("ws-a", content="BROKEN\n")] * 3 + [writes("ws-a", content="BROKEN\n")]
    desk = Desk(tmp_path, bundle("ws-a", turns), slow("ws-b", 0.0) | {"depends_on": ["ws-a"]}, slow("ws-c", 0.0))
    desk.penstock("run", "--run-id", "r1", code=1)
    assert desk.states("r1") == {"ws-a": "failed", "ws-b": "blocked", "ws-c": "done"}
    assert desk.shown("r1")["status"] == "partial"
    assert desk.shown("r1")["reason"] == "checks_failed"
    assert "ws-a" in str(desk.shown("r1")["sentence"])
    blocked = desk.ask("reset-workstream", "r1", "ws-b", code=2)
    assert "ws-a" in blocked
    desk.ask("reset-workstream", "r1", "ws-a", code=None)
    assert desk.shown("r1")["status"] == "running"
    assert desk.states("r1")["ws-b"] == "blocked"
