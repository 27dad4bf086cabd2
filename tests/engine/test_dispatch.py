"""The local dispatcher: limits, order, and that each command is answered exactly once, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime

import pytest
from engine_support import awaited

from penstock.domain.changes import Candidate, Verdict
from penstock.domain.commands import (
    Command,
    JudgeMerge,
    Member,
    MoveBranch,
    PublishBranch,
    ReleaseWorktree,
    StartStep,
)
from penstock.domain.errors import WorldError
from penstock.domain.events import (
    BranchPublished,
    EnvironmentBroke,
    Event,
    JudgementInterrupted,
    StepInterrupted,
)
from penstock.domain.run import AttemptId, Step
from penstock.engine.dispatch import Arrival, LocalDispatcher
from penstock.ports import OwnershipLost

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EDIT = AttemptId(step=Step.EDIT, number=1)
CANDIDATE = Candidate(commit="c", tree="t")
VERDICT = Verdict(id="v", branch="b", parent="p", commit="c", tree="t", members=("a",), checks=())


def start(name: str, step: Step = Step.EDIT) -> StartStep:
    attempt = AttemptId(step=step, number=1)
    return StartStep(workstream=name, attempt=attempt, base="p", start="p", candidate=None, agent_run=1, at=NOW)


JUDGE = JudgeMerge(number=3, members=(Member(workstream="a", attempt=EDIT, candidate=CANDIDATE),), head="p", at=NOW)
MOVE, PUBLISH = MoveBranch(verdict=VERDICT), PublishBranch(commit="c", number=4)
RELEASE = ReleaseWorktree(workstream="a", number=5, at=NOW)


class Bench:
    """A dispatcher and what it was asked to perform."""

    def __init__(
        self,
        perform: Callable[[Command], Awaitable[Event | None]],
        room: AbstractAsyncContextManager[object] | None = None,
    ) -> None:
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self.dispatcher = LocalDispatcher(perform, self.arrivals, enter=lambda _: room or nullcontext())

    async def answer(self, command: Command) -> Arrival:
        self.dispatcher.dispatch(command)
        return await asyncio.wait_for(self.arrivals.get(), 5)


def raising(error: Exception) -> Callable[[Command], Awaitable[Event | None]]:
    async def perform(_command: Command) -> Event | None:
        raise error

    return perform


async def quiet(_command: Command) -> Event | None:
    return None


async def forever(_command: Command) -> Event | None:
    await asyncio.Event().wait()
    raise AssertionError


@awaited
async def test_what_has_no_event_is_answered_by_its_key() -> None:
    arrival = await Bench(quiet).answer(RELEASE)
    assert (arrival.event, arrival.command_key, arrival.failure) == (None, RELEASE.key, None)


@awaited
async def test_a_step_that_the_machine_forbids_is_an_event_that_answers_it() -> None:
    arrival = await Bench(raising(WorldError("no space"))).answer(start("a"))
    assert arrival.event == EnvironmentBroke(workstream="a", attempt=EDIT, sentence="no space")
    assert (arrival.command_key, arrival.failure) == ("a/edit-1", None)


@awaited
async def test_a_judgement_that_the_machine_forbids_says_so() -> None:
    arrival = await Bench(raising(WorldError("no space"))).answer(JUDGE)
    assert arrival.event == JudgementInterrupted(judgement=3, asked=False, sentence="no space")


@awaited
async def test_a_push_that_fails_is_a_push_that_did_not_happen() -> None:
    arrival = await Bench(raising(WorldError("no way"))).answer(PUBLISH)
    assert arrival.event == BranchPublished(commit="c", pushed=False, sentence="no way")
    assert arrival.command_key == PUBLISH.key


@awaited
async def test_a_move_that_fails_stays_unanswered_and_is_named() -> None:
    arrival = await Bench(raising(WorldError("locked"))).answer(MOVE)
    assert (arrival.event, arrival.command_key, arrival.command) == (None, None, MOVE)
    assert str(arrival.failure) == "locked"


@awaited
async def test_an_owner_that_lost_its_run_hears_it_and_answers_nothing() -> None:
    arrival = await Bench(raising(OwnershipLost("taken over"))).answer(start("a"))
    assert (arrival.event, arrival.command_key) == (None, None)
    assert isinstance(arrival.failure, OwnershipLost)


@awaited
async def test_a_fault_of_our_own_keeps_its_evidence() -> None:
    arrival = await Bench(raising(KeyError("lost key"))).answer(start("a"))
    assert isinstance(arrival.event, EnvironmentBroke)
    assert "Penstock failed inside: KeyError: 'lost key'" in arrival.event.sentence
    assert "Traceback" in arrival.event.sentence


@awaited
async def test_a_system_that_refuses_is_told_without_a_traceback() -> None:
    arrival = await Bench(raising(PermissionError(13, "Permission denied", "/x"))).answer(start("a"))
    assert isinstance(arrival.event, EnvironmentBroke)
    assert arrival.event.sentence.startswith("the machine refused: /x: Permission denied")


@awaited
async def test_no_more_run_at_once_than_there_is_room_for() -> None:
    running, most = 0, 0

    async def perform(_command: Command) -> Event | None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return None

    bench = Bench(perform, asyncio.Semaphore(2))
    for name in "abcde":
        bench.dispatcher.dispatch(start(name))
    assert bench.dispatcher.running == 5
    for _ in range(5):
        await bench.arrivals.get()
    assert most == 2
    assert bench.dispatcher.running == 0


@awaited
async def test_the_commands_of_one_workstream_are_performed_in_their_order() -> None:
    order: list[str] = []

    async def perform(command: Command) -> Event | None:
        order.append(f"begin {command.key}")
        await asyncio.sleep(0)
        order.append(f"end {command.key}")
        return None

    bench = Bench(perform)
    bench.dispatcher.dispatch(RELEASE)
    bench.dispatcher.dispatch(start("a"))
    for _ in range(2):
        await bench.arrivals.get()
    assert order == [f"{what} {key}" for key in (RELEASE.key, "a/edit-1") for what in ("begin", "end")]


@awaited
@pytest.mark.parametrize("has_begun", [True, False])
async def test_an_order_to_stop_interrupts_work_and_leaves_the_rest(has_begun: bool) -> None:
    bench = Bench(forever)
    for command in (start("a"), JUDGE, MOVE):
        bench.dispatcher.dispatch(command)
    if has_begun:
        await asyncio.sleep(0)
    await bench.dispatcher.stop_steps()
    answers = [bench.arrivals.get_nowait() for _ in range(2)]
    assert [answer.event for answer in answers] == [
        StepInterrupted(workstream="a", attempt=EDIT, asked=True),
        JudgementInterrupted(judgement=3, asked=True),
    ]
    assert bench.dispatcher.running == 1
    await bench.dispatcher.close()
    assert bench.dispatcher.running == 0


@awaited
async def test_what_waits_for_room_can_be_stopped_and_what_has_begun_goes_on() -> None:
    bench = Bench(forever, asyncio.Semaphore(1))
    bench.dispatcher.dispatch(start("a"))
    await asyncio.sleep(0)
    for command in (start("b"), RELEASE):
        bench.dispatcher.dispatch(command)
    await bench.dispatcher.stop_waiting()
    answer = bench.arrivals.get_nowait()
    assert answer.event == StepInterrupted(workstream="b", attempt=EDIT, asked=True)
    assert bench.arrivals.empty()
    assert bench.dispatcher.running == 2
    await bench.dispatcher.close()
