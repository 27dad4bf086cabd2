"""The door to the store: find or make the database, bring it up to date, hand out the journal and the views.

A database that is up to date is opened without Alembic; one that is newer, damaged or not ours is left as it was.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from penstock.adapters.store.connection import BUSY_TIMEOUT, Watch, Writer, sqlite_engine, use_write_ahead_log
from penstock.adapters.store.failures import DatabaseNewer, DatabaseReadOnly, DatabaseUnreadable, spoken
from penstock.adapters.store.journal import SqlJournal
from penstock.adapters.store.tables import SCHEMA_VERSION
from penstock.adapters.store.views import SqlViews
from penstock.domain.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from penstock.ports import Clock, Effect


class DatabaseNotSupported(UserError):
    """The address names a kind of database that this release has no driver for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrations:
    """Where the migrations are, and the number of the last one."""

    location: str = "penstock.adapters.store:migrations"
    version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A database that is up to date, and what had to be done for it."""

    path: Path
    version: int
    fresh: bool = False
    migrated_from: int | None = None
    copy: Path | None = None
    """The copy that was made before a migration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database. Threads and connections begin with the first question."""

    prepared: Prepared
    journal: SqlJournal
    views: SqlViews
    writer: Writer
    watch: Watch
    reader: Engine

    def close(self) -> None:
        """Let running work end, then close all connections."""
        self.writer.close()
        self.watch.close()
        self.reader.dispose()


def open_database(location: str | Path, clock: Clock, *, effect: Effect | None = None) -> Database:
    """Open the database at a path or SQLite address, made and migrated as needed."""
    prepared = prepare(location, clock)
    writer, watch = Writer(prepared.path, effect), Watch(prepared.path)
    reader = sqlite_engine(prepared.path, read_only=True)
    return Database(
        prepared=prepared,
        journal=SqlJournal(writer, watch, clock),
        views=SqlViews(reader, prepared.path),
        writer=writer,
        watch=watch,
        reader=reader,
    )


def prepare(location: str | Path, clock: Clock, migrations: Migrations = Migrations()) -> Prepared:
    """Make sure that the database is there and up to date; say what was done."""
    path = path_of(location)
    _make_folder(path)
    found = _found_version(path)
    if found is not None and found > migrations.version:
        raise DatabaseNewer(f"the database {path}", found, migrations.version)
    with spoken(path):
        use_write_ahead_log(path)
    if found == migrations.version:
        return Prepared(path=path, version=found)
    from penstock.adapters.store.upgrading import upgrade  # noqa: PLC0415 - Alembic is slow to import and rarely needed

    with spoken(path):
        before, copy = upgrade(path, migrations.location, migrations.version, clock.now())
    if before is not None and before > migrations.version:
        raise DatabaseNewer(f"the database {path}", before, migrations.version)
    migrated = before is not None and before < migrations.version
    return Prepared(
        path=path,
        version=migrations.version,
        fresh=before is None,
        migrated_from=before if migrated else None,
        copy=copy,
    )


def path_of(location: str | Path) -> Path:
    """The file that a path or a `sqlite:///…` address names."""
    if isinstance(location, Path) or "://" not in location:
        return Path(location).absolute()
    try:
        url = make_url(location)
    except ArgumentError:
        raise DatabaseNotSupported(f"{location!r} is no address of a database", hint=_ADDRESSES) from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        shown = url.render_as_string(hide_password=True)
        raise DatabaseNotSupported(f"{shown} can't be used: this release keeps its data in SQLite", hint=_ADDRESSES)
    return Path(url.database).absolute()


_ADDRESSES = "give the path of a file, or an address such as sqlite:////home/you/penstock.db"


def _make_folder(path: Path) -> None:
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DatabaseReadOnly(
            f"the folder {path.parent} for the database can't be made ({error.strerror})",
            hint="choose another place with PENSTOCK_HOME",
        ) from error


def _found_version(path: Path) -> int | None:
    """The version of the schema; None for a file that is not there or empty."""
    if not path.exists():
        return None
    with spoken(path), closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)) as connection:
        return schema_version(connection, path)


def schema_version(connection: sqlite3.Connection, path: Path) -> int | None:
    """The version that the database says; None if it has no tables yet. Raises if its tables are not ours."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names:
        return None
    if "schema_meta" in names:
        row = connection.execute("SELECT value FROM schema_meta WHERE key = 'schema_version'").fetchone()
        if row is not None and str(row[0]).isdigit():
            return int(row[0])
    raise DatabaseUnreadable(
        f"{path} is a database of another program (it has {len(names)} tables and none says Penstock's version)",
        hint="choose another file with PENSTOCK_HOME or DATABASE_URL",
    )
