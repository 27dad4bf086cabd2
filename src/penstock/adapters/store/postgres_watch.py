"""Sees that something was written on a Postgres server, by asking for its snapshot: no table is read.

The snapshot tells which transactions have ended, so every commit changes it. The ids of rows would not do: a row may be
committed after one with a higher id. And LISTEN would be deaf behind a pooler that lends connections by transaction.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from penstock.adapters.store.postgres_endings import has_ended

if TYPE_CHECKING:
    import psycopg

    from penstock.adapters.store.postgres import PostgresSite

_SNAPSHOT = "SELECT pg_current_snapshot()::text"


class SnapshotWatch:
    """Asks in a thread of its own: a server far away must not hold the owner's loop up."""

    def __init__(self, site: PostgresSite) -> None:
        self._site = site
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="penstock-watch")
        self._connection: psycopg.Connection | None = None
        self._seen = ""
        self._changes = 0

    async def count(self) -> int:
        """How often the snapshot was another one; what others do on this server may count too."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask)

    def _ask(self) -> int:
        with self._site.spoken():
            if self._connection is not None and has_ended(self._connection):
                self._connection.close()
                self._connection = None
            if self._connection is None:
                self._connection = self._site.connect(autocommit=True)
            row = self._connection.execute(_SNAPSHOT).fetchone()
        seen = str(row[0]) if row else ""
        if seen != self._seen:
            self._seen = seen
            self._changes += 1
        return self._changes

    def close(self) -> None:
        """Let a running question end, then close the connection."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
