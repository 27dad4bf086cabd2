"""One owner per run for all hosts that use one Postgres database: an advisory lock.

A transaction that stays open on a connection of its own holds it, so the server frees it the moment that the owner or
its host is gone, also behind a pooler: one that lends connections by transaction would keep a session's lock for ever.
The transaction has written and read nothing, so it holds up neither vacuum nor anybody else.

The lock of this machine is taken first: a killed owner's last git call is waited for here as with a database in a file.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil
import psycopg

from penstock.adapters.store.postgres_endings import has_ended
from penstock.ports import Held, Holder

if TYPE_CHECKING:
    from penstock.adapters.store.owned import Owned
    from penstock.adapters.store.postgres import PostgresSite
    from penstock.ports import Clock, Locks

LAST_MOMENT = 5.0
"""How long we wait until the server has noticed that an owner on this host is dead."""
LOOK_AGAIN = 0.02

_KEY = "hashtextextended('penstock run ' || current_schema() || '/' || %s, 0)"
_TRY = f"SELECT pg_try_advisory_xact_lock({_KEY})"
_HOLDER = f"""
SELECT activity.application_name, activity.xact_start
  FROM pg_locks AS held LEFT JOIN pg_stat_activity AS activity ON activity.pid = held.pid
 WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
   AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (held.classid::bigint << 32) | held.objid::bigint = {_KEY}
"""  # noqa: S608 - as above
_STAY = """
SELECT set_config(name, wish, true)
  FROM (VALUES ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
               ('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3')
       ) AS wished (name, wish) JOIN pg_settings USING (name)
"""
"""The transaction has no end of its own, and a host that vanished without a word is noticed within a minute."""


class AdvisoryLock:
    """A run's lock, held by an open transaction."""

    def __init__(self, run_id: str, connection: psycopg.Connection, local: Held, owned: Owned) -> None:
        self._run_id = run_id
        self._connection = connection
        self._local = local
        self._owned = owned
        self._looking = threading.Lock()

    def is_lost(self) -> bool:
        """Whether the server has ended the connection."""
        with self._looking:
            return has_ended(self._connection)

    def release(self) -> None:
        """Let it go; a second time changes nothing."""
        self._owned.drop(self._run_id)
        with self._looking:
            self._connection.close()
        self._local.release()


class AdvisoryLocks:
    """Locks that the server keeps and every host sees."""

    def __init__(self, site: PostgresSite, local: Locks, owned: Owned, clock: Clock) -> None:
        self._site = site
        self._local = local
        self._owned = owned
        self._clock = clock

    async def acquire(self, run_id: str) -> Held | Holder:
        """The lock of a run, or who has it."""
        local = await self._local.acquire(run_id)
        if isinstance(local, Holder):
            return local
        try:
            taken = await self._take(run_id)
        except BaseException:
            local.release()
            raise
        if isinstance(taken, Holder):
            local.release()
            return taken
        held = AdvisoryLock(run_id, taken, local, self._owned)
        self._owned.add(run_id, held)
        return held

    def holder(self, run_id: str) -> Holder | None:
        """Who has a run's lock now; asking takes nothing."""
        with self._site.spoken(), self._site.connect(autocommit=True) as connection:
            return _holder(connection, run_id)

    async def _take(self, run_id: str) -> psycopg.Connection | Holder:
        patience = self._clock.monotonic() + LAST_MOMENT
        with self._site.spoken():
            connection = self._site.connect(application=f"penstock {os.getpid()}@{socket.gethostname()}")
            try:
                while not _locked(connection, run_id):
                    holder = _holder(connection, run_id)
                    connection.rollback()
                    is_going = holder is None or _is_dead(holder)
                    if not is_going or self._clock.monotonic() > patience:
                        connection.close()
                        return holder or UNKNOWN
                    await asyncio.sleep(
                        LOOK_AGAIN
                    )  # the server has yet to notice that its owner is dead, or was just let go
            except BaseException:
                connection.close()
                raise
        return connection


UNKNOWN = Holder(pid=0, host="unknown", since="just now")
"""A holder whose connection the server does not show to us: another user's."""


def _locked(connection: psycopg.Connection, run_id: str) -> bool:
    # No snapshot may be kept, it would hold up vacuum: neither by the isolation nor by a portal, which a statement with
    # parameters leaves open on the server. So the parameter is put in here.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.execute(_STAY)
    row = psycopg.ClientCursor(connection).execute(_TRY, [run_id]).fetchone()
    return bool(row and row[0])


def _holder(connection: psycopg.Connection, run_id: str) -> Holder | None:
    row = connection.execute(_HOLDER, [run_id]).fetchone()
    if row is None:
        return None
    name, since = row
    number, _, host = str(name or "").removeprefix("penstock ").partition("@")
    if not number.isdecimal() or not isinstance(since, datetime):
        return UNKNOWN
    shown = since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Holder(pid=int(number), host=host, since=shown)


def _is_dead(holder: Holder) -> bool:
    return holder.host == socket.gethostname() and not psutil.pid_exists(holder.pid)
