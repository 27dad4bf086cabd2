"""Taking a run over, and going on after what stood in the way: nothing begun, failed or asked for late is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from engine_support import RUN, World, awaited, states, workstream, writes_its_file

from penstock.adapters.clock import SystemClock
from penstock.adapters.locks import FileLocks
from penstock.adapters.memory import MemoryProject
from penstock.adapters.store.memory import MemoryJournal
from penstock.domain.changes import Verdict
from penstock.domain.decision import Note
from penstock.domain.errors import WorldError
from penstock.domain.events import (
    CancelAsked,
    JudgementInterrupted,
    PauseAsked,
    Rejected,
    ResumeAsked,
    RunStarted,
    StepInterrupted,
)
from penstock.domain.plan import Check
from penstock.domain.run import Policy, Run
from penstock.domain.states import Reason, RunState
from penstock.domain.tool_result import ToolResult
from penstock.engine.loop import Loop, Manner
from penstock.engine.owner import RunIsOwned, owning
from penstock.ports import AgentReport, AgentTask, Publication, ToolContext, Waiting


async def turns_until(claim: Any, what: str) -> None:
    """Let the loop turn until something is so."""
    for _ in range(100_000):
        if claim():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"never came true: {what}")


def at_once(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine that waits for nothing to its end, from where nothing can be awaited."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def events(world: World) -> list[object]:
    return [entry.event for entry in world.journal.entries(RUN)]


@awaited
async def test_a_run_that_somebody_owns_is_refused_and_the_owner_is_named(tmp_path: Path) -> None:
    mine, theirs = FileLocks(tmp_path, SystemClock()), FileLocks(tmp_path, SystemClock())
    async with owning(theirs, RUN):
        with pytest.raises(RunIsOwned, match=r"worked on by process \d+ on .* since"):
            async with owning(mine, RUN):
                raise AssertionError
    async with owning(mine, RUN):
        assert theirs.holder(RUN) is not None
    assert theirs.holder(RUN) is None


class Witness(MemoryProject):
    """Notes in which order a run is taken over."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.order: list[str] = []

    async def reap(self, run: str) -> int:
        self.order.append("reap")
        return 0

    async def clear_stale_locks(self) -> None:
        self.order.append("locks")

    async def create_branch(self, branch: str, commit: str) -> None:
        self.order.append("branch")
        await super().create_branch(branch, commit)


@awaited
async def test_nothing_is_touched_before_what_an_earlier_owner_left_is_gone() -> None:
    world = World(workstreams=[workstream("a")], project=Witness(edit=writes_its_file))
    await world.made()
    world.project.order.clear()
    await world.drive(manner=Manner(works=False))
    assert world.project.order == ["reap", "locks"]
    world.project.order.clear()
    await world.drive(RunStarted(base=world.project.base))
    assert world.project.order == ["reap", "locks", "branch"]


class Stuck(MemoryProject):
    """A branch that can't be moved until somebody has mended it."""

    is_mended = False
    tried = 0

    async def advance(self, verdict: Verdict) -> None:
        self.tried += 1
        if not self.is_mended:
            raise WorldError("the branch is locked")
        await super().advance(verdict)


@awaited
async def test_a_branch_that_could_not_be_moved_is_moved_when_the_living_owner_is_resumed() -> None:
    world = World(workstreams=[workstream("a")], project=Stuck(edit=writes_its_file))
    owner = asyncio.create_task(world.start(manner=Manner(stays=True)))
    await turns_until(lambda: world.project.tried == 1, "the move is tried")
    await turns_until(lambda: "environment_broke" in str(world.journal.entries(RUN)), "it pauses")
    assert (await world.journal.load(RUN)).run.reason is Reason.ENVIRONMENT
    world.project.is_mended = True
    await world.journal.post(RUN, ResumeAsked())
    run = await owner
    assert run.state is RunState.COMPLETED
    assert world.project.branches["b"] == run.head


@awaited
async def test_the_next_owner_moves_the_branch_that_the_last_one_could_not() -> None:
    world = World(workstreams=[workstream("a")], project=Stuck(edit=writes_its_file))
    assert (await world.start()).state is RunState.PAUSED
    world.project.is_mended = True
    assert (await world.drive(ResumeAsked())).state is RunState.COMPLETED


@awaited
@pytest.mark.parametrize("stays", [True, False])
async def test_a_run_whose_branch_can_never_be_moved_can_still_be_cancelled(stays: bool) -> None:
    world = World(workstreams=[workstream("a")], project=Stuck(edit=writes_its_file))
    if stays:
        owner = asyncio.create_task(world.start(manner=Manner(stays=True)))
        await turns_until(lambda: world.project.tried == 1, "the move is tried")
        await turns_until(lambda: "environment_broke" in str(world.journal.entries(RUN)), "it pauses")
        await world.journal.post(RUN, CancelAsked())
        run = await owner
    else:
        await world.start()
        await world.journal.post(RUN, CancelAsked())
        run = await world.drive(manner=Manner(works=False))
    assert run.state is RunState.ABANDONED
    assert world.project.branches["b"] == world.project.base


