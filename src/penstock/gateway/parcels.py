"""What goes to an upstream, how far it has come, and what comes back. Knows nothing of HTTP's ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from penstock.gateway.headers import Headers
from penstock.gateway.visits import AttemptVisit


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a call has come; read when it is cut."""

    tries: int = 0
    is_in_flight: bool = False
    """It was sent at least once and no answer told what became of that: the upstream may have been at work for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An answer that has begun."""

    status: int
    headers: Headers
    content_type: str
    chunks: AsyncIterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is sent."""

    visit: AttemptVisit
    path: str
    """Behind the upstream's address."""
    headers: dict[str, str]
    body: bytes
