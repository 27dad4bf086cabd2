"""What holds with a Postgres server alone: reaching it, migrating it, and saying in words what it refuses."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_support import name_of, rows, run_of_one

import penstock.adapters.store as package
from penstock.adapters.store.failures import (
    DatabaseBusy,
    DatabaseNewer,
    DatabaseNotSupported,
    DatabaseReadOnly,
    DatabaseUnreachable,
    DatabaseUnreadable,
    RowsContradict,
)
from penstock.adapters.store.opening import Migrations, open_database, prepare, site_of
from penstock.adapters.store.tables import SCHEMA_VERSION, metadata
from penstock.domain.budget import Cap, Level
from penstock.domain.errors import WorldError
from penstock.planning.seeds import shipped_prompts
from penstock.ports.library import PromptExists
from postgres_server import PASSWORD, PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from penstock.adapters.store.opening import Database
    from penstock.adapters.store.replies import SqlReplies
    from penstock.ports import Clock

pytestmark = pytest.mark.slow

NEXT = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{SCHEMA_VERSION + 1:04d}", "{SCHEMA_VERSION:04d}"

def upgrade() -> None:
    op.create_table("flags", sa.Column("name", sa.String, primary_key=True))
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def folder_with(tmp_path: Path, text: str) -> Migrations:
    """The migrations of this version and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(str(package.__file__)).parent / "migrations", folder)
    (folder / "versions" / "9999_next.py").write_text(text)
    return Migrations(location=str(folder), version=SCHEMA_VERSION + 1)


# opening and migrating


def test_the_migrations_make_the_tables_that_the_code_knows(address: str) -> None:
    engine = site_of(address).engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_older_database_is_migrated_as_a_whole_and_the_newer_one_refused(
    address: str, postgres: PostgresServer, clock: Clock, tmp_path: Path
) -> None:
    assert prepare(address, clock).fresh is False
    prepared = prepare(address, clock, folder_with(tmp_path, NEXT))
    assert (prepared.version, prepared.migrated_from, prepared.copy) == (SCHEMA_VERSION + 1, SCHEMA_VERSION, None)
    assert prepared.news.endswith(
        f"/{name_of(address)} was migrated from version {SCHEMA_VERSION} to {SCHEMA_VERSION + 1}"
    )
    assert ("flags",) in postgres.ask(TABLES, name_of(address))
    with pytest.raises(DatabaseNewer, match="was written by a newer Penstock"):
        open_database(address, clock)


@pytest.mark.parametrize(
    ("failing", "error"),
    [("    raise RuntimeError('half way')\n", RuntimeError), ("    op.execute('nonsense')\n", DatabaseUnreadable)],
)
def test_a_migration_that_fails_leaves_the_database_as_it_was(
    address: str, postgres: PostgresServer, clock: Clock, tmp_path: Path, failing: str, error: type[Exception]
) -> None:
    before = sorted(map(str, postgres.ask(TABLES, name_of(address))))
    with pytest.raises(error):
        prepare(address, clock, folder_with(tmp_path, NEXT + failing))
    assert sorted(map(str, postgres.ask(TABLES, name_of(address)))) == before
    assert prepare(address, clock).migrated_from is None


def test_many_processes_may_make_the_same_database_at_once(postgres: PostgresServer) -> None:
    program = (
        "import sys\n"
        "from penstock.adapters.clock import SystemClock\n"
        "from penstock.adapters.store.opening import prepare\n"
        "import penstock.adapters.store.upgrading\n"
        "sys.stdin.read(1)\n"
        "print(prepare(sys.argv[1], SystemClock()).fresh)\n"
    )
    argv = [sys.executable, "-c", program, postgres.empty_database()]
    started = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert sorted(said) == [b"False\n", b"False\n", b"True\n"]


def test_a_database_of_another_program_is_refused_and_left_alone(postgres: PostgresServer, clock: Clock) -> None:
    address = postgres.empty_database()
    postgres.ask("CREATE TABLE recipes (name text)", name_of(address))
    with pytest.raises(DatabaseUnreadable, match="is a database of another program"):
        prepare(address, clock)
    assert postgres.ask(TABLES, name_of(address)) == [("recipes",)]


