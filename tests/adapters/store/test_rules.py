"""What the database itself refuses, whoever asks: shown with plain SQL, past all of our code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.store.opening import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.ports import Clock

T = "2026-11-20T08:00:00.000000Z"
VERDICT = (
    "INSERT INTO verdicts (run_id, id, branch, parent, commit_id, tree, members, checks, known_failures, unchecked,"
    " confined, created_at) VALUES (?, 'v1', 'b', 'p', 'c', ?, '[]', '[]', '[]', 0, 0, ?)"
)
INTEGRATE = "INSERT INTO integrations (run_id, ws_id, verdict_id, tree, commit_id, at) VALUES (?, 'ws-a', ?, ?, 'c', ?)"


@pytest.fixture
def connection(path: Path, clock: Clock) -> Iterator[sqlite3.Connection]:
    prepare(path, clock)
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA foreign_keys=ON")
        opened.execute("INSERT INTO projects VALUES ('p', '/p', ?)", [T])
        for run in ("run-1", "run-2"):
            opened.execute(
                "INSERT INTO runs (run_id, project, status, sentence, branch, base, head, generation, progress,"
                " metadata, created_at, updated_at) VALUES (?, 'p', 'running', '', 'b', '', '', 0, '{}', '{}', ?, ?)",
                [run, T, T],
            )
            opened.execute(
                "INSERT INTO workstreams VALUES (?, 'ws-a', 0, 'integrating', '[]', '{}', '{}', ?, ?)", [run, T, T]
            )
        opened.execute(VERDICT, ["run-1", "tree-1", T])
        yield opened


def test_the_tree_of_a_verdict_may_be_integrated(connection: sqlite3.Connection) -> None:
    connection.execute(INTEGRATE, ["run-1", "v1", "tree-1", T])
    assert connection.execute("SELECT count(*) FROM integrations").fetchone() == (1,)


@pytest.mark.parametrize(
    ("run", "verdict", "tree"),
    [
        ("run-1", "v1", "tree-2"),  # the verdict speaks of another tree
        ("run-1", "v2", "tree-1"),  # there is no such verdict
        ("run-2", "v1", "tree-1"),  # it is another run's
        ("run-1", None, "tree-1"),  # no verdict at all
    ],
)
def test_no_other_tree_may(connection: sqlite3.Connection, run: str, verdict: str | None, tree: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(INTEGRATE, [run, verdict, tree, T])


def test_a_verdict_that_was_used_can_not_be_moved_to_another_tree_nor_vanish(connection: sqlite3.Connection) -> None:
    connection.execute(INTEGRATE, ["run-1", "v1", "tree-1", T])
    for change in ("UPDATE verdicts SET tree = 'tree-2'", "DELETE FROM verdicts"):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(change)


def test_a_workstream_belongs_to_its_run(connection: sqlite3.Connection) -> None:
    # ws-a of run-1 and of run-2 are two rows; a third ws-a of run-1 is none
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO workstreams VALUES ('run-1', 'ws-a', 1, 'pending', '[]', '{}', '{}', ?, ?)", [T, T]
        )
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO workstreams VALUES ('run-3', 'ws-a', 0, 'pending', '[]', '{}', '{}', ?, ?)", [T, T]
        )


def test_a_command_has_its_key_for_itself(connection: sqlite3.Connection) -> None:
    insert = (
        "INSERT INTO commands (run_id, key, type, payload, version, issued_at) VALUES (?, 'judge-1', 't', '{}', 1, ?)"
    )
    connection.execute(insert, ["run-1", T])
    connection.execute(insert, ["run-2", T])
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(insert, ["run-1", T])
