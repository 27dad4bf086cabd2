"""Room for commands: what each needs of the machine, and that a wait is told, kept out of nobody's way, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from engine_support import RUN, World, awaited, states, workstream, writes_its_file
from test_dispatch import JUDGE, MOVE, NOW, start

from penstock.adapters.clock import SystemClock
from penstock.adapters.memory import MemoryProject
from penstock.adapters.own_slots import OwnSlots
from penstock.adapters.slots import FileSlots, NoRoom
from penstock.domain.commands import Command, PublishBranch, ReleaseWorktree, TakeBack
from penstock.domain.events import PauseAsked, ResumeAsked
from penstock.domain.run import Policy, Step
from penstock.domain.states import Reason, RunState
from penstock.engine.room import Room
from penstock.ports import AgentReport, AgentTask, Need, User

NOBODY = User(run="another", command="b/edit-1")
TAKE_BACK = TakeBack(number=1, members=(), base="b", head="h", at=NOW)
ONE_AGENT = Need(resource="agent", limit=1)


class Hungry(MemoryProject):
    """A project whose agent needs much memory."""

    @property
    def memory_mb(self) -> int:
        return 4096


@pytest.mark.parametrize(
    ("command", "need"),
    [
        (start("a"), Need(resource="agent", limit=3, memory_mb=4096, min_free_gb=1.5)),
        (start("a", Step.FIX), Need(resource="agent", limit=3, memory_mb=4096, min_free_gb=1.5)),
        (start("a", Step.STATIC), Need(resource="check", limit=2, memory_mb=512, min_free_gb=1.5)),
        (start("a", Step.RUNTIME), Need(resource="check", limit=2, memory_mb=512, min_free_gb=1.5)),
        (JUDGE, Need(resource="check", limit=2, memory_mb=512, min_free_gb=1.5)),
        (TAKE_BACK, Need(resource="check", limit=2, memory_mb=512, min_free_gb=1.5)),
        (ReleaseWorktree(workstream="a", number=1, at=NOW), Need(resource="disk", limit=1)),
        (MOVE, None),
        (PublishBranch(commit="c", number=1), None),
    ],
)
def test_what_a_command_needs_of_the_machine(command: Command, need: Need | None) -> None:
    world = World(
        workstreams=[workstream("a")],
        project=Hungry(),
        limits={"agent": 3, "check": 2, "disk": 1},
        min_free_gb=1.5,
    )
    assert Room(world.context(), 3, lambda _: None).need_of(command) == need


def test_a_resource_without_a_limit_has_no_slots() -> None:
    world = World(workstreams=[workstream("a")], limits={})
    room = Room(world.context(), 3, lambda _: None)
    assert [room.need_of(one) for one in (start("a"), JUDGE, ReleaseWorktree(workstream="a", number=1, at=NOW))] == [
        None
    ] * 3


@awaited
async def test_an_attempt_that_waits_for_a_slot_says_so_until_it_begins() -> None:
    slots = OwnSlots()
    world = World(workstreams=[workstream("a")], slots=slots, limits={"agent": 1, "check": 4})
    seen: list[str] = []
    freed = asyncio.Event()

    def watch(run: object, _notes: object) -> None:
        seen.append(run.progress("a").delay)  # type: ignore[attr-defined]
        if seen[-1]:
            freed.set()

    async with slots.taken(ONE_AGENT, NOBODY, lambda _: None):
        working = asyncio.create_task(world.start(watch=watch))
        await asyncio.wait_for(freed.wait(), 10)
    run = await working
    assert states(run) == {"a": "done"}
    told = [one for one in dict.fromkeys(seen) if one]
    assert len(told) == 1
    assert "slot" in told[0]
    assert seen[-1] == ""
    delays = [entry.event.sentence for entry in world.journal.entries(RUN) if hasattr(entry.event, "sentence")]
    assert [bool(sentence) for sentence in delays][:2] == [True, False]


@awaited
async def test_a_pause_ends_a_wait_for_a_slot_without_an_attempt_and_resume_goes_on() -> None:
    slots = OwnSlots()
    world = World(workstreams=[workstream("a")], slots=slots, limits={"agent": 1, "check": 4})
    waits = asyncio.Event()

    def watch(run: object, _notes: object) -> None:
        if run.progress("a").delay:  # type: ignore[attr-defined]
            waits.set()

    async with slots.taken(ONE_AGENT, NOBODY, lambda _: None):
        working = asyncio.create_task(world.start(watch=watch))
        await asyncio.wait_for(waits.wait(), 10)
        await world.journal.post(RUN, PauseAsked())
        run = await asyncio.wait_for(working, 10)
    assert run.state is RunState.PAUSED
    assert (run.progress("a").delay, run.progress("a").lost) == ("", 0)
    run = await world.drive(ResumeAsked())
    assert states(run) == {"a": "done"}


@awaited
async def test_a_sentence_that_a_killed_owner_left_is_taken_back_by_the_next() -> None:
    world = World(workstreams=[workstream("a")])
    await world.made()
    told = []
    loaded = await world.journal.load(RUN)
    row = replace(loaded.run.rows[0], delay="no slot, long ago")
    run = replace(loaded.run, rows=loaded.run.rows.with_row(0, row))
    async with Room(world.context(), 1, told.append).entered(start("a"), run):
        assert [(one.workstream, one.sentence) for one in told] == [("a", "")]


@awaited
async def test_what_the_machine_refuses_a_command_keeps_nothing_of_the_runs_own_room() -> None:
    class Refusing(OwnSlots):
        def taken(self, need: Need, user: User, delayed: object) -> AbstractAsyncContextManager[None]:
            return refused()

    @asynccontextmanager
    async def refused() -> AsyncIterator[None]:
        raise NoRoom("the disk is full")
        yield

    world = World(workstreams=[workstream("a")], slots=Refusing())
    await world.made()
    run = (await world.journal.load(RUN)).run
    room = Room(world.context(), 1, lambda _: None)
    for _ in range(2):
        with pytest.raises(NoRoom):
            async with asyncio.timeout(5), room.entered(start("a"), run):
                raise AssertionError("there was no room")


@awaited
async def test_a_run_alone_has_never_more_agents_than_its_own_limit() -> None:
    running, most = 0, 0

    class Counting(MemoryProject):
        async def work(self, task: AgentTask) -> AgentReport:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return await super().work(task)

    many = [workstream(name) for name in "abcdef"]
    world = World(
        workstreams=many, project=Counting(edit=writes_its_file), policy=Policy(max_parallel=2), limits={"agent": 64}
    )
    assert set(states(await world.start()).values()) == {"done"}
    assert most == 2


@awaited
async def test_too_full_a_disk_pauses_the_run_and_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("slots")
    slots = FileSlots(folder, SystemClock(), wait_for_disk=0.0)
    run = await World(workstreams=[workstream("a")], slots=slots, min_free_gb=1e9).start()
    assert (run.state, run.reason) == (RunState.PAUSED, Reason.ENVIRONMENT)
    assert "GB are free" in run.sentence
