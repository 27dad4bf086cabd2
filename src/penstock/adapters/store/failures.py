"""What may be wrong with a database, in words. Which of them it is, each kind of database knows by its own codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.domain.errors import Bug, UserError, WorldError

if TYPE_CHECKING:
    from pathlib import Path


class DatabaseUnreadable(WorldError):
    """The file is damaged, is no database of ours, or can't be opened."""


class DatabaseNotSupported(UserError):
    """The address is none, or names a kind of database that can't be used here."""


class DatabaseUnreachable(WorldError):
    """The server does not answer, does not let us in, or has ended the connection."""


class DatabaseGone(WorldError):
    """The file was removed or put in another's place while it was in use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"the database {path} was removed or replaced while it was in use: what happened since is not stored",
            hint=f"put it back from a copy, or begin a new run; remove {path.name}-wal and {path.name}-shm before, if"
            " they are left, for they would damage a copy; what was pushed is in your repository, and all commits are"
            " in Penstock's own, if that is still there",
        )


class DatabaseNewer(WorldError):
    """A newer Penstock has written this: nothing was changed."""

    def __init__(self, what: str, found: int | str, known: int | str) -> None:
        self.what, self.found, self.known = what, found, known
        super().__init__(
            f"{what} was written by a newer Penstock: it has version {found}, this program reads up to {known}",
            hint="install the newer Penstock again, or choose another database with PENSTOCK_DATABASE or PENSTOCK_HOME",
        )


class DatabaseMigrated(WorldError):
    """Another Penstock has changed the tables since this process opened them: what it writes may be wrong there."""

    def __init__(self, shown: str, found: object, known: int) -> None:
        super().__init__(
            f"the database {shown} was brought from version {known} to {found} by another Penstock while this one had"
            " it open: it writes nothing more",
            hint="start this one again, by now it may be the newer one, or update it; a run goes on with"
            " `penstock run --resume`",
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
