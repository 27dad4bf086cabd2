"""What the store asks of the database under it: the two kinds differ in how they are opened, watched and kept up to
date, and in what they refuse.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy.exc import DBAPIError

from penstock.adapters.store.failures import DatabaseUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from penstock.adapters.store.owned import Owned
    from penstock.ports import Clock, Locks

WRITES = "penstock_writes"
"""The execution option of a connection whose next transactions write; without it they see one moment, and only read."""
FLEETING = "penstock_fleeting"
"""The execution option of a connection whose next transaction must outlive our process, but not the machine. A server
takes no notice of it: a server may end without us, and we would live on with what it has lost.
"""
VERSION_QUERY = "SELECT value FROM schema_meta WHERE key = 'schema_version'"
"""How to ask a database of ours for the version of its tables."""


Refusal = TypeVar("Refusal", bound=Exception)


@contextmanager
def translated(kind: type[Refusal], say: Callable[[Refusal], Exception]) -> Iterator[None]:
    """Say a driver's errors in words of ours, whether SQLAlchemy stands between or not."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, kind):
            raise say(error.orig) from error
        raise
    except kind as error:
        raise say(error) from error


class Watch(Protocol):
    """Sees that something was written, by us or by another process, without reading any of it."""

    async def count(self) -> int:
        """A number that differs from the last one if anything was committed between."""
        ...

    def close(self) -> None:
        """Close what it asks by."""
        ...


class Site(Protocol):
    """Where a database is, and how its kind is dealt with."""

    @property
    def shown(self) -> str:
        """The database in words, never with a password."""
        ...

    @property
    def tables_query(self) -> str:
        """How to ask for the names of all tables."""
        ...

    def engine(self, *, read_only: bool = False) -> Engine:
        """Connections whose commits are durable, as far as `FLEETING` says, and begun as `WRITES` says."""
        ...

    def spoken(self) -> AbstractContextManager[None]:
        """Say in our own words what the database refused."""
        ...

    def is_good(self, kept: Connection | None) -> bool:
        """Whether a kept connection may be used again; raises where what it led to is gone for good."""
        ...

    def watch(self) -> Watch:
        """A new watch."""
        ...

    def locks(self, local: Locks, owned: Owned, clock: Clock) -> Locks:
        """Who owns which run, for everybody who uses this database; `local` are the locks of this machine."""
        ...

    def found_version(self) -> int | None:
        """The version of the schema; None where there is none yet. Raises if the database is not ours."""
        ...

    def settle(self) -> None:
        """Prepare what must hold for the database as a whole before it is used."""
        ...

    def migrating(self) -> AbstractContextManager[Connection]:
        """A transaction that keeps other upgraders out, and checks at its end what the migration left."""
        ...

    def copy(self, version: int, now: datetime) -> Path | None:
        """Copy the database before its migration, where that is ours to do."""
        ...


def schema_version(connection: Any, site: Site) -> int | None:
    """The version that a database says to its driver; None if it has no tables yet, an error if they are not ours."""
    names = {name for (name,) in connection.execute(site.tables_query)}
    if not names:
        return None
    if "schema_meta" in names:
        row = connection.execute(VERSION_QUERY).fetchone()
        if row is not None and str(row[0]).isdigit():
            return int(row[0])
    raise DatabaseUnreadable(
        f"{site.shown} is a database of another program (it has {len(names)} tables and none says Penstock's version)",
        hint="choose another one with PENSTOCK_DATABASE, which goes before DATABASE_URL, or with PENSTOCK_HOME",
    )
