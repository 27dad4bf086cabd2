"""A database is made, migrated after a copy, or refused with a sentence and left as it was."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

import penstock.adapters.store as package
from penstock.adapters.store.failures import (
    DatabaseMigrated,
    DatabaseNewer,
    DatabaseNotSupported,
    DatabaseReadOnly,
    DatabaseUnreadable,
    RowsContradict,
)
from penstock.adapters.store.opening import (
    Database,
    Migrations,
    open_database,
    prepare,
    site_of,
)
from penstock.adapters.store.sqlite import SqliteSite
from penstock.adapters.store.tables import SCHEMA_VERSION, metadata
from penstock.domain.budget import Cap, Level
from penstock.ports.library import UsageFilter

if TYPE_CHECKING:
    from penstock.ports import Clock

NEXT = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{SCHEMA_VERSION + 1:04d}", "{SCHEMA_VERSION:04d}"

def upgrade() -> None:
    op.create_table("flags", sa.Column("name", sa.String, primary_key=True))
"""


USAGE = {"pipeline_prompt_usage", "budgets", "reservations"}


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def names(path: Path) -> set[object]:
    return {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}


def folder_with(tmp_path: Path, text: str) -> Migrations:
    """The migrations of this version and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(str(package.__file__)).parent / "migrations", folder)
    (folder / "versions" / "9999_next.py").write_text(text)
    return Migrations(location=str(folder), version=SCHEMA_VERSION + 1)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_fresh_database_is_made_in_a_folder_of_its_own_that_only_its_owner_may_enter(
    path: Path, clock: Clock
) -> None:
    prepared = prepare(path, clock)
    assert (prepared.site.shown, prepared.version) == (str(path), SCHEMA_VERSION)
    assert (prepared.fresh, prepared.copy) == (True, None)
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_second_opening_finds_it_up_to_date_and_makes_no_copy(path: Path, clock: Clock) -> None:
    prepare(path, clock)
    before = path.read_bytes()
    prepared = prepare(path, clock)
    assert (prepared.fresh, prepared.migrated_from, prepared.copy) == (False, None, None)
    assert (path.read_bytes(), [one.name for one in path.parent.iterdir()]) == (before, [path.name])


def test_the_migrations_make_the_tables_that_the_code_knows(path: Path, clock: Clock) -> None:
    prepare(path, clock)
    with SqliteSite(path).engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        # Alembic compares no foreign keys by their order and no condition of an index: SQLite's own text does.
        made = dict(tuple(row) for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master"))
    connection.engine.dispose()
    assert "FOREIGN KEY(run_id, verdict_id, tree) REFERENCES verdicts (run_id, id, tree)" in made["integrations"]
    assert "WHERE done_at IS NULL" in made["ix_commands_open"]


def test_every_connection_is_durable_and_keeps_foreign_keys(database: Database) -> None:
    with database.writer._engine.connect() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert found == ["wal", 2, 1, 30000]


def test_a_database_that_is_up_to_date_is_opened_without_alembic(path: Path, clock: Clock) -> None:
    prepare(path, clock)
    program = (
        "import sys, datetime\n"
        "from penstock.adapters.store.opening import open_database\n"
        "class Clock:\n"
        "    def now(self): return datetime.datetime.now(datetime.UTC)\n"
        "database = open_database(sys.argv[1], Clock())\n"
        "print(database.prepared.version, database.views.runs(), 'alembic' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert said.stdout == f"{SCHEMA_VERSION} [] False\n"


@pytest.mark.slow
def test_many_processes_may_make_the_same_database_at_once(path: Path) -> None:
    program = (
        "import sys, datetime\n"
        "from penstock.adapters.store.opening import prepare\n"
        "import penstock.adapters.store.upgrading\n"
        "class Clock:\n"
        "    def now(self): return datetime.datetime.now(datetime.UTC)\n"
        "sys.stdin.read(1)\n"
        "print(prepare(sys.argv[1], Clock()).fresh)\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert sorted(said) == [b"False\n", b"False\n", b"True\n"]


def test_an_older_database_is_migrated_after_a_copy(path: Path, clock: Clock, tmp_path: Path) -> None:
    prepare(path, clock)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO projects VALUES ('p', '/p', '2026-01-01T00:00:00.000000Z')")
        connection.commit()
    prepared = prepare(path, clock, folder_with(tmp_path, NEXT))
    assert (prepared.version, prepared.migrated_from, prepared.fresh) == (SCHEMA_VERSION + 1, SCHEMA_VERSION, False)
    assert "flags" in names(path)
    assert rows(path, "SELECT value FROM schema_meta") == [(str(SCHEMA_VERSION + 1),)]
    assert prepared.copy is not None
    versions = f"from version {SCHEMA_VERSION} to {SCHEMA_VERSION + 1}"
    assert prepared.news == f"{path} was migrated {versions}; as it was before, it lies in {prepared.copy}"
    assert prepared.copy.name == f"penstock.db.v{SCHEMA_VERSION}-20261120T080000Z"
    assert mode(prepared.copy) == 0o600
    assert "flags" not in names(prepared.copy)
    assert rows(prepared.copy, "SELECT id FROM projects") == [("p",)]


def test_a_database_of_the_first_version_keeps_its_rows_and_gets_the_tables_of_usage(path: Path, clock: Clock) -> None:
    prepare(path, clock, Migrations(version=1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO projects VALUES ('p', '/p', '2026-01-01T00:00:00.000000Z')")
        connection.commit()
    assert not names(path) & USAGE
    assert prepare(path, clock).migrated_from == 1
    assert names(path) >= USAGE
    assert rows(path, "SELECT id FROM projects") == [("p",)]


def used_at(second: int, pipeline: str | None, micros: int | None) -> dict[str, object]:
    """A record of usage as the second version kept it."""
    return {
        "id": f"ppu_{second}", "project": "p", "pipeline_id": pipeline, "streamed": 0, "input_tokens": 5,
        "used_at": f"2026-01-01T00:00:{second:02}.000000Z", "output_tokens": 2, "cost_usd": micros, "estimated": 0,
        "price_unknown": micros is None, "claimed": 0, "status": "ok", "tries": 1, "execution_time_ms": 10,
    }  # fmt: skip


def test_usage_that_is_there_is_added_up_when_its_sums_come(path: Path, clock: Clock) -> None:
    prepare(path, clock, Migrations(version=2))
    with closing(sqlite3.connect(path)) as connection:
        for row in (used_at(1, None, 7), used_at(2, "pip_1", None), used_at(3, "pip_1", 9)):
            places = ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO pipeline_prompt_usage ({', '.join(row)}) VALUES ({places})", row)
        connection.commit()
    database = open_database(path, clock)
    assert database.prepared.migrated_from == 2
    told = database.views.token_report(UsageFilter())
    assert (told["total_tokens"], told["total_cost_usd"], told["price_unknown"]) == (21, 0.000016, 1)
    assert {one["key"]: one["calls"] for one in told["by_pipeline"]} == {"": 1, "pip_1": 2}
    assert rows(path, "SELECT execution_time_ms, last_used_at FROM usage_by_pipeline WHERE pipeline_id = 'pip_1'") == [
        (20, "2026-01-01T00:00:03.000000Z")
    ]
    database.close()


def test_marks_that_are_reached_already_count_as_told(path: Path, clock: Clock) -> None:
    prepare(path, clock, Migrations(version=4))
    amounts = ("100, NULL, 85, 0", "100, 10, 1, 20", "NULL, NULL, 9, 9", "0, NULL, 9, 9")
    with closing(sqlite3.connect(path)) as connection:
        for key, amount in enumerate(amounts):
            connection.execute(f"INSERT INTO budgets VALUES ('run', '{key}', {amount}, 0, 0, 0, 0)")
        connection.commit()
    prepare(path, clock)
    assert rows(path, "SELECT told_mark FROM budgets ORDER BY key") == [(85,), (100,), (0,), (0,)]


def test_caps_that_are_there_stay_as_if_a_person_had_set_them(path: Path, clock: Clock) -> None:
    prepare(path, clock, Migrations(version=3))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO budgets VALUES ('project', 'p', 70, NULL, 0, 0, 0, 0)")
        connection.commit()
    database = open_database(path, clock)

    async def main() -> Cap:
        ledger = database.ledger(redact=str)
        await ledger.give_cap(Level.PROJECT, "p", Cap(tokens=9, micros=5))
        return (await ledger.account(Level.PROJECT, "p")).cap

    assert asyncio.run(main()) == Cap(tokens=70, micros=5)
    database.close()


@pytest.mark.parametrize(("older", "kept"), [("0002", USAGE), ("0001", set())])
def test_newer_tables_can_be_taken_away_and_made_again(path: Path, clock: Clock, older: str, kept: set[object]) -> None:
    prepare(path, clock)
    made = "SELECT type, name FROM sqlite_master ORDER BY type, name"
    before = rows(path, made)
    config = Config()
    config.set_main_option("script_location", Migrations().location)
    config.set_main_option("path_separator", "os")
    for go, version in ((command.downgrade, older), (command.upgrade, "head")):
        with SqliteSite(path).migrating() as connection:
            config.attributes["connection"] = connection
            go(config, version)
        if version == older:
            assert names(path) & {*USAGE, "pipelines", "role_prompts", "usage_by_day"} == kept
    assert rows(path, made) == before


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        ("    raise RuntimeError('half way')\n", RuntimeError),
        ("    op.execute(\"INSERT INTO approvals VALUES (1,'no-run',NULL,1,'a','b','c','d')\")\n", RowsContradict),
        ("    op.execute('nonsense')\n", DatabaseUnreadable),
    ],
)
def test_a_migration_that_fails_leaves_the_database_as_it_was(
    path: Path, clock: Clock, tmp_path: Path, failing: str, error: type[Exception]
) -> None:
    prepare(path, clock)
    with pytest.raises(error):
        prepare(path, clock, folder_with(tmp_path, NEXT + failing))
    assert "flags" not in names(path)
    assert rows(path, "SELECT value FROM schema_meta") == [(str(SCHEMA_VERSION),)]
    assert prepare(path, clock).fresh is False
    assert [one.name for one in path.parent.iterdir()] == [path.name]  # no copy for each command that tries again


def test_a_copy_in_whose_midst_we_are_killed_is_not_taken_for_one(path: Path, clock: Clock, tmp_path: Path) -> None:
    prepare(path, clock)
    program = (
        "import datetime, os, pathlib, sys\n"
        "from penstock.adapters.store.sqlite import SqliteSite\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "def die(event, given):\n"
        "    if event == 'sqlite3.connect' and str(given[0]) != str(path): os._exit(9)\n"
        "sys.addaudithook(die)\n"
        "SqliteSite(path).copy(1, datetime.datetime.now(datetime.UTC))\n"
    )
    assert subprocess.run([sys.executable, "-c", program, path], check=False).returncode == 9
    assert list(path.parent.glob("penstock.db.v*")) == []
    copy = prepare(path, clock, folder_with(tmp_path, NEXT)).copy
    assert {one.name for one in path.parent.iterdir()} == {path.name, copy.name if copy else ""}


def test_a_database_of_a_newer_penstock_is_refused_and_left_alone(path: Path, clock: Clock, tmp_path: Path) -> None:
    prepare(path, clock, folder_with(tmp_path, NEXT))
    before = path.read_bytes()
    said = f"it has version {SCHEMA_VERSION + 1}, this program reads up to {SCHEMA_VERSION}"
    with pytest.raises(DatabaseNewer, match=f"was written by a newer Penstock: {said}"):
        open_database(path, clock)
    assert path.read_bytes() == before


def test_who_has_it_open_while_it_is_migrated_writes_nothing_more(path: Path, clock: Clock, tmp_path: Path) -> None:
    database = open_database(path, clock)
    ledger = database.ledger(redact=str)
    asyncio.run(ledger.set_cap(Level.PROJECT, "p", Cap(tokens=9)))
    prepare(path, clock, folder_with(tmp_path, NEXT))
    said = f"from version {SCHEMA_VERSION} to {SCHEMA_VERSION + 1} by another Penstock"
    with pytest.raises(DatabaseMigrated, match=said) as caught:
        asyncio.run(ledger.set_cap(Level.PROJECT, "p", Cap(tokens=10)))
    assert "start this one again" in str(caught.value)
    assert rows(path, "SELECT cap_tokens FROM budgets") == [(9,)]
    database.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    path.write_text("This is a shopping list, not a database. " * 50)
    with pytest.raises(DatabaseUnreadable, match="is damaged or is not a database") as caught:
        prepare(path, clock)
    assert caught.value.hint
    assert path.read_text().startswith("This is a shopping list")


def test_a_damaged_database_is_refused(path: Path, clock: Clock) -> None:
    prepare(path, clock)
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    with pytest.raises(DatabaseUnreadable, match="is damaged") as caught:
        prepare(path, clock)
    assert caught.value.hint
    # a log that is left would be written into the copy that takes the place
    assert f"together with {path.name}-wal and {path.name}-shm" in caught.value.hint


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    before = path.read_bytes()
    with pytest.raises(DatabaseUnreadable, match="is a database of another program"):
        prepare(path, clock)
    assert path.read_bytes() == before


def test_a_database_that_lost_its_log_mode_gets_it_back(path: Path, clock: Clock) -> None:
    prepare(path, clock)
    assert rows(path, "PRAGMA journal_mode=DELETE") == [("delete",)]
    assert prepare(path, clock).fresh is False
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize("name", ["my files", "a?b=c", "a#b", "100%20", "größer"])
def test_a_folder_may_have_any_name(tmp_path: Path, clock: Clock, name: str) -> None:
    database = open_database(tmp_path / name / "penstock.db", clock)
    assert database.views.runs() == []
    database.close()
    assert {one.name for one in tmp_path.iterdir()} == {name}


def test_a_question_never_makes_a_file(database: Database, path: Path) -> None:
    path.unlink()
    with pytest.raises(DatabaseUnreadable, match="can't be used"):
        database.views.runs()
    with pytest.raises(DatabaseUnreadable, match="can't be used"):
        asyncio.run(database.watch.count())
    assert not path.exists()


def test_an_empty_file_is_taken_as_a_fresh_database(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    path.touch()
    assert prepare(path, clock).fresh is True


def test_a_folder_in_place_of_the_file_is_refused(path: Path, clock: Clock) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DatabaseUnreadable, match="can't be used"):
        prepare(path, clock)


def test_a_home_that_can_not_be_made_is_said(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseReadOnly, match="can't be made"):
        prepare(tmp_path / "file" / "home" / "penstock.db", clock)


def file_of(location: str) -> Path:
    site = site_of(location)
    assert isinstance(site, SqliteSite)
    return site.path


@pytest.mark.parametrize("address", ["sqlite:////data/p.db", "sqlite+pysqlite:////data/p.db", "/data/p.db"])
def test_an_address_or_a_path_names_the_file(address: str) -> None:
    assert file_of(address) == Path("/data/p.db")


@pytest.mark.parametrize(
    "address", ["mysql://ann:secret@host/db", "sqlite://", "sqlite:///:memory:", "a b://", "postgresql://a:secret@[h"]
)
def test_an_address_of_anything_else_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(DatabaseNotSupported) as caught:
        site_of(address)
    assert "secret" not in str(caught.value)
    assert caught.value.hint


def test_a_path_that_is_relative_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert file_of("sqlite:///here.db") == Path(os.path.realpath(tmp_path)) / "here.db" == file_of("here.db")
