"""The commands that look after what runs leave: what they say, and how they keep off a run that works beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Desk

ENDLESS: list[object] = [{"write": {"path": "slow.txt", "content": "half\n"}}, "hang"]


@pytest.fixture
def ended(desk: Desk, ask: Any) -> str:
    """A run that failed: its agent wrote where it may not."""
    assert ask("trust").code == 0
    desk.bundle("bad", [{"write": {"path": "elsewhere.txt", "content": "no\n"}}])
    assert ask("run", "--run-id", "r1").code == 1
    return "r1"


def state(desk: Desk) -> Path:
    return next((Path(desk.environ["PENSTOCK_HOME"]) / "projects").iterdir())


@pytest.mark.slow
def test_a_run_in_progress_is_not_touched_by_any_of_them(desk: Desk, ended: str) -> None:
    for path in (desk.project / "workstreams").iterdir():
        path.unlink()
    desk.bundle("slow", ENDLESS)
    running = desk.start("run", "--run-id", "r2")
    written = state(desk) / ".worktrees/r2/ws-slow/slow.txt"
    desk.until(written.exists, "the agent has written")
    listed = desk.run("gc", "--dry-run", "--older-than", "0", "--json").json
    removed = desk.run("gc", "--older-than", "0", "--json").json
    names = ("kind", "run_id", "name", "bytes", "reason")
    assert [[one[name] for name in names] for one in listed["items"]] == [
        [one[name] for name in names] for one in removed["items"]
    ]
    assert all(one["removed"] for one in removed["items"])
    assert {one["run_id"] for one in removed["items"]} == {ended}
    assert [one["run_id"] for one in removed["left"]] == ["r2"]
    assert f"process {running.pid}" in removed["left"][0]["reason"]

    (seen,) = desk.run("worktree-list", "--json").json
    assert (seen["ws_id"], seen["exists"], seen["clean"]) == ("ws-slow", True, False)
    assert f"process {running.pid}" in seen["status_summary"]
    refused = desk.run("worktree-cleanup", "--ws-id", "ws-slow", "--force")
    assert (refused.code, "left" in refused.out) == (1, True)
    for command in (["recover-run", "r2"], ["worktree-init", "--run-id", "r2", "--ws-id", "ws-slow"]):
        said = desk.run(*command)
        assert (said.code, f"process {running.pid}" in said.err) == (2, True)
    assert written.read_text() == "half\n"
    assert desk.run("cancel", "r2", "--json").json["status"] == "abandoned"
    desk.end(running)
    tampered = [one for one in desk.run("show-events", "r2", "--json").lines if one["event_type"] == "scope_violation"]
    assert tampered == []


def test_worktrees_are_shown_judged_and_cleaned_up_in_words(desk: Desk, ask: Any, ended: str) -> None:
    assert "r1   ws-bad      failed: 1 created since" in ask("worktree-list").out
    shown = ask("worktree-status", "--ws-id", "ws-bad").out
    assert "clean        no" in shown
    judged = ask("worktree-validate-scope", "--ws-id", "ws-bad")
    assert (judged.code, "out of scope  elsewhere.txt" in judged.out) == (1, True)
    allowed = ask("worktree-validate-scope", "--ws-id", "ws-bad", "--files-create", "elsewhere.txt", "--json")
    assert (allowed.code, json.loads(allowed.out)["ok"]) == (0, True)
    left = ask("worktree-cleanup")
    assert (left.code, left.out.startswith("left  r1  ws-bad  failed: kept for inspection")) == (0, True)
    assert "would be removed" in ask("worktree-cleanup", "--force", "--dry-run").out
    assert "kept as refs/penstock/r1/ws-bad/" in ask("worktree-cleanup", "--force").out
    assert ask("worktree-list").out == "no worktrees\n"


def test_recovery_tells_each_thing_and_ends_with_1_where_something_is_lost(desk: Desk, ask: Any, ended: str) -> None:
    assert ask("recover-run", ended).out == "run r1: nothing is wrong\n"
    (state(desk) / "repo.git/refs/heads/a.lock").touch()
    shown = ask("recover-run", ended, "--dry-run").out
    assert shown.startswith("locks: 1 stale lock files → would be removed\n    refs/heads/a.lock\n")
    told = json.loads(ask("recover-run", ended, "--json").out)
    assert (told["ok"], [one["mended"] for one in told["findings"]]) == (True, [True])
    assert ask("recover-run", ended).out == "run r1: nothing is wrong\n"


def test_gc_says_what_goes_and_what_stays(desk: Desk, ask: Any, ended: str) -> None:
    assert ask("gc").out == "nothing is to be removed\n"
    shown = ask("gc", "--older-than", "0", "--dry-run").out
    assert f"would remove  worktree  {state(desk).name}/r1/ws-bad  " in shown
    assert "things would be removed, " in shown
    done = ask("gc", "--older-than", "0").out
    assert shown.replace("would remove", "removed").splitlines()[:-1] == done.splitlines()[:-1]


def test_requests_answer_as_json(desk: Desk, ask: Any, ended: str) -> None:
    told = json.loads(ask("reset-workstream", ended, "ws-bad", "--json").out)
    assert (told["run_id"], told["done"], told["status"]) == ("r1", True, "running")
    assert json.loads(ask("trust", "--show", "--json").out)["trusted"] is True
    assert json.loads(ask("init", "--json").out)["written"] == [str(desk.project / "penstock.toml")]
