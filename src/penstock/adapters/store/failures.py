"""What may be wrong with a database, in words, and the one place that reads SQLite's own codes."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from penstock.domain.errors import Bug, UserError, WorldError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class DatabaseUnreadable(WorldError):
    """The file is damaged, is no database of ours, or can't be opened."""


class DatabaseGone(WorldError):
    """The file was removed or put in another's place while it was in use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"the database {path} was removed or replaced while it was in use: what happened since is not stored",
            hint="put the file back from a copy, or begin anew; the commits are still in Penstock's own repository",
        )


class DatabaseNewer(WorldError):
    """A newer Penstock has written this: nothing was changed."""

    def __init__(self, what: str, found: int | str, known: int | str) -> None:
        self.what, self.found, self.known = what, found, known
        super().__init__(
            f"{what} was written by a newer Penstock: it has version {found}, this program reads up to {known}",
            hint="install the newer Penstock again, or choose another database with PENSTOCK_HOME",
        )


class DatabaseBusy(WorldError):
    """Another process holds the database longer than we wait."""


class DatabaseReadOnly(WorldError):
    """The database may not be written."""


class DiskFull(WorldError):
    """No space is left for the database."""


class RowsContradict(Bug):
    """The database refused rows that break its rules: whatever made them is wrong, and they were not stored."""


class UnknownRequest(UserError):
    """No request has this id."""

    def __init__(self, request_id: int) -> None:
        self.request_id = request_id
        super().__init__(f"there is no request {request_id}")


class RunExists(UserError):
    """A run of this id is stored already."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"there is a run {run_id!r} already", hint="choose another id, or let Penstock make one")


@contextmanager
def spoken(path: Path) -> Iterator[None]:
    """Say in our own words what SQLite or the file system refused."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise in_words(path, error.orig) from error
        raise
    except sqlite3.Error as error:
        raise in_words(path, error) from error


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
                hint="move it aside, or put back a copy: copies made before migrations lie beside it",
            )
        case _:
            return DatabaseUnreadable(
                f"the database {path} can't be used ({error})",
                hint="look at the file, its folder and the disk it is on, then try again",
            )
