"""An agent's visit at the models' door: who comes, for which model, and what it means when it is sent away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from penstock.domain.budget import Level
from penstock.domain.changes import Candidate, Finding
from penstock.domain.commands import StartStep
from penstock.domain.errors import WorldError
from penstock.domain.events import OverBudget, Red
from penstock.domain.usage import Caller
from penstock.engine.context import Context
from penstock.ports import Stay, Stop, StopKind, Visit

NO_RESET = timedelta(minutes=1)
"""When to try again where nobody says when a limit is over."""


class LimitReached(WorldError):
    """A usage limit ended an attempt: it is nobody's failure, and is made again when the limit is over."""

    def __init__(self, sentence: str, until: datetime) -> None:
        self.until = until
        super().__init__(sentence)


class ModelsOutOfReach(WorldError):
    """No attempt can succeed: the upstream refuses our key, or does not answer."""


@contextmanager
def visit(context: Context, command: StartStep, worktree: Path, folder: Path) -> Iterator[Visit | None]:
    """A key of its own for one attempt; it opens nothing afterwards. None for an agent that calls no models."""
    agent = context.agents[command.workstream]
    if not agent.protocols:
        yield None
        return
    opened = context.models.admit(
        _caller(context, command),
        context.model(command),
        max_calls=agent.max_calls or context.settings.max_calls,
        stay=Stay(
            places={"worktree": worktree, "home": folder / "home", "folder": folder},
            protocols=agent.protocols,
            replay_of=context.settings.replay_of or context.settings.recording,
            is_lenient=context.settings.is_lenient,
        ),
    )
    try:
        yield opened
    finally:
        opened.close()


def _caller(context: Context, command: StartStep) -> Caller:
    step, commission = command.attempt.step.value, context.settings.commission
    return Caller(
        project=context.project,
        pipeline=commission.pipeline if commission else "",
        run=context.run,
        workstream=command.workstream,
        attempt=command.attempt.key,
        role=commission.role if commission else step,
        phase=commission.phase if commission else step,
        agent=context.workstreams[command.workstream].agent,
        prompt=commission.prompt if commission else "",
    )


def ended_by(visit_: Visit | None) -> Stop | None:
    """What ended the attempt from the side of the models, if anything did."""
    return visit_.stop.result() if visit_ is not None and visit_.stop.done() else None


def raise_if_nobodys_failure(context: Context, stop: Stop | None) -> None:
    """An attempt that was ended by what the agent can do nothing about is not judged."""
    if stop is None:
        return
    if stop.kind is StopKind.RATE_LIMITED:
        raise LimitReached(stop.sentence, stop.until or context.clock.now() + NO_RESET)
    if stop.kind is StopKind.UNREACHABLE:
        hint = "see `penstock agents check`; then `penstock resume` the run"
        replayed = "record the run again, or play it with --lenient, which answers what differs, too"
        raise ModelsOutOfReach(stop.sentence, hint=replayed if context.settings.replay_of else hint)


def judged(stop: Stop, candidate: Candidate) -> OverBudget | Red:
    """What an attempt comes to that spent too much."""
    if stop.kind is StopKind.BUDGET:
        return OverBudget(level=stop.level or Level.WORKSTREAM, sentence=stop.sentence, candidate=candidate)
    return Red(findings=(Finding(code="too_many_calls", text=stop.sentence),), tree=candidate.tree)
