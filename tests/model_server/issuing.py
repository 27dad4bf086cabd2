"""The books: every request that came, and every answer that went, with its exact tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.domain.usage import Tokens

from .conversation import Asked, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    """Without the play that it may begin with."""
    play: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""

    @property
    def body(self) -> dict[str, Any]:
        """Its JSON; empty where there is none."""
        found = json.loads(self.raw) if self.raw else {}
        return found if isinstance(found, dict) else {}

    @property
    def key(self) -> str:
        """The key that it was sent with."""
        bearer = self.headers.get("authorization", "")
        return bearer.removeprefix("Bearer ") if bearer else self.headers.get("x-api-key", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """An answer as it went."""

    number: int
    key: str
    path: str
    model: str
    protocol: Protocol
    streamed: bool
    script: str
    status: int = 200
    tokens: Tokens = field(default_factory=Tokens)
    """What it used; nothing for one with an error's status."""
    ended: bool = True
    """False: it broke off, or was never begun."""
    told: bool = True
    """Whether it says what it used."""


def summed(issued: Iterable[Issued]) -> Tokens:
    """All that was used, kind by kind."""
    all_of = [one.tokens for one in issued]
    return Tokens(**{name: sum(getattr(one, name) for one in all_of) for name in Tokens.__slots__})


def figures(number: int, size: int, asked: Asked) -> Tokens:
    """What a call used: like a real one's a quarter of the request's bytes, and no two calls alike.

    It keeps under what a careful caller reserves: half the bytes, and the limit of output that the request names.
    """
    read = size // 4 + number % 7 + 1
    output = 20 + number * 3 % 97
    cached = read * (number % 4) // 8
    written = read * (number % 3) // 16 if asked.protocol is Protocol.MESSAGES else 0
    long = read * (number % 2) // 32 if asked.protocol is Protocol.MESSAGES else 0
    return Tokens(
        input=read - cached - written - long,
        output=output if asked.limit is None else min(output, asked.limit),
        cache_read=cached,
        cache_write=written,
        cache_write_long=long,
    )


class Books:
    """What came and what went; written by the server's thread, read by the test's."""

    def __init__(self, *, keeps_requests: bool = True, told: Callable[[Issued], None] | None = None) -> None:
        self._changed = threading.Condition()
        self._seen: list[Seen] = []
        self._issued: list[Issued] = []
        self._held = 0
        self._keeps_requests = keeps_requests
        self._told = told

    @property
    def seen(self) -> tuple[Seen, ...]:
        """All requests, in the order in which they came."""
        with self._changed:
            return tuple(self._seen)

    @property
    def issued(self) -> tuple[Issued, ...]:
        """All answers of a model, in the order in which they ended."""
        with self._changed:
            return tuple(self._issued)

    @property
    def held(self) -> int:
        """How many answers hang or stall at this moment."""
        with self._changed:
            return self._held

    def note_seen(self, one: Seen) -> None:
        """A request has come."""
        if self._keeps_requests:
            with self._changed:
                self._seen.append(one)
                self._changed.notify_all()

    def note_issued(self, one: Issued) -> None:
        """An answer has ended."""
        with self._changed:
            self._issued.append(one)
            self._changed.notify_all()
        if self._told is not None:
            self._told(one)

    def note_held(self, more: int) -> None:
        """An answer has begun to hang (1), or hangs no longer (-1)."""
        with self._changed:
            self._held += more
            self._changed.notify_all()

    def forget(self) -> None:
        """Begin anew."""
        with self._changed:
            self._seen.clear()
            self._issued.clear()

    def wait_until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something that these books say is so."""
        with self._changed:
            return self._changed.wait_for(holds, seconds)
