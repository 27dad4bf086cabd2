"""What is kept of an attempt's calls, or played again for them; files are touched in another thread, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from penstock.domain.errors import UserError, WorldError
from penstock.domain.usage import Caller
from penstock.gateway.denial import not_played
from penstock.gateway.orders import Order
from penstock.gateway.parcels import Opened
from penstock.gateway.recording import Exchange, Recorder
from penstock.gateway.recordings.call_keys import CallKey, CallOrder
from penstock.gateway.replaying import Replayed, Replayer
from penstock.gateway.wire import Reader
from penstock.ports.models import Stay

Found = TypeVar("Found")


@dataclass(kw_only=True)
class Memory:
    """One attempt's. Made by any thread, used by the gateway's."""

    caller: Caller
    recorder: Recorder | None = None
    replayer: Replayer | None = None
    calls_before: int = 0
    """So many calls of the attempt were answered in an earlier stay."""
    _order: CallOrder = field(init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _given: dict[CallKey, Replayed] = field(default_factory=dict, init=False)
    """What is played for the calls that are under way."""

    def __post_init__(self) -> None:
        self._order = CallOrder(self.caller, before=self.calls_before)

    def next(self, order: Order) -> CallKey:
        """The place of the call that begins now."""
        return self._order.next(offers_tools=order.asked.offers_tools)

    async def keep(self, key: CallKey, order: Order, reader: Reader) -> None:
        """Keep an answer that came to its end, if answers are kept."""
        message = reader.message
        if self.recorder is None or message is None:
            return
        exchange = Exchange(
            wire=order.wire.name,
            request=order.body,
            message=message,
            tokens=reader.tokens,
            stop_reason=reader.stop_reason,
        )
        async with self._turn:
            await asyncio.to_thread(self.recorder.keep, key, exchange)

    async def played(self, key: CallKey, order: Order) -> Opened:
        """The recorded answer to a call, as an upstream would give it, or Denied."""
        if self.replayer is None:
            raise not_played("there is no recording of this run")
        try:
            async with self._turn:
                find = partial(self.replayer.find, key, order.wire.name, order.body)
                found = await _ended(asyncio.ensure_future(asyncio.to_thread(find)))
                self.replayer.take(found)
                self._given[key] = found
        except (UserError, WorldError) as error:
            raise not_played(error.sentence) from error
        pieces = order.wire.told(found.message, streamed=order.asked.streamed, with_usage=True)

        async def chunks() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece
                await asyncio.sleep(0)  # others are served in between, and it shows when who asked hangs up

        kind = "text/event-stream" if order.asked.streamed else "application/json"
        return Opened(
            status=200,
            headers=[(b"content-type", kind.encode("ascii"))],
            content_type=kind,
            chunks=chunks(),
            close=_nothing_to_close,
        )

    def ended(self, key: CallKey, *, is_whole: bool) -> None:
        """A call is over. What was played for it and did not go out whole is left to the next one."""
        found = self._given.pop(key, None)
        if self.replayer is not None and found is not None and not is_whole:
            self.replayer.leave(found)


class Remember(Protocol):
    """Makes the memory of an attempt that begins; None where nothing is kept and nothing played."""

    def __call__(self, caller: Caller, stay: Stay, *, is_replay: bool) -> Memory | None: ...


def nothing_remembered(caller: Caller, stay: Stay, *, is_replay: bool) -> Memory | None:
    """For who neither records nor replays."""
    return None


async def _ended(work: asyncio.Future[Found]) -> Found:
    """What comes of the work. Who is cancelled meanwhile stays until its thread has ended, or two would be at work."""
    try:
        return await asyncio.shield(work)
    finally:
        while not work.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({work})


def _nothing_to_close() -> None:
    pass
