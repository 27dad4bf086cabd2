"""A database in a file: how SQLite is opened, watched and migrated. The only place that reads its codes."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event

from penstock.adapters.store.failures import (
    DatabaseBusy,
    DatabaseGone,
    DatabaseReadOnly,
    DatabaseUnreadable,
    DiskFull,
    RowsContradict,
)
from penstock.adapters.store.site import FLEETING, WRITES, schema_version, translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from penstock.adapters.store.owned import Owned
    from penstock.domain.errors import Bug, WorldError
    from penstock.ports import Clock, Locks

BUSY_TIMEOUT = 30.0
"""Seconds to wait for another process that writes."""

_FILE = "penstock_file"


class SqliteSite:
    """A file and what is done with it."""

    tables_query = "SELECT name FROM sqlite_master WHERE type = 'table'"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = str(path)

    def engine(self, *, read_only: bool = False) -> Engine:
        """Connections that are durable."""
        return self._engine(read_only=read_only, foreign_keys=True)

    def _engine(self, *, read_only: bool, foreign_keys: bool) -> Engine:
        # `rw` opens only what is there: SQLite would put an empty file in the place of one that was removed.
        address = URL.create("sqlite", database=self.path.as_uri(), query={"mode": "rw", "uri": "true"})
        engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT}, max_overflow=-1)

        @event.listens_for(engine, "connect")
        def set_up(connection: sqlite3.Connection, record: Any) -> None:
            record.info[_FILE] = identity(self.path)
            connection.isolation_level = None  # the driver's own idea of when to begin is switched off
            for pragma in (
                f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
                f"query_only={'ON' if read_only else 'OFF'}",
            ):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # Who will write takes the lock for it at once: one that upgrades later may fail without waiting.
            options = connection.get_execution_options()
            driver: Any = connection.connection.driver_connection  # SQLAlchemy would wrap each word in a result
            # With NORMAL the system has a commit, and keeps it when we are killed; the next FULL one takes it to disk.
            driver.execute(f"PRAGMA synchronous={'NORMAL' if options.get(FLEETING, False) else 'FULL'}")
            driver.execute("BEGIN IMMEDIATE" if options.get(WRITES, False) else "BEGIN")

        return engine

    def spoken(self) -> AbstractContextManager[None]:
        """Say in our own words what SQLite or the file system refused."""
        return translated(sqlite3.Error, partial(in_words, self.path))

    def is_good(self, kept: Connection | None) -> bool:
        """Whether the kept connection still leads to the file that is there."""
        file = identity(self.path)
        if kept is not None and kept.info[_FILE] != file:
            raise DatabaseGone(self.path)
        return kept is not None

    def watch(self) -> FileWatch:
        """A new watch."""
        return FileWatch(self)

    def locks(self, local: Locks, owned: Owned, clock: Clock) -> Locks:
        """Who can open the file is on this machine, so its locks are enough."""
        return local

    def found_version(self) -> int | None:
        """The version of the schema; None for a file that is not there or empty."""
        self._make_folder()
        if not self.path.exists():
            return None
        opened = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None)
        with closing(opened) as connection:
            return schema_version(connection, self)

    def _make_folder(self) -> None:
        try:
            self.path.parent.parent.mkdir(parents=True, exist_ok=True)
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DatabaseReadOnly(
                f"the folder {self.path.parent} for the database can't be made ({error.strerror})",
                hint="choose another place with PENSTOCK_HOME",
            ) from error

    def settle(self) -> None:
        """Switch the write-ahead log on, once for the file. SQLite does not wait for another process that does so."""
        self.path.touch(mode=0o600)
        patience = time.monotonic() + BUSY_TIMEOUT
        with closing(sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None)) as connection:
            while True:
                try:
                    connection.execute("PRAGMA journal_mode=WAL")
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                        raise
                    time.sleep(0.01)
                else:
                    return

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A transaction that holds the lock for writing from its beginning."""
        # A migration may have to make a table anew, which foreign keys would forbid; they are all checked at its end.
        engine = self._engine(read_only=False, foreign_keys=False)
        try:
            with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise RowsContradict(
                        f"the migration of {self.path} would leave {len(broken)} rows without what they refer to"
                    )
        finally:
            engine.dispose()

    def copy(self, version: int, now: datetime) -> Path | None:
        """A whole copy beside the database, made by SQLite itself: a copied file would lack what is in the log.

        It has its name once it is whole: what a kill leaves of one must not be taken for it.
        """
        copy = self.path.with_name(f"{self.path.name}.v{version}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        unfinished = self.path.with_name(f"{self.path.name}.copying")
        log = unfinished.with_name(f"{unfinished.name}-journal")
        try:
            for left in (unfinished, log):
                left.unlink(missing_ok=True)
            unfinished.touch(mode=0o600)
            opened = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT)
            with closing(opened) as source, closing(sqlite3.connect(unfinished)) as target:
                source.backup(target)
            unfinished.replace(copy)
        except BaseException:
            for left in (unfinished, log):
                left.unlink(missing_ok=True)
            raise
        return copy


class FileWatch:
    """Asks SQLite whether the file has changed: microseconds, and no other thread."""

    def __init__(self, site: SqliteSite) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    async def count(self) -> int:
        """A number that differs from the last one if anything was committed between."""
        with self._site.spoken(), self._lock:
            if self._connection is None:
                address = f"{self._site.path.as_uri()}?mode=rw"
                self._connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return found

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def identity(path: Path) -> tuple[int, int]:
    """Which file is at a path. SQLite would go on writing into one that was removed, and make an empty one anew."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked before every transaction, and three times faster so
    except OSError:
        raise DatabaseGone(path) from None
    return found.st_dev, found.st_ino


def in_words(path: Path, error: sqlite3.Error) -> WorldError | Bug:
    """The error of ours for an error of SQLite."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    match code & 0xFF:
        case _ if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):
            return DiskFull(
                f"the database {path} can't grow: the disk is full; what was being written is undone",
                hint="free some space there, then go on with `penstock resume`",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DatabaseBusy(
                f"the database {path} is held by another process and did not become free",
                hint="end the other process that writes to it, then try again",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return DatabaseReadOnly(
                f"the database {path} can't be written ({error})",
                hint="give yourself the right to write to the file and its folder, or set PENSTOCK_HOME",
            )
        case sqlite3.SQLITE_CONSTRAINT:
            return RowsContradict(f"the database {path} refused what was to be stored: {error}")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return DatabaseUnreadable(
                f"{path} is damaged or is not a database ({error}); it was left as it is",
                hint=f"move it aside together with {path.name}-wal and {path.name}-shm, which would damage what takes"
                " its place; then begin anew, or put back a copy: copies made before migrations lie beside it",
            )
        case _:
            return DatabaseUnreadable(
                f"the database {path} can't be used ({error})",
                hint="look at the file, its folder and the disk it is on, then try again",
            )
