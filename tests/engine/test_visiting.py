"""Agents that call models: a key for each attempt, and what it comes to when the models' door sends one away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from engine_support import World, awaited, states, workstream, writes_its_file

from penstock.adapters.memory import MemoryProject
from penstock.domain.budget import Level
from penstock.domain.commands import StartStep
from penstock.domain.run import Policy, Run
from penstock.domain.states import Reason, RunState
from penstock.engine.loop import Manner
from penstock.ports import AgentReport, AgentTask, Stop, StopKind

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = AgentReport(ending="refused", sentence="was sent away")


@dataclass(kw_only=True)
class FixedClock:
    """A wall clock that a test sets."""

    at: datetime = MOMENT
    elapsed: float = field(default=0.0)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        self.elapsed += 0.001
        return self.elapsed


Edit = Callable[[AgentTask, dict[str, str]], AgentReport | None]


def sent_away(stop: Stop, *, who: str = "", times: int = 1) -> Edit:
    """An agent that writes its file; some of its visits are ended by the door."""
    left = {"times": times}

    def edit(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        writes_its_file(task, files)
        if who in ("", task.workstream.id) and left["times"]:
            left["times"] -= 1
            assert task.visit is not None
            task.visit.stop.set_result(stop)
            return REFUSED
        return None

    return edit


def world(*names: str, edit: Callable[..., AgentReport | None] = writes_its_file, **more: object) -> World:
    project = MemoryProject(edit=edit, protocols=("openai",), model="cheap")
    return World(workstreams=[workstream(name) for name in names], project=project, **more)


@awaited
async def test_each_attempt_has_a_key_of_its_own_that_is_closed_behind_it() -> None:
    seen: list[bool] = []
    one = world("a", "b", edit=lambda task, files: (seen.append(task.visit.is_open), writes_its_file(task, files))[1])
    run = await one.start()
    assert run.state is RunState.COMPLETED
    assert seen == [True, True]
    assert [visit.is_open for visit in one.models.visits] == [False, False]
    callers = {
        (visit.caller.project, visit.caller.run, visit.caller.workstream, visit.caller.attempt, visit.caller.role)
        for visit in one.models.visits
    }
    assert callers == {("p", "run", "a", "edit-1", "edit"), ("p", "run", "b", "edit-1", "edit")}
    assert {visit.access.model for visit in one.models.visits} == {"cheap"}


@awaited
async def test_an_agent_that_calls_no_models_gets_no_key() -> None:
    one = World(workstreams=[workstream("a")])
    assert (await one.start()).state is RunState.COMPLETED
    assert one.models.visits == []


@awaited
async def test_a_spent_budget_of_a_workstream_fails_it_and_the_others_go_on() -> None:
    stop = Stop(kind=StopKind.BUDGET, level=Level.WORKSTREAM, sentence="all is spent")
    one = world("a", "b", edit=sent_away(stop, who="a"))
    run = await one.start()
    assert states(run) == {"a": "failed", "b": "done"}
    assert (run.state, run.reason) == (RunState.PARTIAL, Reason.BUDGET_EXHAUSTED)
    assert run.progress("a").sentence == "all is spent"


@awaited
async def test_a_spent_budget_of_the_run_ends_it() -> None:
    stop = Stop(kind=StopKind.BUDGET, level=Level.RUN, sentence="all is spent")
    one = world("a", "b", "c", edit=sent_away(stop, who="a"), policy=Policy(max_parallel=1))
    run = await one.start()
    assert states(run) == {"a": "failed", "b": "failed", "c": "failed"}
    assert run.reason is Reason.BUDGET_EXHAUSTED
    assert len(one.models.visits) == 1


@awaited
async def test_too_many_calls_are_a_red_attempt_and_counted() -> None:
    stop = Stop(kind=StopKind.REQUESTS, sentence="it has made 200 calls")
    one = world("a", edit=sent_away(stop, times=99))
    run = await one.start()
    assert states(run) == {"a": "failed"}
    assert run.reason is Reason.ERROR
    assert "200 calls" in run.sentence


@awaited
async def test_a_usage_limit_ends_the_process_that_does_not_wait_and_the_run_stays_as_it_is() -> None:
    clock = FixedClock()
    until = MOMENT + timedelta(hours=1)
    stop = Stop(kind=StopKind.RATE_LIMITED, until=until, sentence="the limit is reached until one o'clock")
    one = world("a", edit=sent_away(stop), clock=clock)
    run = await one.start()
    assert run.state is RunState.RUNNING
    assert run.progress("a").delay == "the limit is reached until one o'clock"
    (command,) = (await one.journal.load("run")).commands
    assert isinstance(command, StartStep)
    assert command.not_before == until
    clock.at = until
    run = await one.drive()
    assert states(run) == {"a": "done"}
    assert [visit.caller.attempt for visit in one.models.visits] == ["edit-1", "edit-1.1"]


@awaited
async def test_others_go_on_while_one_waits_for_its_limit() -> None:
    stop = Stop(kind=StopKind.RATE_LIMITED, until=MOMENT + timedelta(hours=1), sentence="the limit is reached")
    one = world("a", "b", "c", edit=sent_away(stop, who="a"), clock=FixedClock(), policy=Policy(max_parallel=3))
    run: Run = await one.start()
    assert states(run) == {"a": "editing", "b": "done", "c": "done"}


@awaited
async def test_who_stays_begins_again_when_the_limit_is_over() -> None:
    clock = FixedClock()
    stop = Stop(kind=StopKind.RATE_LIMITED, until=MOMENT + timedelta(seconds=0.05), sentence="the limit is reached")
    edit = sent_away(stop)

    def later(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        report = edit(task, files)
        clock.at = MOMENT + timedelta(seconds=0.04 if report else 1)
        return report

    class Passing(FixedClock):
        def now(self) -> datetime:
            self.at += timedelta(milliseconds=5)
            return self.at

    clock = Passing()
    one = world("a", edit=later, clock=clock)
    run = await one.start(manner=Manner(stays=True))
    assert states(run) == {"a": "done"}


@pytest.mark.parametrize("kind", [StopKind.UNREACHABLE])
@awaited
async def test_a_door_that_can_not_be_passed_pauses_the_run_as_environment(kind: StopKind) -> None:
    one = world("a", edit=sent_away(Stop(kind=kind, sentence="the upstream refuses the key of env:KEY")))
    run = await one.start()
    assert (run.state, run.reason) == (RunState.PAUSED, Reason.ENVIRONMENT)
    assert "refuses the key" in run.sentence
