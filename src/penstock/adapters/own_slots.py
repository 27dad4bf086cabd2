"""Slots that only this process knows: for tests and for benchmarks of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from penstock.ports import Need, User


class OwnSlots:
    """As many slots as a need says, first come, first served; there is always memory and disk."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, int], asyncio.Semaphore] = {}

    @asynccontextmanager
    async def taken(self, need: Need, user: User, delayed: Callable[[str], None]) -> AsyncIterator[None]:
        """Wait for a slot and hold it; a wait is told at once."""
        slot = self._slots.setdefault((need.resource, need.limit), asyncio.Semaphore(need.limit))
        if slot.locked():
            delayed(f"one of {need.limit} slots for {need.resource}")
        async with slot:
            yield
