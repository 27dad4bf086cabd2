"""Visits: one attempt's stay at the door, with a key of its own. Shared by the owner's thread and the gateway's."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.domain.usage import Caller
from penstock.gateway.directory import Destination
from penstock.ports.clock import Clock
from penstock.ports.models import Access, Stop

if TYPE_CHECKING:
    from penstock.gateway.remembering import Memory

KEY_PREFIX = "penstock-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms an attempt was let in."""

    caller: Caller
    alias: str
    """The model as it was asked for."""
    destination: Destination
    max_calls: int
    """0 is no limit."""
    memory: Memory | None = None


class AttemptVisit:
    """One attempt's stay. Everything but `close` and reading belongs to the gateway's thread."""

    def __init__(self, terms: Terms, access: Access, clock: Clock, leave: Callable[[AttemptVisit], None]) -> None:
        self.terms = terms
        self._access = access
        self._clock = clock
        self._leave = leave
        self._stop: Future[Stop] = Future()
        self._stop.set_running_or_notify_cancel()  # who waits for it may be cancelled, it may not
        self._lock = threading.Lock()
        self._last = clock.monotonic()
        self._waiting = 0
        self._calls = 0
        self.refusals = 0
        self.side_requests = 0
        self.is_closed = False
        self.tasks: set[asyncio.Task[None]] = set()
        """What is under way for it."""

    @property
    def access(self) -> Access:
        """What the agent is told."""
        return self._access

    @property
    def stop(self) -> Future[Stop]:
        """Done as soon as the attempt must end."""
        return self._stop

    @property
    def stopped(self) -> Stop | None:
        """Why it must end, if it must."""
        return self._stop.result() if self._stop.done() else None

    @property
    def quiet_since(self) -> float:
        """The monotonic time of the last byte that went through; for ever now while a call waits its turn."""
        return self._clock.monotonic() if self._waiting else self._last

    @property
    def calls(self) -> int:
        """How many calls it has made."""
        return self._calls

    def close(self) -> None:
        """The key opens nothing from now on; what is still under way is cut."""
        self._leave(self)

    def touch(self) -> None:
        """A byte went through."""
        self._last = self._clock.monotonic()

    def count(self) -> int:
        """One more call; which it is."""
        self._calls += 1
        return self._calls

    @contextlib.contextmanager
    def waits(self) -> Iterator[None]:
        """While a call waits its turn, by no fault of the agent."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self.touch()

    def end(self, stop: Stop) -> None:
        """The attempt must end; the first reason counts."""
        with self._lock:
            if not self._stop.done():
                self._stop.set_result(stop)


class VisitBook:
    """Who may come in. Keys are kept and looked up as hashes: how long a look-up takes says nothing about them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._visits: dict[bytes, AttemptVisit] = {}

    def open(self, terms: Terms, *, base_url: str, cut: Callable[[AttemptVisit], None]) -> AttemptVisit:
        """Let an attempt in; `cut` is called when its visit is closed."""
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        digest = _digest(key)
        where = terms.destination
        access = Access(
            base_url=base_url,
            key=key,
            model=where.model,
            protocol=where.protocol,
            alias=terms.alias,
            max_output=where.max_output,
        )

        def leave(visit: AttemptVisit) -> None:
            with self._lock:
                was_open = self._visits.pop(digest, None) is not None
                visit.is_closed = True
            if was_open:
                cut(visit)

        visit = AttemptVisit(terms, access, self._clock, leave)
        with self._lock:
            self._visits[digest] = visit
        return visit

    def find(self, key: str) -> AttemptVisit | None:
        """The visit that a key belongs to."""
        with self._lock:
            return self._visits.get(_digest(key))

    def open_visits(self) -> list[AttemptVisit]:
        """All that are open."""
        with self._lock:
            return list(self._visits.values())


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
