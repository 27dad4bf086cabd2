"""The local dispatcher: one asyncio task per command, once there is room for it, in order within a workstream.

What a command comes to arrives in a queue; a command that fails for a reason outside Penstock becomes an event too.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from penstock.domain.commands import Command, Compensate, JudgeMerge, PublishBranch, StartStep
from penstock.domain.copies import quickly_made
from penstock.domain.errors import Bug, PenstockError
from penstock.domain.events import (
    BranchPublished,
    Compensated,
    EnvironmentBroke,
    Event,
    JudgementInterrupted,
    StepInterrupted,
)
from penstock.engine.machine import in_words
from penstock.ports import OwnershipLost

Perform = Callable[[Command], Awaitable[Event | None]]
Enter = Callable[[Command], AbstractAsyncContextManager[None]]
"""Waits for the room that a command needs, and keeps it."""


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event on its way to the core, and what it answers."""

    event: Event | None
    command_key: str | None = None
    request_id: int | None = None
    failure: PenstockError | None = None
    """Why a command that no event can speak for was not performed; it stays unanswered."""
    command: Command | None = None
    """The command that the failure is about."""


class LocalDispatcher:
    """Performs commands in this process."""

    def __init__(self, perform: Perform, arrivals: asyncio.Queue[Arrival], enter: Enter) -> None:
        self._perform = perform
        self._arrivals = arrivals
        self._enter = enter
        self._orders: dict[str, asyncio.Lock] = {}
        self._under_way: dict[str, tuple[Command, asyncio.Task[None]]] = {}
        self._begun: set[str] = set()

    def only_waits(self, now: datetime) -> bool:
        """Whether nothing is under way but attempts that a usage limit has put off to later than now."""
        return all(
            isinstance(command, StartStep) and command.not_before is not None and command.not_before > now
            for command, _ in self._under_way.values()
        )

    @property
    def running(self) -> int:
        """How many commands are being performed or wait for room."""
        return len(self._under_way)

    def dispatch(self, command: Command) -> None:
        """Begin to perform a command."""
        key = command.key
        task = asyncio.create_task(self._do(key, command), name=key)
        self._under_way[key] = command, task

    def _answer(self, key: str, arrival: Arrival) -> None:
        """Say what a command came to; from then on it is no longer under way."""
        self._under_way.pop(key, None)
        self._begun.discard(key)
        self._arrivals.put_nowait(arrival)

    async def stop_steps(self) -> None:
        """Stop every attempt and verification, and wait until their processes are gone."""
        await self._stop([key for key, (command, _) in self._under_way.items() if command.is_work])

    async def stop_waiting(self) -> None:
        """Stop the attempts and verifications that have not begun, for want of room."""
        work = [key for key, (command, _) in self._under_way.items() if command.is_work]
        await self._stop([key for key in work if key not in self._begun])

    async def close(self) -> None:
        """Stop everything."""
        await self._stop(list(self._under_way))

    async def _stop(self, keys: list[str]) -> None:
        stopped = {key: self._under_way[key] for key in keys}
        for _, task in stopped.values():
            task.cancel()
        await asyncio.gather(*(task for _, task in stopped.values()), return_exceptions=True)
        for key, (command, _) in stopped.items():
            if key in self._under_way:  # cancelled before it took its first step
                self._put(key, command, interruption(command))

    async def _do(self, key: str, command: Command) -> None:
        try:
            event = await self._in_order(key, command)
        except asyncio.CancelledError:
            self._put(key, command, interruption(command))
        except OwnershipLost as lost:
            self._answer(key, Arrival(event=None, failure=lost))
        except PenstockError as error:
            self._put(key, command, _failed(command, str(error)), error)
        except Exception as error:  # noqa: BLE001 - one command performed is one of the three broad borders
            if isinstance(error, OSError) and (refused := in_words(error)) is not None:
                self._put(key, command, _failed(command, str(refused)), refused)
                return
            text = f"Penstock failed inside: {type(error).__name__}: {error}"
            bug = Bug(f"{text}\n{traceback.format_exc(limit=-6)}")
            self._put(key, command, _failed(command, str(bug)), bug)
        else:
            self._put(key, command, event)

    async def _in_order(self, key: str, command: Command) -> Event | None:
        workstream = getattr(command, "workstream", None)
        if workstream is None:
            return await self._with_room(key, command)
        order = self._orders.get(workstream)
        if order is None:
            order = self._orders[workstream] = asyncio.Lock()
        async with order:
            return await self._with_room(key, command)

    async def _with_room(self, key: str, command: Command) -> Event | None:
        async with self._enter(command):
            self._begun.add(key)
            return await self._perform(command)

    def _put(self, key: str, command: Command, event: Event | None, failure: PenstockError | None = None) -> None:
        answered = event is not None or failure is None
        self._answer(
            key,
            Arrival(
                event=event,
                command_key=key if answered else None,
                failure=None if event is not None else failure,
                command=None if answered else command,
            ),
        )


def interruption(command: Command) -> Event | None:
    """What becomes of a command that is stopped on purpose, if the core must know."""
    match command:
        case StartStep():
            return StepInterrupted(workstream=command.workstream, attempt=command.attempt, asked=True)
        case JudgeMerge():
            return JudgementInterrupted(judgement=command.number, asked=True)
        case _:
            return None


def _failed(command: Command, sentence: str) -> Event | None:
    match command:
        case StartStep():
            return EnvironmentBroke(workstream=command.workstream, attempt=command.attempt, sentence=sentence)
        case JudgeMerge():
            return JudgementInterrupted(judgement=command.number, asked=False, sentence=sentence)
        case PublishBranch():
            return BranchPublished(commit=command.commit, pushed=False, sentence=sentence)
        case Compensate(workstream=workstream, key=key, action=action):
            return Compensated(workstream=workstream, command=key, action=action, sentence=sentence)
        case _:
            return None
