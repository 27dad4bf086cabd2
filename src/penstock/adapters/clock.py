"""The two clocks: the system's, and one that a test moves by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from penstock.domain.errors import Bug


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Wall time, UTC and aware: for records, never for deadlines."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Engine time in seconds: for deadlines. A change of the wall clock does not move it."""
        return time.monotonic()


class ManualClock:
    """Time that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise Bug("a clock was started at a time without a zone")
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Wall time, UTC and aware."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks."""
        if seconds < 0:
            raise Bug(f"time was asked to pass by {seconds} seconds")
        self._elapsed += seconds
        self._now += timedelta(seconds=seconds)

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock alone, as an administrator or a leap does."""
        self._now = now.astimezone(UTC)
