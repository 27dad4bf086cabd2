"""Slots that only this process knows: for tests and for benchmarks of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from penstock.ports import Need, User


class OwnSlots:
    """As many slots as a need says, first come, first served; there is always memory and disk."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, int], asyncio.Semaphore] = {}

    def taken(self, need: Need, user: User, delayed: Callable[[str], None]) -> Taken:
        """Wait for a slot and hold it; a wait is told at once."""
        kind = need.resource, need.limit
        if kind not in self._slots:
            self._slots[kind] = asyncio.Semaphore(need.limit)
        return Taken(self._slots[kind], need, delayed)


class Taken:
    """A slot that is waited for and held."""

    def __init__(self, slot: asyncio.Semaphore, need: Need, delayed: Callable[[str], None]) -> None:
        self._slot, self._need, self._delayed = slot, need, delayed

    async def __aenter__(self) -> None:
        if self._slot.locked():
            self._delayed(f"one of {self._need.limit} slots for {self._need.resource}")
        await self._slot.acquire()

    async def __aexit__(self, *failure: object) -> None:
        self._slot.release()
