"""From when until when usage is meant: days and moments as people write them, to a command or over HTTP alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from penstock.domain.errors import UserError

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
LONGEST = 40
"""No day or moment is longer."""


def beginning(name: str, text: str) -> datetime | None:
    """The moment from which on; of a day its first. None where nothing is said; UserError for what can't be."""
    return _moment(name, text)[0] if text else None


def end(name: str, text: str) -> datetime | None:
    """The moment before which; a day is meant whole."""
    if not text:
        return None
    found, is_day = _moment(name, text)
    return found + timedelta(days=1) if is_day else found


def _moment(name: str, text: str) -> tuple[datetime, bool]:
    """The moment in UTC, and whether it stands for a day."""
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        raise _wrong(name, text) from None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    if not EARLIEST <= aware <= LATEST:
        raise _wrong(name, text)
    return aware.astimezone(UTC), _is_day(text.upper())


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _wrong(name: str, text: str) -> UserError:
    return UserError(
        f"{name} is {text[:LONGEST]!r}; possible are a day like 2026-01-31, or a moment like 2026-01-31T12:00:00Z, "
        f"from {EARLIEST.year} to {LATEST.year}"
    )
