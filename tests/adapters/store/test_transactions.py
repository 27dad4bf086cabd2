"""A write is whole or not at all: when it is cancelled, when the disk is full, when another process writes too."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from penstock.adapters.store.failures import (
    DatabaseBusy,
    DatabaseGone,
    DatabaseReadOnly,
    DatabaseUnreadable,
    DiskFull,
    RowsContradict,
)
from penstock.adapters.store.opening import Database, open_database
from penstock.adapters.store.site import WRITES
from penstock.domain import events
from penstock.domain.decision import Integrated
from penstock.domain.plan import Plan, Scope, Workstream
from penstock.domain.ranked import rank
from penstock.domain.run import Policy, new_run
from penstock.domain.step import step
from penstock.ports import Clock, Entry, NewRun

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from penstock.domain.run import Run


def run_of_one() -> NewRun:
    workstream = Workstream(id="ws-a", tasks=("x",), scope=Scope(files=("a",)))
    run = new_run(id="run-1", plan=rank(Plan(workstreams=(workstream,))), policy=Policy(), branch="b")
    return NewRun(run=run, project="p", project_path="/p", settings={}, documents=[])


def entry_of(run: Run, event: events.Event, clock: Clock) -> Entry:
    return Entry(event=event, at=clock.now(), decision=step(run, event, clock.now()))


def count(database: Database, table: str = "events") -> int:
    with database.reader.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)


def pragma(text: str) -> Any:
    """Set something on the kept connection of the writer."""
    return lambda connection: connection.exec_driver_sql(f"PRAGMA {text}").scalar()


def test_each_write_says_when_it_is_about_to_be_durable_and_when_it_is(path: Path, clock: Clock) -> None:
    said: list[tuple[str, int]] = []
    database = open_database(path, clock, effect=lambda name: said.append((name, count(database, "runs"))))

    async def main() -> None:
        await database.journal.create(run_of_one())
        await database.journal.load("run-1")
        await database.journal.waiting("run-1")

    asyncio.run(main())
    database.close()
    assert said == [("commit", 0), ("committed", 1)]


def test_only_what_is_fleeting_does_not_wait_for_the_disk(database: Database) -> None:
    async def synchronous(*, fleeting: bool = False) -> int:
        return int(await database.writer.write(pragma("synchronous"), fleeting=fleeting))

    async def main() -> None:
        assert [await synchronous(), await synchronous(fleeting=True), await synchronous()] == [2, 1, 2]

    asyncio.run(main())


def test_an_owner_that_dies_just_before_the_commit_has_written_nothing(path: Path, clock: Clock) -> None:
    def die(_: str) -> None:
        raise KeyboardInterrupt

    database = open_database(path, clock, effect=die)
    with pytest.raises(KeyboardInterrupt):
        database.writer._write(lambda connection: connection.exec_driver_sql("DELETE FROM schema_meta"))
    assert count(database, "schema_meta") == 1
    database.close()


def test_a_write_whose_task_is_cancelled_is_still_whole(database: Database, clock: Clock) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO schema_meta VALUES ('one', '1')")
        begun.set()
        may_end.wait(10)
        connection.exec_driver_sql("INSERT INTO schema_meta VALUES ('two', '2')")

    async def main() -> None:
        task = asyncio.create_task(database.writer.write(slow))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert count(database, "schema_meta") == 1
        may_end.set()
        await database.writer.read(lambda _: None)
        assert count(database, "schema_meta") == 3

    asyncio.run(main())


def test_a_full_disk_undoes_the_write_and_is_said(database: Database, clock: Clock) -> None:
    async def main() -> None:
        new = run_of_one()
        await database.journal.create(new)
        await database.journal.claim("run-1")
        size = await database.writer.read(pragma("page_count"))
        await database.writer.read(pragma(f"max_page_count={size}"))
        entry = entry_of(new.run, events.RunStarted(base="b" * 100_000), clock)
        with pytest.raises(DiskFull, match="the disk is full; what was being written is undone"):
            await database.journal.commit("run-1", 1, [entry])
        assert count(database) == 0
        await database.writer.read(pragma(f"max_page_count={size + 1000}"))
        await database.journal.commit("run-1", 1, [entry])
        assert entry.decision is not None
        assert count(database) == 1 + len(entry.decision.notes)

    asyncio.run(main())


def test_a_database_that_another_process_holds_is_said(database: Database) -> None:
    other = database.prepared.site.engine()

    async def main() -> None:
        await database.writer.read(pragma("busy_timeout=20"))
        with other.connect() as holder, holder.execution_options(**{WRITES: True}).begin():
            with pytest.raises(DatabaseBusy, match="is held by another process"):
                await database.journal.create(run_of_one())
            await database.journal.waiting("run-1")  # who only reads waits for nobody
        await database.journal.create(run_of_one())

    asyncio.run(main())
    other.dispose()


def test_the_views_can_not_write(database: Database) -> None:
    with (
        pytest.raises(DatabaseReadOnly, match="can't be written"),
        database.prepared.site.spoken(),
        database.reader.connect() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM schema_meta")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_vanishes_while_it_is_used_is_noticed_by_the_next_write(
    database: Database, path: Path, replaced: bool
) -> None:
    asyncio.run(database.journal.create(run_of_one()))
    path.rename(path.with_name("elsewhere"))
    if replaced:
        path.touch()
    with pytest.raises(DatabaseGone, match="was removed or replaced while it was in use"):
        asyncio.run(database.journal.claim("run-1"))
    assert path.exists() is replaced


def test_a_database_may_be_closed_twice(database: Database) -> None:
    asyncio.run(database.journal.create(run_of_one()))
    database.close()
    database.close()


def test_an_error_that_is_not_the_databases_is_not_reworded(database: Database) -> None:
    async def main() -> None:
        def work(_: Connection) -> None:
            raise OSError(errno.EIO, "of its own")

        with pytest.raises(OSError, match="of its own"):
            await database.writer.write(work)

    asyncio.run(main())


ANOTHER = """
import asyncio, datetime, sys
from penstock.adapters.store.opening import open_database
from penstock.domain import events
from penstock.domain.decision import Integrated
class Clock:
    def now(self): return datetime.datetime.now(datetime.UTC)
