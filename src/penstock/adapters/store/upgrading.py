"""Brings a database's schema up to date with Alembic, in one transaction.

Imported only when there is something to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from penstock.adapters.store.site import schema_version

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from penstock.adapters.store.site import Site

_KEEP_VERSION = text(
    "INSERT INTO schema_meta (key, value) VALUES ('schema_version', :version)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def upgrade(site: Site, location: str, version: int, now: datetime) -> tuple[int | None, Path | None]:
    """Migrate to a version; what it was before, and the copy that was made.

    Another process may have been faster: then nothing is done. What fails is undone whole, and leaves no copy either:
    every command tries again.
    """
    copy = None
    try:
        with site.migrating() as connection:
            before = schema_version(connection.connection.driver_connection, site)
            if before is not None and before >= version:
                return before, None
            copy = None if before is None else site.copy(before, now)
            _migrate(connection, location, version)
    except BaseException:
        if copy is not None:
            copy.unlink(missing_ok=True)
        raise
    return before, copy


def _migrate(connection: Connection, location: str, version: int) -> None:
    config = Config()
    config.set_main_option("script_location", location)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, f"{version:04d}")
    connection.execute(_KEEP_VERSION, {"version": str(version)})
