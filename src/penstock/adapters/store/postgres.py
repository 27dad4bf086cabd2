"""A database on a Postgres server: how it is reached, watched and migrated. Imported only where an address asks for it,
since its driver is an extra.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import create_engine, event

from penstock.adapters.store.failures import DatabaseNotSupported
from penstock.adapters.store.postgres_endings import has_ended
from penstock.adapters.store.postgres_failures import in_words
from penstock.adapters.store.postgres_locks import AdvisoryLocks
from penstock.adapters.store.postgres_watch import SnapshotWatch
from penstock.adapters.store.site import WRITES, schema_version, translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from penstock.adapters.store.owned import Owned
    from penstock.ports import Clock, Locks

OLDEST = 13
"""The oldest server: the first that tells its snapshot as `pg_current_snapshot`."""

CONNECTING = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How long we wait for a server that is not there, and how soon we notice that one has gone; an address may differ."""

_DURABLE = """
SELECT set_config('lock_timeout', '30s', false),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('penstock migration ' || current_schema(), 0))"


class PostgresSite:
    """One database of a server, by an address as libpq reads it: with a pooler or several hosts, if need be."""

    tables_query = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"

    def __init__(self, address: str) -> None:
        scheme, _, rest = address.partition("://")
        try:
            parts = conninfo_to_dict(f"{scheme.partition('+')[0]}://{rest}")
        except psycopg.Error:  # what libpq says of it may repeat the password
            raise DatabaseNotSupported(
                "the address of the Postgres database can't be read",
                hint="it looks like postgresql://user:password@host:5432/database, special characters as %XX",
            ) from None
        self._conninfo = make_conninfo("", **{"client_encoding": "utf8", **CONNECTING, **parts})
        self.shown = _shown(parts)

    def connect(self, *, application: str = "penstock", autocommit: bool = False) -> psycopg.Connection:
        """A connection of its own. Nothing stays prepared on it: behind a pooler that lends connections by transaction
        the next statement would find none of what was prepared, or another client's under the same name.
        """
        return psycopg.connect(
            self._conninfo, application_name=application, autocommit=autocommit, prepare_threshold=None
        )

    def engine(self, *, read_only: bool = False) -> Engine:
        """Connections of one moment for who reads, of the latest state row by row for who writes."""
        engine = create_engine(
            "postgresql+psycopg://", creator=self.connect, use_native_hstore=False, max_overflow=-1, pool_pre_ping=True
        )

        @event.listens_for(engine, "connect")
        def set_up(connection: psycopg.Connection, _record: Any) -> None:
            connection.execute(_DURABLE)
            connection.commit()

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            driver: Any = connection.connection.driver_connection
            writes = not read_only and connection.get_execution_options().get(WRITES, False)
            level = psycopg.IsolationLevel
            driver.isolation_level = level.READ_COMMITTED if writes else level.REPEATABLE_READ
            driver.read_only = not writes

        return engine

    def spoken(self) -> AbstractContextManager[None]:
        """Say in our own words what the server or the way to it refused."""
        return translated(psycopg.Error, partial(in_words, self.shown))

    def is_good(self, kept: Connection | None) -> bool:
        """Whether the kept connection has not ended."""
        if kept is None or kept.invalidated:
            return False
        driver: Any = kept.connection.driver_connection
        return not has_ended(driver)

    def watch(self) -> SnapshotWatch:
        """A new watch."""
        return SnapshotWatch(self)

    def locks(self, local: Locks, owned: Owned, clock: Clock) -> Locks:
        """Locks of the server, which other hosts see too."""
        return AdvisoryLocks(self, local, owned, clock)

    def found_version(self) -> int | None:
        """The version of the schema; None where there are no tables yet."""
        with self.connect(autocommit=True) as connection:
            self._must_be_fit(connection)
            return schema_version(connection, self)

    def _must_be_fit(self, connection: psycopg.Connection) -> None:
        version = connection.info.server_version // 10_000
        if version < OLDEST:
            raise DatabaseNotSupported(
                f"{self.shown} is on Postgres {version}; Penstock needs {OLDEST} or later", hint="update the server"
            )
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise DatabaseNotSupported(
                f"{self.shown} keeps its texts in {encoding}, which can't hold every character",
                hint="make the database with: CREATE DATABASE penstock ENCODING 'UTF8' TEMPLATE template0",
            )

    def settle(self) -> None:
        """Nothing: how a server's database is kept is its administrator's business."""

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """One transaction for all tables, which the server can undo as a whole, and one upgrader at a time."""
        engine = self.engine()
        try:
            with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
                connection.exec_driver_sql(_ALONE)
                yield connection
        finally:
            engine.dispose()

    def copy(self, version: int, now: datetime) -> Path | None:
        """None: a failed migration is undone by the server, and copies of it are made where it is run."""
        return None


def _shown(parts: dict[str, Any]) -> str:
    """The address as it may be shown: who and where, but no password and nothing of what follows a question mark."""
    user = f"{parts['user']}@" if parts.get("user") else ""
    host = parts.get("host") or parts.get("hostaddr") or ""
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{host}{port}/{parts.get('dbname') or ''}"
