"""Waiting for an answer through a visit, or for the door's word that there will be none; whichever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from penstock.ports.models import Stop, Visit

GRACE = 0.25
"""Seconds that the word of why may come later than an answer which refuses."""

Answer = TypeVar("Answer")


async def until_stopped(visit: Visit, asking: Coroutine[Any, Any, Answer]) -> Answer | Stop:
    """The answer; or the word of the models' door that there will be none, which ends the asking at once."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def told(_: object) -> None:
        with suppress(RuntimeError):  # the attempt and its loop may be over long since
            loop.call_soon_threadsafe(stopped.set)

    visit.stop.add_done_callback(told)
    calling, waiting = asyncio.ensure_future(asking), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({calling, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if calling.done() and calling.exception() is None:
            return calling.result()
        await asyncio.wait({waiting}, timeout=GRACE)
        if visit.stop.done() and not visit.stop.cancelled():
            return visit.stop.result()
        return await calling
    finally:
        for one in (calling, waiting):
            one.cancel()
        await asyncio.gather(calling, waiting, return_exceptions=True)
