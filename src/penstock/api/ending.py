"""The server's end, as requests see it: streams end at once, who waits for an answer gets a while."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from penstock.api.problems import ServerStops

PATIENCE = 5.0
"""Seconds that what is under way may take once the server was told to end."""

Came = TypeVar("Came")


class Ending:
    """Whether the server was told to end, and whether its patience is over."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.overdue = asyncio.Event()

    def begin(self, patience: float = PATIENCE) -> None:
        """The server was told to end; asked again, its patience is over. For the server's own loop."""
        if self.asked.is_set():
            self.overdue.set()
            return
        self.asked.set()
        asyncio.get_running_loop().call_later(patience, self.overdue.set)

    async def outlasted(self, work: Coroutine[Any, Any, Came]) -> Came:
        """What the work comes to, or ServerStops if the server's end is there before."""
        task, over = asyncio.ensure_future(work), asyncio.ensure_future(self.overdue.wait())
        try:
            await asyncio.wait({task, over}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ServerStops(
                "the server was told to end before the answer was known; what was begun is stored",
                hint="it goes on once the server is started again: look at it then",
            )
        finally:
            over.cancel()
            task.cancel()
