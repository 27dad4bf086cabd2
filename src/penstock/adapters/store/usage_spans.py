"""A span of time as whole days and the pieces of days at its ends. Pure; days are those of UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `first` on, before `end` (None: no border), and the pieces, each from its beginning on, before its end."""

    first: date | None = None
    end: date | None = None
    has_days: bool = True
    """Whether there is any whole day in it."""
    pieces: tuple[tuple[datetime, datetime], ...] = ()


def span_of(since: datetime | None, until: datetime | None) -> Span:
    """The span from a moment on, before another."""
    first = None if since is None else _day_of(since + A_DAY - timedelta(microseconds=1))
    end = None if until is None else _day_of(until)
    if since is not None and until is not None and first is not None and end is not None and first > end:
        return Span(has_days=False, pieces=((since, until),) if since < until else ())
    pieces = []
    if since is not None and first is not None and since < beginning(first):
        pieces.append((since, beginning(first)))
    if until is not None and end is not None and beginning(end) < until:
        pieces.append((beginning(end), until))
    return Span(first=first, end=end, has_days=first is None or end is None or first < end, pieces=tuple(pieces))


def beginning(day: date) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time(), tzinfo=UTC)


def _day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
