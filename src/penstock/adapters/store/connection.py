"""How SQLite is opened, and the one thread that writes.

A transaction is one hop to that thread: no cancelled task can tear it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event

from penstock.adapters.store.failures import DatabaseGone, spoken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from penstock.ports import Effect

Answer = TypeVar("Answer")

BUSY_TIMEOUT = 30.0
"""Seconds to wait for another process that writes."""

_BEGIN = "penstock_begin"


def sqlite_engine(path: Path, *, foreign_keys: bool = True, read_only: bool = False) -> Engine:
    """An engine whose connections are durable and whose transactions are begun by us, not by the driver."""
    # `rw` opens only what is there: SQLite would put an empty file in the place of one that was removed.
    address = URL.create("sqlite", database=path.as_uri(), query={"mode": "rw", "uri": "true"})
    engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT}, max_overflow=-1)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own idea of when to begin is switched off
        for pragma in (
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "synchronous=FULL",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    return engine


def writing(connection: Connection) -> Connection:
    """This connection, taking the lock for writing as soon as it begins: one that upgrades later may fail at once."""
    return connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def use_write_ahead_log(path: Path) -> None:
    """Switch the log on, once for the file. SQLite does not wait here for another process that does the same."""
    path.touch(mode=0o600)
    patience = time.monotonic() + BUSY_TIMEOUT
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                    raise
                time.sleep(0.01)
            else:
                return


def identity(path: Path) -> tuple[int, int]:
    """Which file is at a path. SQLite would go on writing into one that was removed, and make an empty one anew."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked before every transaction, and three times faster so
    except OSError:
        raise DatabaseGone(path) from None
    return found.st_dev, found.st_ino


class Writer:
    """One thread with one kept connection, for all transactions of the journal."""

    def __init__(self, path: Path, effect: Effect | None) -> None:
        self._path = path
        self._effect = effect
        self._engine = sqlite_engine(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="penstock-store")
        self._connection: Connection | None = None
        self._file = (0, 0)
        self._is_closed = False

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do the work in one transaction; when this returns it is durable, when it raises nothing of it was stored."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, work)

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do the work in one transaction that waits for no other process."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, work)

    def close(self) -> None:
        """Let running work end, then close the connection. Closing twice is closing once."""
        if not self._is_closed:
            self._is_closed = True
            self._thread.submit(self._disconnect).result()
            self._thread.shutdown()

    def _kept(self) -> Connection:
        file = identity(self._path)
        if self._connection is None:
            self._file = file
            self._connection = self._engine.connect()
        elif file != self._file:
            raise DatabaseGone(self._path)
        return self._connection

    def _write(self, work: Callable[[Connection], Answer]) -> Answer:
        with spoken(self._path):
            connection = writing(self._kept())
            with connection.begin():
                answer = work(connection)
                self._say("commit")
            self._say("committed")
            return answer

    def _read(self, work: Callable[[Connection], Answer]) -> Answer:
        with spoken(self._path):
            connection = self._kept().execution_options(**{_BEGIN: "BEGIN"})
            with connection.begin():
                return work(connection)

    def _say(self, effect: str) -> None:
        if self._effect is not None:
            self._effect(effect)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()


class Watch:
    """Sees that something was written, by us or by another process, without reading any of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def count(self) -> int:
        """A number that differs from the last one if anything was committed between."""
        with spoken(self._path), self._lock:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    f"{self._path.as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
                )
            found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return found

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
