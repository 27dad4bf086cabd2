"""The gateway as its owner holds it: the one door to every model, opened when it is first needed."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.domain.budget import MarkReached
from penstock.domain.errors import Bug
from penstock.domain.usage import Caller
from penstock.gateway.admission import Admission
from penstock.gateway.app import Door, route_of
from penstock.gateway.bookkeeping import Bookkeeper
from penstock.gateway.counting import Counting
from penstock.gateway.directory import Directory
from penstock.gateway.forwarding import Forwarder
from penstock.gateway.metering import Meter
from penstock.gateway.parking import Parking
from penstock.gateway.protocols import WIRES
from penstock.gateway.remembering import Remember, nothing_remembered
from penstock.gateway.running import Running
from penstock.gateway.sending import Sender
from penstock.gateway.settings import GatewaySettings
from penstock.gateway.turns import Pause, Turns
from penstock.gateway.visits import AttemptVisit, Terms, VisitBook
from penstock.gateway.wire import Wire
from penstock.ports.clock import Clock
from penstock.ports.models import ANY_STAY, Ledger, Prices, Stay


def nothing_told(_caller: Caller, _mark: MarkReached) -> None:
    """For who wants to hear of no marks."""


def told_to_stderr(error: BaseException) -> None:
    """Where a failure of the gateway itself is said; nothing of a request is."""
    sys.stderr.write(f"penstock: the gateway failed: {type(error).__name__}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayParts:
    """What a gateway is made of."""

    directory: Directory
    settings: GatewaySettings
    ledger: Ledger
    prices: Prices
    clock: Clock
    told: Callable[[Caller, MarkReached], None] = nothing_told
    """Called in the gateway's thread when a mark of a budget is reached."""
    troubled: Callable[[BaseException], None] = told_to_stderr
    """Called in the gateway's thread when the gateway itself fails."""
    remember: Remember = nothing_remembered
    """Called in the thread that lets an attempt in: what is kept of its calls, or played again for them."""
    socket_path: Path | None = None
    """A Unix socket that it listens on besides."""
    pause: Pause = asyncio.sleep
    chance: Callable[[], float] = random.random

    def door(self, book: VisitBook) -> tuple[Door, Callable[[], Awaitable[None]]]:
        """The application, and what to wait for at its end; for the gateway's thread."""
        settings = self.settings
        sender = Sender(
            clock=self.clock,
            pause=self.pause,
            parking=Parking(self.clock),
            max_tries=settings.max_tries,
            short_limit=settings.short_limit,
            chance=self.chance,
        )
        turns, meter = Turns(self.ledger, self.clock, self.pause), Meter(prices=self.prices)
        counting = Counting(sender=sender)
        books = Bookkeeper(
            clock=self.clock, ledger=self.ledger, meter=meter, turns=turns, told=self.told, troubled=self.troubled
        )
        admission = Admission(
            turns=turns, meter=meter, sender=sender, counting=counting, wait_for_budget=settings.wait_for_budget
        )
        forwarder = Forwarder(books=books, admission=admission, sender=sender)

        async def farewell() -> None:
            await books.settled()
            await sender.close()

        door = Door(book=book, wires=ROUTES, forwarder=forwarder, counting=counting, troubled=self.troubled)
        return door, farewell


ROUTES: Mapping[str, Wire] = {route_of(wire): wire for wire in WIRES.values()}


class Gateway:
    """The one door to every model. Any thread may use it."""

    def __init__(self, parts: GatewayParts) -> None:
        self.parts = parts
        self._book = VisitBook(parts.clock)
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._is_closed = False

    def check(self, model: str, protocols: Sequence[str]) -> None:
        """Raise an error that says what to do unless this model is configured, has its key, and speaks one of these."""
        self.parts.directory.find(model, protocols)

    def admit(self, caller: Caller, model: str, *, max_calls: int, stay: Stay = ANY_STAY) -> AttemptVisit:
        """A key of its own for one attempt, good for one model, until it is closed; 0 calls is no limit."""
        find = self.parts.directory.replayed if stay.replay_of else self.parts.directory.find
        destination = find(model, stay.protocols)
        terms = Terms(
            caller=caller,
            alias=model,
            destination=destination,
            max_calls=max_calls,
            memory=self.parts.remember(caller, stay, is_replay=destination.is_replay),
        )
        running = self.start()
        return self._book.open(terms, base_url=running.base_url, cut=running.cut)

    def start(self) -> Running:
        """Open the door, unless it is open."""
        with self._lock:
            if self._is_closed:
                raise Bug("a gateway that is closed was asked to let somebody in")
            if self._running is None:
                self._running = Running(lambda: self.parts.door(self._book), self.parts.socket_path)
            return self._running

    def close(self) -> None:
        """Cut what is under way, write down what it used, and end; closing twice is closing once."""
        with self._lock:
            running, self._running, self._is_closed = self._running, None, True
        for visit in self._book.open_visits():
            visit.close()
        if running is not None:
            running.close()
