"""What somebody outside means who asks for a state by its name: the event that may lead there, if one may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from penstock.domain.events import (
    AbandonAsked,
    Approved,
    Event,
    MoveAsked,
    PauseAsked,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RollbackAsked,
    RunStarted,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Run
from penstock.domain.states import RunState, WorkstreamState, validate_state_transition

State = TypeVar("State", bound=StrEnum)

_WORKSTREAM = WorkstreamState


def _begun(run: Run) -> Event:
    if not run.plan.order:
        raise EventRefused("the run has no workstream yet: there is nothing to begin")
    return RunStarted(base=run.base)


_OF_RUN: Mapping[tuple[RunState, RunState], Callable[[Run], Event]] = {
    (RunState.PENDING, RunState.RUNNING): _begun,
    (RunState.RUNNING, RunState.PAUSED): lambda _: PauseAsked(),
    (RunState.PAUSED, RunState.RUNNING): lambda _: ResumeAsked(),
    **{(state, RunState.ABANDONED): lambda _: AbandonAsked() for state in RunState if state is not RunState.ABANDONED},
}
_OF_WORKSTREAM: Mapping[tuple[WorkstreamState, WorkstreamState], Callable[[str], Event]] = {
    (_WORKSTREAM.FAILED, _WORKSTREAM.READY): lambda name: ResetAsked(workstream=name),
    (_WORKSTREAM.DONE, _WORKSTREAM.ABANDONED): lambda name: RollbackAsked(workstream=name),
    (_WORKSTREAM.REVIEWING, _WORKSTREAM.INTEGRATING): lambda name: Approved(workstream=name),
    (_WORKSTREAM.REVIEWING, _WORKSTREAM.FIXING): lambda name: Rejected(workstream=name),
    (_WORKSTREAM.REVIEWING, _WORKSTREAM.FAILED): lambda name: Rejected(workstream=name, final=True),
}

ALIASES: Mapping[str, WorkstreamState] = {
    **dict.fromkeys(("planned", "s_pending", "queued"), _WORKSTREAM.PENDING),
    **dict.fromkeys(("started", "executing", "running", "s_running"), _WORKSTREAM.EDITING),
    **dict.fromkeys(("ready_for_static", "validating"), _WORKSTREAM.STATIC_CHECK),
    **dict.fromkeys(("s_retrying", "retrying"), _WORKSTREAM.FIXING),
    "runtime_tests": _WORKSTREAM.RUNTIME_CHECK,
    **dict.fromkeys(("succeeded", "completed", "s_success"), _WORKSTREAM.DONE),
    **dict.fromkeys(("cancelled", "canceled", "skipped", "s_abandoned"), _WORKSTREAM.ABANDONED),
}
"""What older systems called the states of a workstream."""


def workstream_state(name: str) -> WorkstreamState:
    """The state of a workstream by its name, or by one that older systems used."""
    return ALIASES.get(name.lower()) or _named(WorkstreamState, name)


def run_state(name: str) -> RunState:
    """The state of a run by its name."""
    return _named(RunState, name)


def _named(kind: type[State], name: str) -> State:
    try:
        return kind(name)
    except ValueError:
        raise EventRefused(f"there is no state {name!r}; possible are {', '.join(kind)}") from None


def meant(run: Run, asked: MoveAsked) -> Event | None:
    """The event that leads where was asked, None where it is already; IllegalMove or EventRefused where none does."""
    if asked.workstream:
        return _of_workstream(run, asked)
    now, target = run.state, run_state(asked.to)
    _must_lead(run_state(asked.source) if asked.source else now, now, target)
    event = _OF_RUN.get((now, target))
    if event is None and now is not target:
        raise _by_itself(f"run {run.id}", now, target)
    return event(run) if event else None


def _of_workstream(run: Run, asked: MoveAsked) -> Event | None:
    if asked.workstream not in run.plan.ranks:
        raise EventRefused(f"the run has no workstream {asked.workstream!r}")
    now, target = run.progress(asked.workstream).state, workstream_state(asked.to)
    _must_lead(workstream_state(asked.source) if asked.source else now, now, target)
    event = _OF_WORKSTREAM.get((now, target))
    if event is None and now is not target:
        raise _by_itself(asked.workstream, now, target)
    return event(asked.workstream) if event else None


def _must_lead(source: RunState | WorkstreamState, now: StrEnum, target: RunState | WorkstreamState) -> None:
    validate_state_transition(source, target)
    if source is not now:
        raise EventRefused(f"it is {now}, not {source}: nothing was moved")


def _by_itself(what: str, now: StrEnum, target: StrEnum) -> EventRefused:
    return EventRefused(
        f"{what} gets from {now} to {target} by what its steps find, and by nothing else",
        hint="let it be worked on: `penstock resume`",
    )
