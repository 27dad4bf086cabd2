"""Brings a database's schema up to date with Alembic, in one transaction, after a copy.

Imported only when there is something to do.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from penstock.adapters.store.connection import BUSY_TIMEOUT, sqlite_engine, writing
from penstock.adapters.store.failures import RowsContradict
from penstock.adapters.store.opening import schema_version

if TYPE_CHECKING:
    from pathlib import Path

_KEEP_VERSION = text(
    "INSERT INTO schema_meta (key, value) VALUES ('schema_version', :version)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def upgrade(path: Path, location: str, version: int, now: datetime) -> tuple[int | None, Path | None]:
    """Migrate to a version; what it was before, and the copy that was made.

    Another process may have been faster: then nothing is done.
    """
    # A migration may have to make a table anew, which foreign keys would forbid; they are all checked at its end.
    engine = sqlite_engine(path, foreign_keys=False)
    try:
        with engine.connect() as opened:
            connection = writing(opened)
            with connection.begin():
                before = schema_version(_raw(connection), path)
                if before is not None and before >= version:
                    return before, None
                copy = None if before is None else _copy(path, before, now)
                _migrate(connection, location, version)
                _check(connection, path)
        return before, copy
    finally:
        engine.dispose()


def _migrate(connection: Connection, location: str, version: int) -> None:
    config = Config()
    config.set_main_option("script_location", location)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, f"{version:04d}")
    connection.execute(_KEEP_VERSION, {"version": str(version)})


def _check(connection: Connection, path: Path) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RowsContradict(f"the migration of {path} would leave {len(broken)} rows without what they refer to")


def _copy(path: Path, version: int, now: datetime) -> Path:
    """A whole copy beside the database, made by SQLite itself: a copied file would lack what is still in the log."""
    copy = path.with_name(f"{path.name}.v{version}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _raw(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - tells the type checker what `sqlite_engine` made
    return driver