def test_a_schema_of_its_own_within_a_shared_database_will_do(postgres: PostgresServer, clock: Clock) -> None:
    address = postgres.empty_database()
    postgres.ask("CREATE TABLE recipes (name text)", name_of(address))
    postgres.ask("CREATE SCHEMA penstock", name_of(address))
    database = open_database(f"{address}?options=-csearch_path%3Dpenstock", clock)
    asyncio.run(database.journal.create(run_of_one()))
    assert [run["run_id"] for run in database.views.runs()] == ["run-1"]
    database.close()
    assert postgres.ask(TABLES, name_of(address)) == [("recipes",)]


# what may be wrong, in words and without the password


def wrong_password(server: PostgresServer) -> str:
    return server.address(password="another-s3cret")


def no_server(_: PostgresServer) -> str:
    return f"postgresql://penstock:{PASSWORD}@127.0.0.1:1/penstock"


def unknown_host(_: PostgresServer) -> str:
    return f"postgresql://penstock:{PASSWORD}@host.invalid/penstock"


def no_database(server: PostgresServer) -> str:
    return server.address("nowhere")


@pytest.mark.parametrize(
    ("address_of", "said"),
    [
        (wrong_password, "password authentication failed"),
        (no_server, "refused"),
        (unknown_host, "host.invalid"),
        (no_database, 'database "nowhere" does not exist'),
    ],
)
def test_a_server_that_can_not_be_used_is_said(
    postgres: PostgresServer, clock: Clock, address_of: Callable[[PostgresServer], str], said: str
) -> None:
    with pytest.raises(DatabaseUnreachable, match=said) as caught:
        open_database(address_of(postgres), clock)
    assert "s3cret" not in str(caught.value)
    assert "DATABASE_URL" in str(caught.value)


@pytest.mark.parametrize("address", ["postgresql://ann:s3cret@[host/db", "postgresql://ann:s3cret@host/db?nonsense=1"])
def test_an_address_that_can_not_be_read_is_said_without_repeating_it(address: str) -> None:
    with pytest.raises(DatabaseNotSupported, match="can't be read") as caught:
        site_of(address)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
def test_an_address_is_shown_without_password_and_options(scheme: str) -> None:
    shown = site_of(f"{scheme}://ann:s3cret@host:5433/db?sslmode=require&sslpassword=s3cret").shown
    assert shown == "postgresql://ann@host:5433/db"


def test_a_missing_driver_is_said_with_the_extra_that_brings_it() -> None:
    program = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from penstock.adapters.store.opening import site_of\n"
        "site_of('postgresql://host/db')\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False).stderr
    assert "needs the package psycopg" in said
    assert "pip install 'penstock[postgres]'" in said


def test_a_role_without_rights_is_said(postgres: PostgresServer, clock: Clock) -> None:
    address = postgres.empty_database()
    postgres.ask(f"CREATE ROLE guest_{name_of(address)} LOGIN PASSWORD '{PASSWORD}'")
    guest = postgres.address(name_of(address), user=f"guest_{name_of(address)}")
    with pytest.raises(DatabaseReadOnly, match="permission denied"):
        prepare(guest, clock)


