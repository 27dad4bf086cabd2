"""Waiting for one's turn: calls that only others' reservations keep from leaving."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from penstock.domain.budget import Leave, MustWait
from penstock.domain.usage import ModelCall
from penstock.ports.clock import Clock
from penstock.ports.models import Ledger

Pause = Callable[[float], Awaitable[None]]
FIRST_LOOK = 0.25
LONGEST_LOOK = 2.0
"""Other processes share the accounts and ring no bell: they are asked again at least so often."""


class Turns:
    """Reserves; whoever must wait is asked for again when a call of this process is settled, and from time to time."""

    def __init__(self, ledger: Ledger, clock: Clock, pause: Pause) -> None:
        self._ledger = ledger
        self._clock = clock
        self._pause = pause
        self._bells: deque[asyncio.Event] = deque()

    async def reserve(self, call: ModelCall, *, patience: float) -> Leave:
        """Leave for a call; MustWait only after so many seconds of waiting."""
        deadline = self._clock.monotonic() + patience
        look, bell = FIRST_LOOK, asyncio.Event()
        self._bells.append(bell)  # before the first question: what is settled meanwhile must not be missed
        try:
            while True:
                leave = await self._ledger.reserve(call)
                left = deadline - self._clock.monotonic()
                if not isinstance(leave, MustWait) or left <= 0:
                    return leave
                await self._rung(bell, min(look, left))
                look = min(look * 2, LONGEST_LOOK)
        finally:
            self._bells.remove(bell)

    def ring(self) -> None:
        """Something was settled: all who wait ask again, the longest waiting first."""
        for bell in self._bells:
            bell.set()

    async def _rung(self, bell: asyncio.Event, seconds: float) -> None:
        if not bell.is_set():
            sides = [asyncio.ensure_future(bell.wait()), asyncio.ensure_future(self._pause(seconds))]
            try:
                await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for side in sides:
                    side.cancel()
        bell.clear()
