"""The one thread that writes, on one kept connection.

A transaction is one hop to that thread: no cancelled task can tear it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, TypeVar

from penstock.adapters.store.failures import DatabaseMigrated
from penstock.adapters.store.site import FLEETING, VERSION_QUERY, WRITES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from penstock.adapters.store.site import Site
    from penstock.ports import Effect

Answer = TypeVar("Answer")


class Writer:
    """One thread with one kept connection, for all transactions of the journal."""

    def __init__(self, site: Site, effect: Effect | None, version: int) -> None:
        self._site = site
        self._effect = effect
        self._version = version
        self._engine = site.engine()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="penstock-store")
        self._connection: Connection | None = None
        self._is_closed = False

    async def write(self, work: Callable[[Connection], Answer], *, fleeting: bool = False) -> Answer:
        """Do the work in one transaction; when this returns it is durable, when it raises nothing of it was stored.

        Only where the connection ends in the middle of a commit nobody knows: the next owner reads what is there. What
        is `fleeting` is safe from the end of our process but need not be from a power cut: it does not wait for a disk.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, work, fleeting)

    def submit(self, work: Callable[[Connection], object]) -> None:
        """Do the work after what was asked before, though nobody waits for it any more; after the end it is dropped."""
        with suppress(RuntimeError):  # what the thread's queue raises once it is shut
            self._thread.submit(self._write, work)

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do the work in one transaction that sees one moment and waits for no other process."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, work)

    def close(self) -> None:
        """Let running work end, then close the connection. Closing twice is closing once."""
        if not self._is_closed:
            self._is_closed = True
            self._thread.submit(self._drop).result()
            self._thread.shutdown()
            self._engine.dispose()

    def _kept(self, *, writes: bool, fleeting: bool = False) -> Connection:
        if not self._site.is_good(self._connection):
            self._drop()
            self._connection = self._engine.connect()
        assert self._connection is not None  # noqa: S101 - tells the type checker what the lines above say
        return self._connection.execution_options(**{WRITES: writes, FLEETING: fleeting})

    def _write(self, work: Callable[[Connection], Answer], fleeting: bool = False) -> Answer:
        with self._site.spoken():
            connection = self._kept(writes=True, fleeting=fleeting)
            with connection.begin():
                self._must_be_as_opened(connection)
                answer = work(connection)
                self._say("commit")
            self._say("committed")
            return answer

    def _read(self, work: Callable[[Connection], Answer]) -> Answer:
        with self._site.spoken():
            connection = self._kept(writes=False)
            with connection.begin():
                return work(connection)

    def _must_be_as_opened(self, connection: Connection) -> None:
        """Write into no tables but those that we know: an updated Penstock may have migrated them meanwhile."""
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(VERSION_QUERY)
            row = cursor.fetchone()
        if row is None or row[0] != str(self._version):
            raise DatabaseMigrated(self._site.shown, row[0] if row else "none", self._version)

    def _say(self, effect: str) -> None:
        if self._effect is not None:
            self._effect(effect)

    def _drop(self) -> None:
        """Close the connection without a word on it: it may have ended already, and nothing is under way."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
