"""Who owns a run: taking over, and recovery, which compares what the store says with what is true. Touches only runs
whose lock it holds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from penstock.domain.commands import Command, JudgeMerge, StartStep
from penstock.domain.errors import UserError
from penstock.domain.events import Event, JudgementInterrupted, StepInterrupted
from penstock.domain.run import Run, Step
from penstock.engine.context import Context
from penstock.engine.loop import Loop, Manner, Watch
from penstock.ports import Held, Holder, Loaded, Locks, Supervision


class RunIsOwned(UserError):
    """Another process works on the run."""

    def __init__(self, run_id: str, holder: Holder) -> None:
        self.run_id, self.holder = run_id, holder
        super().__init__(
            f"run {run_id} is being worked on by process {holder.pid} on {holder.host} since {holder.since}",
            hint=f"follow it with `penstock follow {run_id}`, or stop it with `penstock pause {run_id}`",
        )


@asynccontextmanager
async def owning(locks: Locks, run_id: str) -> AsyncIterator[Held]:
    """Hold a run's lock, or raise RunIsOwned naming who has it."""
    held = await locks.acquire(run_id)
    if isinstance(held, Holder):
        raise RunIsOwned(run_id, held)
    try:
        yield held
    finally:
        held.release()


def unfinished_business(
    supervision: Supervision, run_id: str, commands: Sequence[Command]
) -> Iterator[tuple[str, Event]]:
    """What an earlier owner began and did not bring to an end: per command the event that answers it.

    An agent that ended by itself is not among them: its attempt is performed again, and finds the outcome written down.
    """
    for command in commands:
        if isinstance(command, StartStep):
            where = (run_id, command.workstream, command.attempt.key)
            is_agent = command.attempt.step in (Step.EDIT, Step.FIX)
            if supervision.was_started(*where) and not (is_agent and supervision.has_ended(*where)):
                lost = StepInterrupted(workstream=command.workstream, attempt=command.attempt, asked=False)
                yield command.key, lost
        elif isinstance(command, JudgeMerge) and supervision.was_started(run_id, command.place, command.key):
            yield command.key, JudgementInterrupted(judgement=command.number, asked=False)


async def drive(
    context: Context,
    loaded: Loaded,
    manner: Manner,
    *,
    first: Sequence[Event] = (),
    watch: Watch | None = None,
    started: Callable[[Loop], None] | None = None,
) -> Run:
    """Bring a claimed run on: reap, tell the core `first` and what was lost, then loop; `started` gets the loop."""
    await context.supervision.reap(context.run)
    await context.repository.clear_stale_locks()
    if manner.works:
        await context.repository.create_branch(loaded.run.branch, loaded.run.head or loaded.run.base)
    loop = Loop(context, loaded.run, loaded.generation, manner, watch)
    lost = dict(unfinished_business(context.supervision, context.run, loaded.commands))
    for event in first:
        loop.feed(event)
    if started is not None:
        started(loop)
    return await loop.drive(loaded.commands, lost)
