"""One record per call: written once, whatever happens to the call, and also when whoever asked is gone by then."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from penstock.domain.budget import MarkReached
from penstock.domain.usage import CallEnd, Caller, CallStatus, ModelCall, Tokens
from penstock.gateway.metering import Meter, Sent
from penstock.gateway.orders import Order
from penstock.gateway.turns import Turns
from penstock.gateway.visits import AttemptVisit
from penstock.ports.clock import Clock
from penstock.ports.models import Ledger

MOST_REFUSALS = 100
"""So many refused calls of one attempt are written down; who goes on asking is not worth a row each time."""


@dataclass(kw_only=True)
class Bookkeeper:
    """Opens and closes the account of every call. Belongs to the gateway's thread."""

    clock: Clock
    ledger: Ledger
    meter: Meter
    turns: Turns
    told: Callable[[Caller, MarkReached], None]
    troubled: Callable[[BaseException], None]
    _writing: set[asyncio.Task[None]] = field(default_factory=set)

    def call(self, visit: AttemptVisit, order: Order, ordinal: int) -> ModelCall:
        """The call that an order is about to become."""
        return ModelCall(
            id=f"ppu_{secrets.token_hex(12)}",
            caller=visit.terms.caller,
            ordinal=ordinal,
            protocol=order.wire.name,
            upstream=visit.terms.destination.upstream,
            model=visit.terms.destination.model,
            alias=visit.terms.alias,
            streamed=order.asked.streamed,
            at=self.clock.now(),
        )

    async def refuse(self, visit: AttemptVisit, call: ModelCall, sentence: str) -> None:
        """Record a call that was never granted."""
        if (task := self.refuse_soon(visit, call, sentence)) is not None:
            await asyncio.shield(task)

    def refuse_soon(self, visit: AttemptVisit, call: ModelCall, sentence: str) -> asyncio.Task[None] | None:
        """Begin to record it."""
        visit.refusals += 1
        if visit.refusals > MOST_REFUSALS:
            return None
        now = self.clock.now()
        waited = max(round((now - call.at).total_seconds() * 1000), 0)
        end = CallEnd(status=CallStatus.REFUSED, at=now, error=sentence[:500], latency_ms=waited)
        return self.write(self.ledger.record(call, end))

    def write(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Do the work in a task of its own, which nobody cancels."""

        async def written() -> None:
            await work

        task = asyncio.create_task(written())
        self._writing.add(task)
        task.add_done_callback(self._written)
        return task

    async def settled(self) -> None:
        """Wait until everything is written."""
        while self._writing:
            await asyncio.wait(set(self._writing))

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.troubled(error)


@dataclass(kw_only=True)
class OpenAccount:
    """A call that was granted and has a reservation to give back."""

    books: Bookkeeper
    call: ModelCall
    worst: Tokens
    started: float
    is_free: bool = False
    """A recording costs no money, whatever its tokens did."""
    _settling: asyncio.Task[None] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is settled, or on its way to be."""
        return self._settling is not None

    def settle_soon(self, sent: Sent) -> asyncio.Task[None]:
        """Begin to settle it, unless that has begun; nobody may cancel the task."""
        if self._settling is None:
            self._settling = self.books.write(self._settle(sent))
        return self._settling

    async def settle(self, sent: Sent) -> None:
        """Settle it; when this returns it is written, and when this is cancelled it will be."""
        await asyncio.shield(self.settle_soon(sent))

    async def _settle(self, sent: Sent) -> None:
        books, now = self.books, self.books.clock
        seconds = now.monotonic() - self.started
        end = books.meter.end(self.call, self.worst, sent, at=now.now(), seconds=seconds)
        if self.is_free:
            end = replace(end, micros=0, unit_prices="")
        marks = await books.ledger.settle(self.call, end)
        books.turns.ring()
        for mark in marks:
            books.told(self.call.caller, mark)
