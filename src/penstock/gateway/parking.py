"""Upstreams whose usage limit is reached: parked for all visits until it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.gateway.limits import UsageLimit
from penstock.ports.clock import Clock

FIRST_PAUSE = 60.0
LONGEST_PAUSE = 1800.0


@dataclass(slots=True, kw_only=True)
class _Place:
    until: float = 0.0
    moment: datetime | None = None
    unsaid: int = 0
    """How often in a row a limit came without a word on how long."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A limit that is in force."""

    seconds: float
    until: datetime
    reason: str


class Parking:
    """Which upstreams are not asked now. Belongs to the gateway's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._places: dict[tuple[str, str], _Place] = {}

    def park(self, upstream: str, key: str, limit: UsageLimit) -> Parked:
        """Ask this upstream with this key no more until the limit is over. `key` says where the key is from."""
        known = self.parked(upstream, key)
        if known is not None and limit.seconds is None and not limit.is_quota:
            return known  # calls that were under way together meet one limit, not one after another
        place = self._places.setdefault((upstream, key), _Place())
        seconds = limit.seconds
        if limit.is_quota:
            seconds, place.reason = LONGEST_PAUSE, "the account has no quota left"
        else:
            place.reason = "its usage limit is reached"
        if seconds is None:
            seconds = min(FIRST_PAUSE * 2.0**place.unsaid, LONGEST_PAUSE)
            place.unsaid = min(place.unsaid + 1, 16)
        until = self._clock.monotonic() + seconds
        if until > place.until:
            place.until, place.moment = until, self._clock.now() + timedelta(seconds=seconds)
        return self.parked(upstream, key) or Parked(seconds=0.0, until=self._clock.now(), reason=place.reason)

    def parked(self, upstream: str, key: str) -> Parked | None:
        """The limit in force, if there is one."""
        place = self._places.get((upstream, key))
        if place is None or place.moment is None:
            return None
        left = place.until - self._clock.monotonic()
        return Parked(seconds=left, until=place.moment, reason=place.reason) if left > 0 else None

    def answered(self, upstream: str, key: str) -> None:
        """It has answered: the next limit without a word begins with the short pause again."""
        place = self._places.get((upstream, key))
        if place is not None:
            place.unsaid = 0