def test_a_database_that_can_not_hold_every_text_is_refused(postgres: PostgresServer, clock: Clock) -> None:
    postgres.ask("CREATE DATABASE old_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(DatabaseNotSupported, match="keeps its texts in LATIN1"):
        prepare(postgres.address("old_latin"), clock)
    assert postgres.ask(TABLES, "old_latin") == []


def test_rows_that_break_a_rule_are_a_bug_and_nothing_of_them_is_stored(opened: Database) -> None:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO schema_meta VALUES ('one', '1')")
        connection.exec_driver_sql("INSERT INTO schema_meta VALUES ('one', '1')")

    with pytest.raises(RowsContradict, match="unique constraint"):
        asyncio.run(opened.writer.write(work))
    assert asyncio.run(opened.writer.read(rows)) == 1


def test_of_two_transactions_that_wait_for_each_other_one_is_undone_and_said(address: str, clock: Clock) -> None:
    one, two = open_database(address, clock), open_database(address, clock)
    for name in ("a", "b"):
        asyncio.run(
            one.writer.write(lambda c, name=name: c.exec_driver_sql(f"INSERT INTO schema_meta VALUES ('{name}', '')"))
        )
    met = threading.Barrier(2)
    said: list[WorldError] = []

    def crossing(database: Database, first: str, then: str) -> None:
        def work(connection: Connection) -> None:
            connection.exec_driver_sql(f"UPDATE schema_meta SET value = 'x' WHERE key = '{first}'")
            met.wait(20)
            connection.exec_driver_sql(f"UPDATE schema_meta SET value = 'x' WHERE key = '{then}'")

        try:
            asyncio.run(database.writer.write(work))
        except WorldError as error:
            said.append(error)

    threads = [threading.Thread(target=crossing, args=args) for args in ((one, "a", "b"), (two, "b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in said] == [DatabaseBusy]
    assert "deadlock detected" in str(said[0])
    for database in (one, two):
        assert asyncio.run(database.writer.read(rows)) == 3
        database.close()


def test_nothing_stays_prepared_where_a_pooler_may_lend_the_connection_to_another(opened: Database) -> None:
    ledger, prepared = opened.ledger(redact=str), "SELECT count(*) FROM pg_prepared_statements"

    async def main() -> int:
        for tokens in range(10):
            await ledger.set_cap(Level.PROJECT, "p", Cap(tokens=tokens))
        return await opened.writer.read(lambda connection: connection.exec_driver_sql(prepared).scalar_one())

    assert asyncio.run(main()) == 0
    for _ in range(10):
        opened.views.runs()
    with opened.reader.connect() as connection:
        assert connection.exec_driver_sql(prepared).scalar_one() == 0


def test_the_views_can_not_write(opened: Database) -> None:
    with (
        pytest.raises(DatabaseReadOnly, match="read-only transaction"),
        opened.prepared.site.spoken(),
        opened.reader.connect() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM schema_meta")


def test_of_two_that_store_the_same_run_at_once_one_is_told(address: str, clock: Clock) -> None:
    databases = [open_database(address, clock) for _ in range(4)]

    async def main() -> None:
        made = await asyncio.gather(
            *(database.journal.create(run_of_one()) for database in databases), return_exceptions=True
        )
        refused = [one for one in made if one is not None]
        assert len(refused) == 3
        assert all("there is a run 'run-1' already" in str(one) for one in refused)

    asyncio.run(main())
    for database in databases:
        database.close()


def test_of_many_that_store_the_first_prompt_of_a_role_at_once_all_but_one_are_told(address: str, clock: Clock) -> None:
    databases = [open_database(address, clock) for _ in range(4)]

    async def store(role: str) -> list[BaseException | None]:
        (prompt,) = (one for one in shipped_prompts(clock.now()) if one.role == role)
        return await asyncio.gather(*(one.prompts.add(prompt) for one in databases), return_exceptions=True)

    for role in ("pm", "architect", "ba", "dev", "qa"):
        refused = [one for one in asyncio.run(store(role)) if one is not None]
        assert [type(one) for one in refused] == [PromptExists] * 3
    for database in databases:
        database.close()


def test_a_key_that_another_server_frees_meanwhile_is_taken_or_known(address: str, clock: Clock) -> None:
    databases = [open_database(address, clock) for _ in range(4)]

    async def use(replies: SqlReplies) -> None:
        for _ in range(60):
            if await replies.begin("key", "digest", clock.now()) is None:
                await replies.forget("key")

    async def main() -> None:
        await asyncio.gather(*(use(database.replies) for database in databases))

    asyncio.run(main())
    for database in databases:
        database.close()


def test_more_runs_are_listed_than_one_question_can_name(
    opened: Database, address: str, postgres: PostgresServer
) -> None:
    asyncio.run(opened.journal.create(run_of_one()))
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'runs'"
    names = [str(name) for (name,) in postgres.ask(columns, name_of(address))]
    told = ", ".join("'run-' || number" if name == "run_id" else name for name in names)
    many = f"SELECT {told} FROM runs, generate_series(2, 66000) AS number"
    postgres.ask(f"INSERT INTO runs ({', '.join(names)}) {many}", name_of(address))
    found = opened.views.runs(limit=100_000)
    assert len(found) == 66_000
    assert [one["counts"] for one in found if one["run_id"] == "run-1"] == [{"pending": 1}]


def test_a_command_of_any_length_is_a_key(opened: Database) -> None:
    from penstock.domain.checks import CheckResult

    command = "make " + os.urandom(4000).hex()
    result = CheckResult(tree="t", command=command, kind="static", passed=True, exit_code=0, environment="e")

    async def main() -> None:
        await opened.journal.keep_result(result)
        assert await opened.journal.known_result("t", command, "e") == result
        assert await opened.journal.known_result("t", command + "x", "e") is None

    asyncio.run(main())
