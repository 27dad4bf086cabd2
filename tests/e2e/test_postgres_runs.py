"""Whole runs whose database is a Postgres server: the same commits as with a file, and one owner among processes that
share nothing but the server.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from two_process_support import BOUND, Desk, bundle, kill, until, writes

from penstock.adapters.clock import SystemClock
from penstock.bootstrap import build
from penstock.submission import Submission
from postgres_server import PASSWORD, PostgresServer

pytestmark = pytest.mark.slow

DATES = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}


class StillClock(SystemClock):
    """Wall time that stands still, so that commits of two runs can be compared."""

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """What a run came to: its commits with their trees and people, its row, and what happened in which order."""

    commits: str
    run: Mapping[str, object]
    events: list[tuple[object, ...]]
    attempts: list[tuple[object, ...]]


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True)
    return done.stdout


def told(folder: Path, **environ: str) -> Told:
    """The run `r1` of two workstreams, the second of which needs a fix, with a clock that stands still."""
    second = bundle("ws-b", [writes("ws-b", content="BROKEN\n"), writes("ws-b", content="better\n")])
    desk = Desk(folder, bundle("ws-a", [writes("ws-a")]), second | {"depends_on": ["ws-a"]}, dates=DATES)

    async def main() -> Told:
        penstock = build(folder=desk.project, environ={**desk.environ, **environ}, clock=StillClock())
        try:
            await penstock.service.submit(Submission(run_id="r1", max_parallel=1))
            await penstock.service.work("r1")
            views = penstock.parts.views
            run = views.run("r1")
            names = (
                "status",
                "reason",
                "sentence",
                "base",
                "head",
                "published",
                "counts",
                "created_at",
                "completed_at",
            )
            workstreams = [{name: one[name] for name in one if name != "title"} for one in run["workstreams"]]
            return Told(
                commits=git(desk.project, "log", "--format=%H %T %an %cn %s", "penstock/r1"),
                run={**{name: run[name] for name in names}, "workstreams": workstreams},
                events=[(one["event_type"], one["ws_id"], one["timestamp"]) for one in views.events("r1")],
                attempts=[
                    tuple(one[name] for name in ("id", "ws_id", "step", "attempt", "status", "candidate", "tree"))
                    for one in views.attempts("r1")
                ],
            )
        finally:
            await penstock.close()

    return asyncio.run(main())


def test_the_same_run_gives_the_same_commits_on_both_databases(postgres: PostgresServer, tmp_path: Path) -> None:
    address = postgres.database()
    on_file = told(tmp_path / "file")
    on_server = told(tmp_path / "server", DATABASE_URL=address)
    assert on_file.run["status"] == "completed"
    assert len(on_file.commits.splitlines()) > 4
    assert on_server == on_file
    assert postgres.ask("SELECT run_id, status FROM runs", address.rpartition("/")[2]) == [("r1", "completed")]
    assert not (tmp_path / "server" / "home" / "penstock.db").exists()


@pytest.fixture
def address(postgres: PostgresServer) -> str:
    return postgres.database()


def slow(name: str, seconds: float = 3.0) -> dict[str, object]:
    return bundle(name, [writes(name, after=seconds)])


def desk_on(folder: Path, address: str, *bundles: dict[str, object]) -> Desk:
    desk = Desk(folder, *bundles)
    desk.environ["DATABASE_URL"] = address
    return desk


def test_another_machine_may_look_at_a_run_and_pause_it_but_not_take_it_up(tmp_path: Path, address: str) -> None:
    desk = desk_on(tmp_path, address, slow("ws-a", 300.0))
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    desk.environ["PENSTOCK_HOME"] = str(tmp_path / "home of another machine")
    refused = desk.penstock("run", "--resume", "r1", code=2)
    assert f"is being worked on by process {owner.pid} on " in refused
    assert desk.states("r1") == {"ws-a": "editing"}
    desk.ask("pause", "r1", "--now", code=None)
    said, _ = owner.communicate(timeout=BOUND)
    assert owner.returncode == 4, said
    assert desk.agents() == []
    assert desk.shown("r1")["status"] == "paused"
    assert "take a run up where it was begun" in desk.penstock("run", "--resume", "r1", code=3)
    assert desk.shown("r1")["status"] == "paused"


def test_a_killed_owner_is_no_owner_and_its_run_is_taken_up(tmp_path: Path, address: str) -> None:
    desk = desk_on(tmp_path, address, slow("ws-a", 2.0))
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    kill(owner)
    desk.penstock("run", "--resume", "r1")
    assert desk.states("r1") == {"ws-a": "done"}
    assert desk.shown("r1")["generation"] == 2


def test_an_owner_whose_lock_is_lost_stops_with_its_agents_and_another_goes_on(
    tmp_path: Path, address: str, postgres: PostgresServer
) -> None:
    desk = desk_on(tmp_path, address, slow("ws-a", 2.0))
    owner = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the agent works")
    postgres.ask(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname = '{address.rpartition('/')[2]}' AND state = 'idle in transaction'"
    )
    said, _ = owner.communicate(timeout=BOUND)
    assert owner.returncode == 3, said
    assert "was lost, and with it run r1" in said
    assert desk.agents() == []
    desk.penstock("run", "--resume", "r1")
    assert desk.states("r1") == {"ws-a": "done"}


def test_the_password_is_never_shown(tmp_path: Path, address: str, postgres: PostgresServer) -> None:
    desk = desk_on(tmp_path, address, slow("ws-a", 0.0))
    said = [desk.penstock("run", "--run-id", "r1"), desk.ask("config", "show"), desk.ask("doctor", code=None)]
    desk.environ["DATABASE_URL"] = postgres.address("nowhere")
    said.append(desk.ask("show-run", code=3))
    desk.environ["DATABASE_URL"] = postgres.address(password=f"{PASSWORD}-wrong")
    said.append(desk.ask("show-run", code=3))
    assert "password authentication failed" in said[-1]
    assert PASSWORD not in "".join(said)
    written = [path for path in desk.home.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert written == []
