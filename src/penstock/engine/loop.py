"""The loop of one run's owner: take what waits, step it, commit once, dispatch. Decide, commit, act, in that order
always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from penstock.domain.commands import Command, MoveBranch, StopSteps
from penstock.domain.decision import Note
from penstock.domain.errors import IllegalMove, PenstockError
from penstock.domain.events import AbandonAsked, CancelAsked, EnvironmentBroke, Event, PauseAsked, ResumeAsked
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Run
from penstock.domain.states import RunState
from penstock.domain.step import step
from penstock.engine.context import Context
from penstock.engine.dispatch import Arrival, LocalDispatcher, interruption
from penstock.engine.perform import perform
from penstock.engine.redacting import redacted
from penstock.engine.room import Room
from penstock.ports import Entry, OwnershipLost

MOST_AT_ONCE = 64
LOOK_EVERY = 0.05
WRITE_AT_MOST = 0.020
REST = 0.002

TRIES_AGAIN = (ResumeAsked, CancelAsked, AbandonAsked)
"""By these a person says how a run goes on that something stood in the way of."""

Watch = Callable[[Run, Sequence[Note]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an owner drives: whether it does work or only finishes and tidies, and whether it stays while people, or the
    end of a usage limit, are awaited.
    """

    works: bool = True
    stays: bool = False