async def main():
    database = open_database(sys.argv[1], Clock())
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(50):
        await database.journal.post("run-1", events.Approved(workstream="ws-a", note=str(number)))
    database.close()
asyncio.run(main())
"""


@pytest.mark.slow
def test_another_process_may_post_while_the_owner_commits_without_pause(
    database: Database, path: Path, clock: Clock
) -> None:
    new = run_of_one()
    asyncio.run(database.journal.create(new))
    asyncio.run(database.journal.claim("run-1"))
    argv = [sys.executable, "-c", ANOTHER, str(path)]

    async def main() -> None:
        commits, taken = 0, []
        started = entry_of(new.run, events.RunStarted(base="base"), clock)
        assert started.decision is not None
        run = started.decision.run
        await database.journal.commit("run-1", 1, [started])
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:  # noqa: ASYNC220 - nothing else waits for this loop
            assert other.stdin is not None
            assert other.stdout is not None
            assert other.stdout.readline() == "ready\n"
            other.stdin.write("go\n")
            other.stdin.flush()
            running = True
            while running:
                running = other.poll() is None  # after its end one more look finds what is left
                for waiting in await database.journal.waiting("run-1"):
                    taken.append(waiting)
                    refused = Entry(
                        event=waiting.request, at=clock.now(), decision=None, refused="no", request_id=waiting.id
                    )
                    await database.journal.commit("run-1", 1, [refused])
                entry = entry_of(run, events.PauseAsked() if commits % 2 else events.ResumeAsked(), clock)
                assert entry.decision is not None
                run = entry.decision.run
                await database.journal.commit("run-1", 1, [entry])
                commits += 1
        assert other.returncode == 0
        assert [getattr(one.request, "note", "") for one in taken] == [str(number) for number in range(50)]
        assert commits > 0
        assert (await database.journal.load("run-1")).run == run
        told = [database.views.request(one.id) for one in taken]
        assert {one["refused"] for one in told} == {"no"}

    asyncio.run(main())


def test_another_connections_write_shows_in_the_change_count(path: Path, clock: Clock) -> None:
    one, two = open_database(path, clock), open_database(path, clock)

    async def main() -> None:
        await one.journal.create(run_of_one())
        before = await one.journal.change_count()
        assert await one.journal.change_count() == before
        await two.journal.post("run-1", events.ResumeAsked())
        assert await one.journal.change_count() != before

    asyncio.run(main())
    one.close()
    two.close()


def test_of_two_owners_the_older_one_writes_nothing_more(path: Path, clock: Clock) -> None:
    one, two = open_database(path, clock), open_database(path, clock)

    async def main() -> None:
        new = run_of_one()
        await one.journal.create(new)
        old = (await one.journal.claim("run-1")).generation
        mine = await two.journal.claim("run-1")
        assert mine.generation == old + 1
        entry = entry_of(new.run, events.RunStarted(base="base"), clock)
        with pytest.raises(Exception, match="taken over by another process"):
            await one.journal.commit("run-1", old, [entry])
        assert count(one) == 0
        await two.journal.commit("run-1", mine.generation, [entry])
        assert (await one.journal.load("run-1")).run.base == "base"

    asyncio.run(main())
    one.close()
    two.close()


def test_rows_that_do_not_fit_their_plan_are_refused_in_words(database: Database) -> None:
    async def main() -> None:
        await database.journal.create(run_of_one())
        await database.writer.write(lambda rows: rows.exec_driver_sql("UPDATE workstreams SET ws_id = 'ws-z'"))
        with pytest.raises(DatabaseUnreadable, match="the rows of run run-1 do not fit its plan: ws-a, ws-z"):
            await database.journal.load("run-1")

    asyncio.run(main())


def test_rows_that_break_a_rule_are_a_bug_and_nothing_of_them_is_stored(database: Database, clock: Clock) -> None:
    async def main() -> None:
        new = run_of_one()
        await database.journal.create(new)
        await database.journal.claim("run-1")
        merged = Integrated(workstream="ws-a", verdict_id="none", tree="t", commit="c")
        entry = entry_of(new.run, events.RunStarted(base="base"), clock)
        assert entry.decision is not None
        unproven = replace(entry, decision=replace(entry.decision, records=(merged,)))
        with pytest.raises(RowsContradict, match="FOREIGN KEY"):
            await database.journal.commit("run-1", 1, [unproven])
        assert count(database) == 0
        assert (await database.journal.load("run-1")).run == new.run

    asyncio.run(main())
