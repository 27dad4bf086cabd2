"""Ctrl-C while a run is worked on: the first one pauses the run, the second leaves at once.

A kill is harmless anyhow.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from penstock.cli import exits

if TYPE_CHECKING:
    from types import TracebackType

    from penstock.cli.progress import Progress
    from penstock.engine.loop import Loop


class Interrupts:
    """Counts what the user interrupts, and asks the run's loop to pause."""

    def __init__(self, run_id: str, progress: Progress) -> None:
        self.count = 0
        self._run_id = run_id
        self._progress = progress
        self._loop: Loop | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    def attach(self, loop: Loop) -> None:
        """From now on Ctrl-C speaks to this loop."""
        with suppress(NotImplementedError, RuntimeError):  # not on Windows, and not outside the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self.interrupt)
            self._loop = loop

    def interrupt(self) -> None:
        """What one Ctrl-C does."""
        self.count += 1
        if self.count > 1 or self._loop is None:
            self._progress.__exit__(None, None, None)  # gives the terminal its cursor back
            os._exit(exits.INTERRUPTED)  # the kernel frees the lock, the keepers end their agents
        self._loop.pause()
        self._progress.say(
            "pausing: steps that run may end; Ctrl-C again leaves at once. "
            f"Go on later with: penstock resume {self._run_id}"
        )
