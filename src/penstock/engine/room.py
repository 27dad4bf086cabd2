"""What a command needs of its run and of the machine before it may begin, and how a wait for the machine is told.

A run's own limits are kept in its own process; agents, checks and disks are the machine's too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext

from penstock.domain.commands import Command, Compensate, JudgeMerge, ReleaseWorktree, StartStep, TakeBack
from penstock.domain.events import StepDelayed
from penstock.domain.run import AttemptId, Run
from penstock.engine.context import Context
from penstock.ports import Need, User

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

    @asynccontextmanager
    async def entered(self, command: Command, run: Run) -> AsyncIterator[None]:
        """Wait until a command may begin, and keep its room until it has ended."""
        async with self._own.get(command.resource) or nullcontext():
            need = self.need_of(command)
            if need is None:
                yield
                return
            user = User(run=run.id, command=command.key)

            def delayed(sentence: str) -> None:
                self._say(command, sentence, run)

            async with self._context.slots.taken(need, user, delayed):
                delayed("")
                yield

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

    def _say(self, command: Command, sentence: str, run: Run) -> None:
        """Tell what an attempt waits for, and once it waits no longer: an earlier owner may have left a sentence."""
        for workstream, attempt in _attempts(command):
            before = self._told.get(command.key, run.progress(workstream).delay)
            if sentence != before:
                self._tell(StepDelayed(workstream=workstream, attempt=attempt, sentence=sentence))
        if sentence or command.key in self._told:
            self._told[command.key] = sentence


def _attempts(command: Command) -> list[tuple[str, AttemptId]]:
    match command:
        case StartStep():
            return [(command.workstream, command.attempt)]
        case JudgeMerge():
            return [(member.workstream, member.attempt) for member in command.members]
        case _:
            return []
