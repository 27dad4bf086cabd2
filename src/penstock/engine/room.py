"""What a command needs of its run and of the machine before it may begin, and how a wait for the machine is told.

A run's own limits are kept in its own process; agents, checks and disks are the machine's too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from penstock.domain.commands import Command, Compensate, JudgeMerge, ReleaseWorktree, StartStep, TakeBack
from penstock.domain.events import StepDelayed
from penstock.domain.run import AttemptId, Run
from penstock.engine.context import Context
from penstock.ports import Need, User

LOOK_AGAIN = 1.0
CHECKS_MEMORY_MB = 512
"""As much as a tool profile that says nothing needs."""


class Room:
    """The room for one run's commands."""

    def __init__(self, context: Context, max_parallel: int, tell: Callable[[StepDelayed], None]) -> None:
        self._context = context
        self._tell = tell
        own = {"integration": 1, "branch": 1, "agent": max_parallel, "check": max_parallel}
        self._own = {resource: asyncio.Semaphore(limit) for resource, limit in own.items()}
        self._told: dict[str, str] = {}
        """What was said of commands that were delayed."""

    def entered(self, command: Command, run: Run) -> Entered:
        """Wait until a command may begin, and keep its room until it has ended."""
        return Entered(self, command, run)

    def own(self, command: Command) -> asyncio.Semaphore | None:
        """The run's own limit for a command."""
        return self._own.get(command.resource)

    def of_machine(self, command: Command, key: str, run: Run) -> AbstractAsyncContextManager[None] | None:
        """The machine's room for a command; None if it needs none."""
        need = self.need_of(command)
        if need is None:
            return None
        user = User(run=run.id, command=key)
        return self._context.slots.taken(need, user, lambda sentence: self.say(command, key, sentence, run))

    async def come(self, moment: datetime) -> None:
        """Wait for a moment; looked at again and again, for the machine may sleep and its clock may be set."""
        left = (moment - self._context.clock.now()).total_seconds()
        while left > 0:
            await asyncio.sleep(min(left, LOOK_AGAIN))
            left = (moment - self._context.clock.now()).total_seconds()

    def need_of(self, command: Command) -> Need | None:
        """What of the machine a command needs; None if it needs nothing that could be short."""
        settings = self._context.settings
        match command:
            case StartStep():
                resource, memory = command.resource, CHECKS_MEMORY_MB
                if resource == "agent":
                    memory = self._context.agents[command.workstream].memory_mb
            case JudgeMerge() | TakeBack() | Compensate():  # they run commands of the project
                resource, memory = "check", CHECKS_MEMORY_MB
            case ReleaseWorktree():  # it makes room, and must not wait for any
                limit = settings.limits.get(command.resource)
                return None if limit is None else Need(resource=command.resource, limit=limit)
            case _:
                return None
        limit = settings.limits.get(resource)
        if limit is None:
            return None
        return Need(resource=resource, limit=limit, memory_mb=memory, min_free_gb=settings.min_free_gb)

    def say(self, command: Command, key: str, sentence: str, run: Run) -> None:
        """Tell what an attempt waits for, and once it waits no longer: an earlier owner may have left a sentence."""
        for workstream, attempt in _attempts(command):
            before = self._told.get(key, run.progress(workstream).delay)
            if sentence != before:
                self._tell(StepDelayed(workstream=workstream, attempt=attempt, sentence=sentence))
        if sentence or key in self._told:
            self._told[key] = sentence


class Entered:
    """The room of one command, from when it may begin until it has ended.

    Written out, and not as a generator: every command passes here, and that would cost it twice as much.
    """

    __slots__ = ("_command", "_machine", "_own", "_room", "_run")

    def __init__(self, room: Room, command: Command, run: Run) -> None:
        self._room, self._command, self._run = room, command, run
        self._own = room.own(command)
        self._machine: AbstractAsyncContextManager[None] | None = None

    async def __aenter__(self) -> None:
        if isinstance(self._command, StartStep) and self._command.not_before is not None:
            await self._room.come(self._command.not_before)  # before it takes what others could use meanwhile
        if self._own is not None:
            await self._own.acquire()
        try:
            key = self._command.key
            machine = self._room.of_machine(self._command, key, self._run)
            if machine is not None:
                await machine.__aenter__()
                self._machine = machine
                self._room.say(self._command, key, "", self._run)
        except BaseException as failure:
            await self.__aexit__(type(failure), failure, failure.__traceback__)
            raise

    async def __aexit__(self, *failure: Any) -> None:  # noqa: PYI036 - what is passed on as it came
        try:
            if self._machine is not None:
                await self._machine.__aexit__(*failure)
        finally:
            if self._own is not None:
                self._own.release()


def _attempts(command: Command) -> list[tuple[str, AttemptId]]:
    match command:
        case StartStep():
            return [(command.workstream, command.attempt)]
        case JudgeMerge():
            return [(member.workstream, member.attempt) for member in command.members]
        case _:
            return []