class Loop:
    """Drives one run that this process owns until nothing is left that it could do now."""

    def __init__(self, context: Context, run: Run, generation: int, manner: Manner, watch: Watch | None = None) -> None:
        self.run = run
        self._context = context
        self._generation = generation
        self._manner = manner
        self._watch = watch
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        room = Room(context, run.policy.max_parallel, self.feed)
        self._dispatcher = LocalDispatcher(
            self._perform, self._arrivals, enter=lambda command: room.entered(command, self.run)
        )
        self._left: dict[str, Command] = {}
        """Commands that are known and not dispatched."""
        self._unperformed: dict[str, Command] = {}
        """Commands that failed and that no event speaks for: tried again when a person says how the run goes on."""
        self._taken: set[int] = set()
        self._change_count = -1
        self._wrote_since: float | None = None
        self._failure: PenstockError | None = None

    def feed(self, event: Event, command_key: str | None = None) -> None:
        """Put an event before the core, from this process's own loop."""
        self._arrivals.put_nowait(Arrival(event=event, command_key=command_key))

    def pause(self) -> None:
        """What the first Ctrl-C asks for: whoever stayed for people's sake leaves once the run is paused."""
        self._manner = replace(self._manner, stays=False)
        self.feed(PauseAsked())

    async def drive(self, commands: Sequence[Command], lost: Mapping[str, Event]) -> Run:
        """Say what was lost, perform what was left undone, then go on until the run ends, pauses or only waits for
        people.
        """
        inbox = asyncio.create_task(self._watch_inbox(), name="inbox")
        try:
            await self._look()
            for key, event in lost.items():
                self.feed(event, key)
            self._left = {command.key: command for command in commands if command.key not in lost}
            if not self._arrivals.empty():
                await self._turn()
            left, self._left = list(self._left.values()), {}
            await self._follow(left)
            while not await self._is_over():
                await self._turn()
        finally:
            inbox.cancel()
            await asyncio.gather(inbox, return_exceptions=True)
            await self._dispatcher.close()
        if self._failure is not None:
            raise self._failure
        return self.run

    async def _perform(self, command: Command) -> Event | None:
        return await perform(self._context, command, self.run)

    async def _follow(self, commands: Sequence[Command]) -> None:
        """Dispatch commands in their order; what an order to stop overtakes is not begun."""
        stops = [place for place, command in enumerate(commands) if isinstance(command, StopSteps)]
        overtaken = stops[-1] if stops else 0
        if stops:
            await self._dispatcher.stop_steps()
            for command in (*self._left.values(), *commands[:overtaken]):
                event = interruption(command)
                if event is not None:
                    self._left.pop(command.key, None)
                    self.feed(event, command.key)
        for place, command in enumerate(commands):
            if command.is_work and place < overtaken:
                continue
            if self._manner.works or not command.is_work:
                self._dispatcher.dispatch(command)
            else:
                self._left[command.key] = command

    async def _is_over(self) -> bool:
        if self._failure is not None:
            return True
        if self._has_more_to_do():
            return False
        await self._look()  # what was asked for in the last moment
        return not self._has_more_to_do()

    def _has_more_to_do(self) -> bool:
        if not self._arrivals.empty() or not self._dispatcher.only_waits(self._context.clock.now()):
            return True
        return self._manner.stays and self.run.state in (RunState.RUNNING, RunState.PAUSED)

    async def _turn(self) -> None:
        """One batch: at most 64 events, one commit, then what follows."""
        batch = [await self._arrivals.get()]
        while len(batch) < MOST_AT_ONCE and not self._arrivals.empty():
            batch.append(self._arrivals.get_nowait())
        entries, acknowledged = self._step_all(batch)
        if entries or acknowledged:
            await self._commit(entries, acknowledged)
        commands = [command for entry in entries if entry.decision for command in entry.decision.commands]
        if any(isinstance(entry.event, TRIES_AGAIN) and entry.decision for entry in entries):
            again, self._unperformed = list(self._unperformed.values()), {}
            commands = [*again, *commands]
        await self._follow(commands)
        if self.run.state is RunState.PAUSED:
            await self._dispatcher.stop_waiting()  # what has not begun need not end first
        if self._watch is not None:
            self._watch(self.run, [note for entry in entries if entry.decision for note in entry.decision.notes])

    def _step_all(self, batch: Sequence[Arrival]) -> tuple[list[Entry], list[str]]:
        entries: list[Entry] = []
        acknowledged: list[str] = []
        now = self._context.clock.now()  # what is stored at once has happened at once
        for arrival in batch:
            if arrival.failure is not None:
                self._fail(arrival.failure, arrival.command)
            if arrival.event is not None:
                entries.append(self._step(arrival, arrival.event, now))
            elif arrival.command_key is not None:
                acknowledged.append(arrival.command_key)
        return entries, acknowledged

    def _fail(self, failure: PenstockError, command: Command | None) -> None:
        """A command that no event speaks for was not performed: wait for a person, or leave if the run is no longer
        ours.
        """
        if isinstance(failure, OwnershipLost):
            self._failure = failure
            return
        if command is not None:
            self._unperformed[command.key] = command
        key = command.key if command is not None else ""
        verdict = command.verdict if isinstance(command, MoveBranch) else None
        self.feed(EnvironmentBroke(sentence=str(failure), command=key, verdict=verdict))

    def _step(self, arrival: Arrival, event: Event, now: datetime) -> Entry:
        event = redacted(event, self._context.redact)
        try:
            decision = step(self.run, event, now)
        except (EventRefused, IllegalMove) as refusal:
            illegal = (refusal.entity, refusal.source, refusal.target) if isinstance(refusal, IllegalMove) else None
            return Entry(
                event=event,
                at=now,
                decision=None,
                refused=str(refusal),
                illegal=illegal,
                command_key=arrival.command_key,
                request_id=arrival.request_id,
            )
        self.run = decision.run
        return Entry(
            event=event,
            at=now,
            decision=decision,
            command_key=arrival.command_key,
            request_id=arrival.request_id,
        )

    async def _commit(self, entries: Sequence[Entry], acknowledged: Sequence[str]) -> None:
        """Commit, and let other processes write too: 2 ms after every 20 ms of uninterrupted writing."""
        monotonic = self._context.clock.monotonic
        if self._wrote_since is None or not self._arrivals.empty():
            self._wrote_since = self._wrote_since or monotonic()
        else:
            self._wrote_since = monotonic()
        await self._context.journal.commit(self._context.run, self._generation, entries, acknowledged)
        if monotonic() - self._wrote_since >= WRITE_AT_MOST:
            await asyncio.sleep(REST)
            self._wrote_since = None

    async def _watch_inbox(self) -> None:
        is_deaf = False
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look()
            except PenstockError as error:
                if not is_deaf:  # said once; what is asked for is heard as soon as looking succeeds again
                    self._arrivals.put_nowait(Arrival(event=None, failure=error))
                is_deaf = True
            else:
                is_deaf = False

    async def _look(self) -> None:
        journal = self._context.journal
        count = await journal.change_count()
        if count == self._change_count:
            return
        for waiting in await journal.waiting(self._context.run):
            if waiting.id not in self._taken:
                self._taken.add(waiting.id)
                self._arrivals.put_nowait(Arrival(event=waiting.request, request_id=waiting.id))
        self._change_count = count  # only now: what could not be read must be looked at again
