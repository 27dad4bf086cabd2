"""The folders and markers of attempts: what tells whether one was begun, and whether its agent ended by itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from penstock.adapters.processes.supervisor import Supervisor

OUTCOME = {
    "exit_code": 0,
    "started_at": 1.0,
    "ended_at": 2.0,
    "duration": 1.0,
    "truncated": False,
    "leftovers": 0,
    "error": "",
}


def supervisor(folder: Path) -> Supervisor:
    return Supervisor(runs=folder / "runs", worktrees=folder / "worktrees")


def test_an_attempt_was_begun_once_its_folder_is_there(tmp_path: Path) -> None:
    own = supervisor(tmp_path)
    assert not own.was_started("r", "a", "edit-1")
    folder = asyncio.run(own.folder("r", "a", "edit-1"))
    assert folder == asyncio.run(own.folder("r", "a", "edit-1")) == tmp_path / "runs" / "r" / "a" / "edit-1"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert own.was_started("r", "a", "edit-1")
    assert not own.was_started("r", "a", "edit-1.1")


@pytest.mark.parametrize(
    ("ending", "has_ended"),
    [
        ("exited", True),
        ("signalled", True),
        ("timed_out", True),
        ("not_found", True),
        ("lost", False),
        ("stopped", False),
        ("nonsense", False),
    ],
)
def test_only_an_end_of_its_own_counts(tmp_path: Path, ending: str, has_ended: bool) -> None:
    own = supervisor(tmp_path)
    assert not own.has_ended("r", "a", "edit-1")
    outcome = asyncio.run(own.folder("r", "a", "edit-1")) / "outcome.json"
    outcome.write_text(json.dumps({**OUTCOME, "ending": ending}))
    assert own.has_ended("r", "a", "edit-1") is has_ended


def test_a_record_that_is_cut_off_is_no_end(tmp_path: Path) -> None:
    own = supervisor(tmp_path)
    (asyncio.run(own.folder("r", "a", "edit-1")) / "outcome.json").write_text('{"ending": "exi')
    assert not own.has_ended("r", "a", "edit-1")


def test_markers_of_two_homes_and_of_two_runs_differ(tmp_path: Path) -> None:
    one, other = supervisor(tmp_path / "one"), supervisor(tmp_path / "other")
    markers = {own.marker(run, "a", "edit-1") for own in (one, other) for run in ("r1", "r2")}
    assert len(markers) == 4
    assert one.marker("r", "a", "edit-1") == supervisor(tmp_path / "one").marker("r", "a", "edit-1")


def test_where_nothing_is_left_nothing_is_reaped(tmp_path: Path) -> None:
    own = supervisor(tmp_path)
    assert asyncio.run(own.reap("r")) == 0
