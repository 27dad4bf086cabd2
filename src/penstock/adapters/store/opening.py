"""The door to the store: find or make the database, bring it up to date, hand out the journal and the views.

A database that is up to date is opened without Alembic; one that is newer, damaged or not ours is left as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from penstock.adapters.store.failures import DatabaseNewer, DatabaseNotSupported
from penstock.adapters.store.journal import SqlJournal
from penstock.adapters.store.ledger import SqlLedger
from penstock.adapters.store.owned import Owned
from penstock.adapters.store.pipelines import SqlPipelines
from penstock.adapters.store.prompts import SqlPrompts
from penstock.adapters.store.replies import SqlReplies
from penstock.adapters.store.sqlite import SqliteSite
from penstock.adapters.store.tables import SCHEMA_VERSION
from penstock.adapters.store.views import SqlViews
from penstock.adapters.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

    from penstock.adapters.store.site import Site, Watch
    from penstock.ports import Clock, Effect, Locks


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrations:
    """Where the migrations are, and the number of the last one."""

    location: str = "penstock.adapters.store:migrations"
    version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A database that is up to date, and what had to be done for it."""

    site: Site
    version: int
    fresh: bool = False
    migrated_from: int | None = None
    copy: Path | None = None
    """The copy that was made before a migration; a server's database is copied by who runs the server."""

    @property
    def news(self) -> str:
        """What a person should know of what was done; mostly nothing."""
        if self.migrated_from is None:
            return ""
        before = f"; as it was before, it lies in {self.copy}" if self.copy else ""
        return f"{self.site.shown} was migrated from version {self.migrated_from} to {self.version}{before}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database. Threads and connections begin with the first question."""

    prepared: Prepared
    journal: SqlJournal
    views: SqlViews
    writer: Writer
    watch: Watch
    reader: Engine
    owned: Owned
    clock: Clock

    def locks(self, local: Locks) -> Locks:
        """Who owns which run, for all who use this database; `local` are the locks of this machine."""
        return self.prepared.site.locks(local, self.owned, self.clock)

    def ledger(self, *, redact: Callable[[str], str], marks: Sequence[int] = ()) -> SqlLedger:
        """The account of usage and budgets; the marks are the percentages of a cap at which people are told."""
        return SqlLedger(self.writer, redact=redact, marks=marks)

    @property
    def pipelines(self) -> SqlPipelines:
        """Pipelines and what comes of them."""
        return SqlPipelines(self.writer, self.owned)

    @property
    def prompts(self) -> SqlPrompts:
        """What roles are told, and the phases."""
        return SqlPrompts(self.writer)

    @property
    def replies(self) -> SqlReplies:
        """Answers to requests that may be repeated."""
        return SqlReplies(self.writer)

    def close(self) -> None:
        """Let running work end, then close all connections."""
        self.writer.close()
        self.watch.close()
        self.reader.dispose()


def open_database(location: str | Path, clock: Clock, *, effect: Effect | None = None) -> Database:
    """Open the database at a path or an address, made and migrated as needed."""
    prepared = prepare(location, clock)
    site = prepared.site
    writer, watch, owned = Writer(site, effect, prepared.version), site.watch(), Owned(site.shown)
    reader = site.engine(read_only=True)
    return Database(
        prepared=prepared,
        journal=SqlJournal(writer, watch, owned, clock),
        views=SqlViews(reader, site, clock),
        writer=writer,
        watch=watch,
        reader=reader,
        owned=owned,
        clock=clock,
    )


def prepare(location: str | Path, clock: Clock, migrations: Migrations = Migrations()) -> Prepared:
    """Make sure that the database is there and up to date; say what was done."""
    site = site_of(location)
    with site.spoken():
        found = site.found_version()
        _must_not_be_newer(site, found, migrations)
        site.settle()
        if found == migrations.version:
            return Prepared(site=site, version=found)
        from penstock.adapters.store.upgrading import upgrade  # noqa: PLC0415 - Alembic is slow to import, rarely needed

        before, copy = upgrade(site, migrations.location, migrations.version, clock.now())
    _must_not_be_newer(site, before, migrations)
    migrated = before is not None and before < migrations.version
    return Prepared(
        site=site,
        version=migrations.version,
        fresh=before is None,
        migrated_from=before if migrated else None,
        copy=copy,
    )


def _must_not_be_newer(site: Site, found: int | None, migrations: Migrations) -> None:
    if found is not None and found > migrations.version:
        raise DatabaseNewer(f"the database {site.shown}", found, migrations.version)


def site_of(location: str | Path) -> Site:
    """The file that a path or a `sqlite:///…` address names, or the server of a `postgresql://…` one."""
    if isinstance(location, Path) or "://" not in location:
        return SqliteSite(Path(location).absolute())
    kind = location.partition("://")[0].partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return _server(location)
    if kind != "sqlite":
        raise DatabaseNotSupported(f"an address that begins with {kind}:// can't be used", hint=_ADDRESSES)
    try:
        file = make_url(location).database
    except (ArgumentError, ValueError):
        file = None
    if not file or file == ":memory:":
        raise DatabaseNotSupported(f"{location} names no file", hint=_ADDRESSES)
    return SqliteSite(Path(file).absolute())


def _server(address: str) -> Site:
    try:
        from penstock.adapters.store.postgres import PostgresSite  # noqa: PLC0415 - its driver is an extra
    except ImportError as error:
        raise DatabaseNotSupported(
            f"a Postgres database needs the package psycopg, which can't be loaded ({error})",
            hint="install it beside Penstock: pip install 'penstock[postgres]'",
        ) from error
    return PostgresSite(address)


_ADDRESSES = (
    "give the path of a file, sqlite:////home/you/penstock.db or postgresql://you@host/database; PENSTOCK_DATABASE"
    " goes before DATABASE_URL"
)
