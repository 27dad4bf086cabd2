"""Another process that holds the database's lock for writing while a run works."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from drill_desk import DONE, DrillDesk
from two_process_support import BOUND, bundle, until, writes

pytestmark = pytest.mark.slow


@contextmanager
def locked(desk: DrillDesk) -> Iterator[None]:
    """Hold the lock as a foreign tool would."""
    with closing(sqlite3.connect(desk.home / "penstock.db", timeout=BOUND, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def outcomes(desk: DrillDesk) -> list[Path]:
    """What the keepers wrote down about agents."""
    return sorted((desk.home / "projects").glob("*/runs/r1/ws-a/edit-1/outcome.json"))


def test_a_database_locked_for_some_seconds_is_waited_for(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path)
    owner = desk.begin()
    with locked(desk):
        until(lambda: outcomes(desk), "the agent has ended")
        assert desk.states("r1") == {"ws-a": "editing", "ws-b": "pending"}
        assert owner.poll() is None
    desk.ended(owner, 0)
    assert desk.states("r1") == DONE


def test_a_database_locked_for_long_ends_the_command_and_no_agent_is_paid_twice(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path, bundle("ws-a", [writes("ws-a", after=1.0)]))
    owner = desk.begin()
    with locked(desk):
        began = time.monotonic()
        said = desk.ended(owner, 3)
        assert time.monotonic() - began > 20
    assert "is held by another process and did not become free" in said
    assert "\nhint: end the other process that writes to it" in said
    before = [path.read_bytes() for path in outcomes(desk)]
    assert len(before) == 1
    assert "resume r1" in desk.ask("show-run", "r1")
    desk.penstock("resume", "r1")
    assert desk.states("r1") == {"ws-a": "done"}
    assert [path.read_bytes() for path in outcomes(desk)] == before
