"""A process that runs, as its owner sees it: waited for and stopped over its leash, without blocking the loop."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from penstock.adapters.processes import wire
from penstock.adapters.processes.reaping import read_outcome
from penstock.adapters.processes.request import Ending, Outcome, Request, outcome_of
from penstock.domain.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

START_LIMIT = 30.0
PATIENCE = 15.0  # beyond its own limits a keeper gets so long; one that an agent has stopped would never answer


class ProcessDidNotStart(WorldError):
    """Nobody said that the process runs."""

    def __init__(self, command: str) -> None:
        self.command = command
        super().__init__(
            f"{command} was to be started, but within {START_LIMIT:.0f} seconds its keeper did not say that it runs",
            hint="look for a machine out of memory or processes, then try again",
        )


class Running:
    """One started process. Made by the launcher."""

    def __init__(
        self,
        request: Request,
        leash: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        started_at: float,
        *,
        kill_keeper: Callable[[], None],
        strays_gone: Callable[[], Awaitable[bool]],
    ) -> None:
        self.request = request
        self._reader, self._writer = leash
        self._started_at = started_at
        self._began = asyncio.get_running_loop().time()
        self._kill_keeper, self._strays_gone = kill_keeper, strays_gone
        self._has_begun = asyncio.Event()
        self._fault: str | None = None
        self.follower = asyncio.create_task(self._follow())

    async def begin(self, order: wire.Order) -> None:
        """Give the order and wait until the process runs or can't."""
        try:
            self._writer.write(wire.pack(dict(order)))
            async with asyncio.timeout(START_LIMIT):  # `wait_for` of 3.11 loses a cancellation of the same moment
                await self._has_begun.wait()
        except TimeoutError as error:
            self.abandon()
            raise ProcessDidNotStart(self.request.argv[0]) from error
        except BaseException:
            # Whoever is cancelled here has no handle to stop it with, so it is gone before we say so.
            self.abandon()
            await asyncio.wait({self.follower}, timeout=PATIENCE)
            raise

    async def wait(self) -> Outcome:
        """The outcome, once nothing of the process is left; cancelling the wait stops nothing."""
        return await asyncio.shield(self.follower)

    async def stop(self) -> Outcome:
        """TERM to its group, `grace` seconds, KILL to everything; the outcome, once nothing is left."""
        if not self.follower.done():
            self._writer.write(wire.STOP)
            try:
                async with asyncio.timeout(self.request.grace + PATIENCE):
                    return await self.wait()
            except TimeoutError:
                self.abandon()
        return await self.wait()

    def abandon(self) -> None:
        """Give up on a keeper that does not answer: its zygote kills it, and then what it kept."""
        if not self.follower.done():
            self._kill_keeper()
            self._hang_up()

    def _hang_up(self) -> None:
        self._writer.transport.abort()

    async def _follow(self) -> Outcome:
        timer = None
        if self.request.timeout is not None:
            limit = self.request.timeout + self.request.grace + PATIENCE
            timer = asyncio.get_running_loop().call_later(limit, self.abandon)
        try:
            while (message := await self._receive()) is not None:
                if "started" in message:
                    self._has_begun.set()
                elif "outcome" in message:
                    return outcome_of(message["outcome"], self.request.folder)
                else:
                    self._fault = str(message.get("fault"))
            return await self._lost()
        finally:
            if timer is not None:
                timer.cancel()
            self._has_begun.set()
            self._writer.close()

    async def _receive(self) -> dict[str, Any] | None:  # JSON of our own keeper
        try:
            header = await self._reader.readexactly(wire.FRAME.size)
            body = await self._reader.readexactly(wire.FRAME.unpack(header)[0])
        except (asyncio.IncompleteReadError, OSError):
            return None
        message: dict[str, Any] = json.loads(body)
        return message

    async def _lost(self) -> Outcome:
        if not await self._strays_gone():
            return self._unrecorded(Ending.NOT_STARTED, "there is no room for one more process on this machine")
        recorded = await asyncio.to_thread(read_outcome, self.request.folder)
        # An earlier run's outcome may stand there if the keeper never came to remove it.
        if recorded is not None and recorded.started_at == self._started_at:
            return recorded
        return self._unrecorded(Ending.LOST, self._fault or "its keeper was gone before the end")

    def _unrecorded(self, ending: Ending, error: str) -> Outcome:
        duration = asyncio.get_running_loop().time() - self._began
        return Outcome(
            ending=ending,
            exit_code=None,
            started_at=self._started_at,
            ended_at=self._started_at + duration,
            duration=duration,
            stdout=self.request.folder / "stdout.log",
            stderr=self.request.folder / "stderr.log",
            truncated=False,
            leftovers=0,
            error=error,
        )
