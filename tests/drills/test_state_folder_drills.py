"""What the user does in mid-run to Penstock's own state: never a bug, never a run that nobody can end."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from drill_desk import DONE, MERGED, DrillDesk
from two_process_support import bundle, until, writes
from whole_runs import fingerprint

pytestmark = pytest.mark.slow


def test_a_branch_deleted_in_our_own_repository_is_put_back_and_the_attempt_under_way_is_refused(
    tmp_path: Path,
) -> None:
    desk = DrillDesk(tmp_path)
    owner = desk.begin()
    desk.git("--git-dir", str(desk.own), "update-ref", "-d", "refs/heads/penstock/r1")
    said = desk.ended(owner, 1)
    assert "refs/heads/penstock/r1: was removed in Penstock's own repository" in said
    assert desk.shown("r1")["reason"] == "policy_violation"
    desk.ask("reset-workstream", "r1", "ws-a")
    desk.penstock("resume", "r1")
    assert desk.states("r1") == DONE
    assert desk.files() == MERGED


def test_our_own_repository_deleted_pauses_the_run_which_can_be_cancelled_and_begun_anew(tmp_path: Path) -> None:
    half: list[object] = [{"write": {"path": "src/ws-b.txt", "content": "half\n"}}, {"sleep": 5.0}]
    desk = DrillDesk(tmp_path, bundle("ws-a", [writes("ws-a")]), bundle("ws-b", [half], depends_on=["ws-a"]))
    owner = desk.start("run", "--run-id", "r1")
    projects, half_done = desk.home / "projects", "ws-b/src/ws-b.txt"
    until(lambda: any(projects.glob(f"*/.worktrees/r1/{half_done}")), "the second agent has done half of its work")
    shutil.rmtree(desk.own)
    said = desk.ended(owner, 3)
    assert "Penstock's own repository" in said
    assert desk.shown("r1")["status"] == "paused"
    assert "own repository of the project is gone" in desk.penstock("resume", "r1", code=3)
    desk.penstock("run", "--run-id", "r2")  # makes the repository anew, without what the first run made
    assert "not in Penstock's own repository any more" in desk.penstock("resume", "r1", code=3)
    desk.ask("cancel", "r1")
    assert desk.shown("r1")["status"] == "abandoned"
    assert [path.read_text() for path in projects.glob("*/kept/r1/ws-b-1/src/ws-b.txt")] == ["half\n"]
    assert desk.states("r2") == DONE


def test_a_state_folder_deleted_ends_the_command_and_everything_can_begin_anew(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path)
    before = fingerprint(desk.project)
    owner = desk.begin()
    shutil.rmtree(desk.home)
    said = desk.ended(owner, 3)
    assert "was removed or replaced while it was in use" in said
    assert "\nhint: put it back from a copy, or begin a new run" in said
    assert fingerprint(desk.project) == before
    desk.ask("trust")
    desk.penstock("run", "--run-id", "r1")
    assert desk.states("r1") == DONE


def test_a_database_that_a_newer_penstock_migrates_is_left_to_it_and_the_run_goes_on_there(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path)
    owner = desk.begin()
    with closing(sqlite3.connect(desk.home / "penstock.db")) as connection, connection:
        connection.execute("UPDATE schema_meta SET value = value + 1")
    said = desk.ended(owner, 3)
    assert "by another Penstock while this one had it open" in said
    assert "\nhint: start this one again" in said
    assert "was written by a newer Penstock" in desk.penstock("resume", "r1", code=3)
    with closing(sqlite3.connect(desk.home / "penstock.db")) as connection, connection:
        connection.execute("UPDATE schema_meta SET value = value - 1")
    desk.penstock("resume", "r1")
    assert desk.states("r1") == DONE