@awaited
async def test_a_push_that_fails_is_said_and_the_run_is_complete() -> None:
    class Unreachable(MemoryProject):
        async def publish(self, branch: str, commit: str, base: str) -> Publication:
            raise WorldError("the repository is gone")

    run = await World(workstreams=[workstream("a")], project=Unreachable(edit=writes_its_file)).start()
    assert run.state is RunState.COMPLETED
    assert run.publication == "the repository is gone"


@awaited
async def test_what_is_asked_for_after_the_last_event_is_still_taken() -> None:
    world = World(workstreams=[workstream("a")])

    def ask_at_the_end(run: Run, _notes: list[Note]) -> None:
        if run.state is RunState.COMPLETED and not any(entry.refused for entry in world.journal.entries(RUN)):
            at_once(world.journal.post(RUN, PauseAsked()))

    run = await world.start(watch=ask_at_the_end)
    assert run.state is RunState.COMPLETED
    assert await world.journal.waiting(RUN) == ()


class Busy(MemoryJournal):
    """A journal that can't be read for a while."""

    fails = 0

    async def change_count(self) -> int:
        if self.fails:
            self.fails -= 1
            raise WorldError("the database is busy")
        return await super().change_count()


class Patient(MemoryProject):
    """An agent that waits until it is let go."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.go = asyncio.Event()

    async def work(self, task: AgentTask) -> AgentReport:
        await self.go.wait()
        return await super().work(task)


@awaited
async def test_an_owner_that_could_not_look_pauses_once_and_hears_again() -> None:
    journal = Busy()
    world = World(workstreams=[workstream("a")], project=Patient(edit=writes_its_file), journal=journal)
    owner = asyncio.create_task(world.start(manner=Manner(stays=True)))
    await turns_until(lambda: f"{RUN}/a/edit-1" in world.project.started, "the agent works")
    journal.fails = 3
    for _ in range(1000):  # the owner looks every 50 ms
        if "environment_broke" in str(journal.entries(RUN)):
            break
        await asyncio.sleep(0.01)
    await journal.post(RUN, ResumeAsked())
    world.project.go.set()
    assert (await owner).state is RunState.COMPLETED
    assert sum("environment_broke" in str(entry.decision) for entry in journal.entries(RUN)) == 1


class Unreadable(MemoryJournal):
    """A journal whose inbox fails to be read once."""

    fails = 1

    async def waiting(self, run_id: str) -> tuple[Waiting, ...]:
        if self.fails:
            self.fails -= 1
            raise WorldError("the database is busy")
        return await super().waiting(run_id)


@awaited
async def test_a_request_that_could_not_be_read_is_looked_for_again_without_a_new_change() -> None:
    world = World(workstreams=[workstream("a")], journal=Unreadable())
    await world.made()
    await world.journal.post(RUN, PauseAsked())
    loaded = await world.journal.claim(RUN)
    loop = Loop(world.context(), loaded.run, loaded.generation, Manner())
    with pytest.raises(WorldError):
        await loop._look()
    await loop._look()
    assert loop._arrivals.qsize() == 1
    await loop._look()
    assert loop._arrivals.qsize() == 1


class Full(MemoryJournal):
    """A disk that is full for the third commit."""

    commits = 0

    async def commit(self, run_id: str, generation: int, entries: Any, acknowledged: Any = ()) -> None:
        self.commits += 1
        if self.commits == 3:
            raise WorldError("the disk is full")
        await super().commit(run_id, generation, entries, acknowledged)


@awaited
async def test_a_commit_that_fails_ends_the_owner_and_loses_nothing() -> None:
    world = World(workstreams=[workstream("a"), workstream("b")], journal=Full())
    with pytest.raises(WorldError, match="disk is full"):
        await world.start()
    before = await world.journal.load(RUN)
    assert before.run.state is RunState.RUNNING
    assert (await world.drive()).state is RunState.COMPLETED


@awaited
async def test_an_agent_whose_process_was_lost_is_not_blamed_and_three_in_a_row_are_the_machines_fault() -> None:
    turns: list[str] = []

    def lost_twice(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        turns.append(str(task.folder.name))
        return AgentReport(ending="lost") if len(turns) <= most else writes_its_file(task, files)

    most = 2
    run = await World(workstreams=[workstream("a")], project=MemoryProject(edit=lost_twice)).start()
    assert turns == ["edit-1", "edit-1.1", "edit-1.2"]
    assert run.state is RunState.COMPLETED
    assert run.progress("a").breaker.red == ()
    most, turns[:] = 9, []
    run = await World(workstreams=[workstream("a")], project=MemoryProject(edit=lost_twice)).start()
    assert (run.state, run.reason, len(turns)) == (RunState.FAILED, Reason.ENVIRONMENT, 3)


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        ("not_found", "could not be found: its program aider is not on PATH"),
        ("not_started", "could not be started: no room for one more process"),
    ],
)
@awaited
async def test_an_agent_that_never_began_pauses_the_run_instead_of_failing_its_work(ending: str, sentence: str) -> None:
    report = AgentReport(ending=ending, sentence=sentence)
    world = World(workstreams=[workstream("a")], project=MemoryProject(edit=lambda _task, _files: report))
    run = await world.start()
    assert (run.state, run.reason) == (RunState.PAUSED, Reason.ENVIRONMENT)
    assert sentence in run.sentence
    world.project.edit = writes_its_file
    done = await world.drive(ResumeAsked())
    assert (done.state, done.progress("a").breaker.red) == (RunState.COMPLETED, ())


@awaited
async def test_an_agent_that_ended_before_its_owner_died_is_not_lost() -> None:
    world = World(workstreams=[workstream("a")], project=Patient(edit=writes_its_file))
    owner = asyncio.create_task(world.start())
    await turns_until(lambda: f"{RUN}/a/edit-1" in world.project.started, "the agent works")
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    world.project.ended.add(f"{RUN}/a/edit-1")
    world.project.go.set()
    assert (await world.drive()).state is RunState.COMPLETED
    assert not any(isinstance(event, StepInterrupted) for event in events(world))


class HangingCheck(MemoryProject):
    """A check of the merged tree that never ends while it hangs."""

    hangs = True
    asked_merged = False

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        if "judge" in str(context.folder) and self.hangs:
            self.asked_merged = True
            await asyncio.Event().wait()
        return await super().run_command(check, context)


@awaited
async def test_a_judgement_that_was_lost_with_its_owner_is_made_again() -> None:
    world = World(workstreams=[workstream("a"), workstream("b")], project=HangingCheck(edit=writes_its_file))
    owner = asyncio.create_task(world.start())
    await turns_until(lambda: world.project.asked_merged, "the merged tree is checked")
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    world.project.hangs = False
    run = await world.drive()
    assert run.state is RunState.COMPLETED
    (lost,) = [event for event in events(world) if isinstance(event, JudgementInterrupted)]
    assert not lost.asked


@awaited
async def test_who_only_attends_begins_no_work_and_a_cancel_ends_what_was_never_begun() -> None:
    world = World(workstreams=[workstream("a")], project=Patient(edit=writes_its_file))
    owner = asyncio.create_task(world.start())
    await turns_until(lambda: f"{RUN}/a/edit-1" in world.project.started, "the agent works")
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    world.project.started.clear()
    run = await world.drive(manner=Manner(works=False))
    assert states(run) == {"a": "editing"}
    assert world.project.started == set()
    await world.journal.post(RUN, CancelAsked())
    run = await world.drive(manner=Manner(works=False))
    assert run.state is RunState.ABANDONED
    assert world.project.started == set()


@awaited
async def test_a_pause_that_is_asked_for_while_the_run_is_cancelled_is_refused() -> None:
    world = World(workstreams=[workstream("a")], project=Patient(edit=writes_its_file))
    owner = asyncio.create_task(world.start())
    await turns_until(lambda: f"{RUN}/a/edit-1" in world.project.started, "the agent works")
    for request in (CancelAsked(), PauseAsked()):
        await world.journal.post(RUN, request)
    assert (await owner).state is RunState.ABANDONED
    assert [entry.refused for entry in world.journal.entries(RUN) if isinstance(entry.event, PauseAsked)] == [
        "the run is being ended and can't be paused"
    ]


@awaited
async def test_the_first_interrupt_lets_whoever_stays_for_people_leave() -> None:
    loops: list[Loop] = []
    world = World(workstreams=[workstream("a")], policy=Policy(review=True))

    def interrupt(run: Run, _notes: list[Note]) -> None:
        if states(run) == {"a": "reviewing"} and run.state is RunState.RUNNING:
            loops[0].pause()

    run = await world.start(manner=Manner(stays=True), started=loops.append, watch=interrupt)
    assert (run.state, states(run)) == (RunState.PAUSED, {"a": "reviewing"})


SECRET = "correct horse battery"


def without_secret(text: str) -> str:
    return text.replace(SECRET, "[gone]")


@awaited
async def test_no_secret_reaches_the_journal_or_a_prompt() -> None:
    prompts: list[str] = []

    def leaks(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        prompts.append(task.prompt)
        if len(prompts) == 1:
            return AgentReport(ending="failed", exit_code=1, sentence="ended with 1", output=f"key {SECRET}")
        files[f"src/{SECRET}.txt"] = files["src/a.txt"] = f"{len(prompts)}\n"
        return None

    scope = workstream("a", "src/a.txt", "src/*", tasks=(f"use {SECRET}",))
    world = World(
        workstreams=[scope], project=MemoryProject(edit=leaks), policy=Policy(review=True), redact=without_secret
    )
    run = await world.start()
    assert states(run) == {"a": "reviewing"}
    await world.journal.post(RUN, Rejected(workstream="a", note=f"not {SECRET}", by="me"))
    await world.drive()
    assert len(prompts) == 3
    stored = str([(entry.event, entry.decision and entry.decision.notes) for entry in world.journal.entries(RUN)])
    assert "[gone]" in stored
    assert SECRET not in stored
    assert "not [gone]" in prompts[-1]
    assert SECRET not in "".join(prompts)
