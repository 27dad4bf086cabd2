"""What a Postgres server may refuse, in words. The only place that reads its codes (SQLSTATE)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.store.failures import (
    DatabaseBusy,
    DatabaseReadOnly,
    DatabaseUnreachable,
    DatabaseUnreadable,
    DiskFull,
    RowsContradict,
)

if TYPE_CHECKING:
    import psycopg

    from penstock.domain.errors import Bug, WorldError

ENDED = ("08", "28", "3D", "57P")
"""No connection, not let in, no such database, the server ends."""
BUSY = ("40", "55P03", "53300", "53400", "57014")
"""Undone in favour of another transaction, waited too long for one, too many connections, cut off by a limit."""
NOT_ALLOWED = ("25006", "42501")
"""A server that only follows another, and a role without the right."""


def in_words(shown: str, error: psycopg.Error) -> WorldError | Bug:
    """The error of ours for an error of the server or of the way to it."""
    said, state = _said(error), error.sqlstate or ""
    if not state or state.startswith(ENDED):
        return DatabaseUnreachable(
            f"the database {shown} can't be reached: {said}",
            hint="see that the server runs, and that the address (PENSTOCK_DATABASE or DATABASE_URL), the user and the"
            " password are right; a run goes on with `penstock run --resume`",
        )
    if state.startswith(BUSY):
        return DatabaseBusy(
            f"the database {shown} is taken up by others: {said}; what was being written is undone",
            hint="try again, a run goes on with `penstock run --resume`; look for a transaction that does not end",
        )
    if state.startswith(NOT_ALLOWED):
        return DatabaseReadOnly(
            f"the database {shown} can't be written: {said}",
            hint="give the user the right to make tables and to write there, or name the server that may be written",
        )
    if state == "53100":
        return DiskFull(
            f"the database {shown} can't grow: {said}; what was being written is undone",
            hint="free some space on the server, then go on with `penstock run --resume`",
        )
    if state.startswith("23"):
        return RowsContradict(f"the database {shown} refused what was to be stored: {said}")
    return DatabaseUnreadable(
        f"the database {shown} can't be used: {said} ({state})", hint="look at the server's log, then try again"
    )


def _said(error: psycopg.Error) -> str:
    """What the server said in one line; from details it would repeat rows of ours."""
    primary = error.diag.message_primary
    text = primary or str(error)
    return "; ".join(line.strip() for line in text.splitlines() if line.strip()) or type(error).__name__
