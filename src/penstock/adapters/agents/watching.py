"""Watches a process while it runs: it is stopped at once when the models' door sends it away, or when for too long it
gives no sign of life. Its deadline is its keeper's business.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from penstock.adapters.processes.request import Outcome
    from penstock.adapters.processes.running import Running
    from penstock.ports import Stop, Visit

INTERVAL = 1.0
"""Seconds between two looks at what a process gives as signs of life."""
_LOGS = ("stdout.log", "stderr.log")


class Cut(StrEnum):
    """Why a process was stopped before its end."""

    REFUSED = "refused"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a process is watched for."""

    visit: Visit | None = None
    idle_timeout: float = 0.0
    """0 is never."""
    monotonic: Callable[[], float] = time.monotonic
    interval: float = INTERVAL

    @property
    def stop(self) -> Stop | None:
        """Why the models' door has sent it away, if it has."""
        done = self.visit is not None and self.visit.stop.done() and not self.visit.stop.cancelled()
        return self.visit.stop.result() if self.visit is not None and done else None


async def watched(running: Running, watch: Watch) -> tuple[Outcome, Cut | None]:
    """The outcome of a process, once nothing is left of it, and why it was stopped, if it was."""
    cut = await _cut(running, watch)
    if cut is None:
        return await running.wait(), None
    return await running.stop(), cut


async def _cut(running: Running, watch: Watch) -> Cut | None:
    bell, signs = asyncio.ensure_future(_rung(watch.visit)), _Signs(running.request.folder, watch)
    try:
        while True:
            pause = min(watch.interval, watch.idle_timeout) if watch.idle_timeout else None
            await asyncio.wait({running.follower, bell}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if watch.stop is not None:  # also when it has ended by itself meanwhile: that is why
                return Cut.REFUSED
            if running.follower.done():
                return None
            if watch.idle_timeout and signs.silence() >= watch.idle_timeout:
                return Cut.IDLE
    finally:
        bell.cancel()


async def _rung(visit: Visit | None) -> None:
    """Wait until the models' door wants the attempt to end; it says so on a thread of its own."""
    loop, bell = asyncio.get_running_loop(), asyncio.Event()

    def ring(_stop: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(bell.set)

    if visit is not None:
        visit.stop.add_done_callback(ring)
    await bell.wait()


class _Signs:
    """Signs of life: output, and bytes of a model's call."""

    def __init__(self, folder: Path, watch: Watch) -> None:
        self._logs = tuple(folder / name for name in _LOGS)
        self._watch = watch
        self._seen = self._marks()
        self._since = watch.monotonic()

    def silence(self) -> float:
        """Seconds since the last one."""
        now, marks = self._watch.monotonic(), self._marks()
        if marks != self._seen:
            self._seen, self._since = marks, now
        visit = self._watch.visit
        return now - max(self._since, visit.quiet_since if visit is not None else self._since)

    def _marks(self) -> tuple[tuple[int, int] | None, ...]:
        # The time too: a log that is full grows no more, and its keeper only touches it.
        return tuple(_mark(path) for path in self._logs)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - of every attempt at every look
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
