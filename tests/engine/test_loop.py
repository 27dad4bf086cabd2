"""The loop with everything but the disk real: what it commits, dispatches, stops, resumes and survives."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from engine_support import RUN, World, awaited, states, workstream, writes_its_file

from penstock.adapters.memory import MemoryProject, Tree
from penstock.domain.changes import Stamp, Verdict
from penstock.domain.errors import WorldError
from penstock.domain.events import (
    Approved,
    CancelAsked,
    PauseAsked,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RunStarted,
)
from penstock.domain.plan import Check
from penstock.domain.run import Policy
from penstock.domain.states import Reason, RunState, WorkstreamState
from penstock.engine.loop import Manner
from penstock.ports import AgentReport, AgentTask, Conflicted, Merged, OwnershipLost, Place


@awaited
async def test_a_chain_is_merged_in_order() -> None:
    world = World(workstreams=[workstream("a"), workstream("b", depends_on=("a",)), workstream("c")])
    run = await world.start()
    assert run.state is RunState.COMPLETED
    assert set(states(run).values()) == {"done"}
    assert sorted(world.project.tree(world.project.branches["b"])) == ["src/a.txt", "src/b.txt", "src/c.txt"]
    assert run.head == world.project.branches["b"] == run.published


@awaited
async def test_a_red_static_check_is_fixed() -> None:
    def edit(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        files["src/a.txt"] = "good\n" if task.step == "fix" else "BROKEN\n"
        return None

    def judge(command: str, tree: Tree) -> int:
        return int(command == "lint" and "BROKEN\n" in tree.values())

    world = World(
        workstreams=[workstream("a")],
        project=MemoryProject(edit=edit, judge=judge),
        checks=(Check(name="lint", command="lint"),),
    )
    run = await world.start()
    assert run.state is RunState.COMPLETED
    assert dict(run.progress("a").attempts)["fix"] == 1


@awaited
async def test_an_agent_that_never_mends_trips_the_breaker_and_blocks_its_dependents() -> None:
    world = World(
        workstreams=[workstream("a"), workstream("b", depends_on=("a",)), workstream("c")],
        project=MemoryProject(edit=writes_its_file, judge=lambda command, _tree: int(command == "accept a")),
    )
    run = await world.start()
    assert states(run) == {"a": "failed", "b": "blocked", "c": "done"}
    assert run.state is RunState.PARTIAL
    assert run.reason is Reason.CHECKS_FAILED
    assert "a: " in run.sentence


@awaited
async def test_two_that_break_each_other_when_merged_end_both_merged_after_a_fix() -> None:
    def edit(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        if task.workstream.id == "b" and task.step == "fix":
            files["src/b.txt"] = "beside a\n"
        else:
            files[f"src/{task.workstream.id}.txt"] = "alone\n"
        return None

    def judge(command: str, tree: Tree) -> int:
        both = tree.get("src/a.txt") == tree.get("src/b.txt") == "alone\n"
        return int(command == "accept a" and both)

    world = World(workstreams=[workstream("a"), workstream("b")], project=MemoryProject(edit=edit, judge=judge))
    run = await world.start()
    assert run.state is RunState.COMPLETED
    assert world.project.tree(run.head)["src/b.txt"] == "beside a\n"
    assert dict(run.progress("b").attempts)["fix"] == 1


class ConflictsOnce(MemoryProject):
    """A project whose branch got, behind our back, a change that the first merge conflicts with."""

    conflicted = False

    async def merge(self, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        merged = await super().merge(head, candidate, stamp)
        if self.conflicted:
            return merged
        self.conflicted = True
        marked = "<<<<<<< head\ntheirs\n=======\nours\n>>>>>>> candidate\n"
        found = self._commit({**self.tree(head), "src/a.txt": marked}, (head, candidate), "conflict")
        return Conflicted(candidate=found, paths=("src/a.txt",))


@awaited
async def test_a_conflict_goes_to_fix_in_the_tree_with_markers() -> None:
    seen: list[str] = []

    def edit(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        seen.append(files.get("src/a.txt", ""))
        files["src/a.txt"] = "both\n" if task.step == "fix" else "ours\n"
        return None

    run = await (world := World(workstreams=[workstream("a")], project=ConflictsOnce(edit=edit))).start()
    assert run.state is RunState.COMPLETED, run.sentence
    assert [text.splitlines()[:1] for text in seen] == [[], ["<<<<<<< head"]]
    assert world.project.tree(run.head)["src/a.txt"] == "both\n"


@awaited
async def test_a_conflict_whose_markers_stay_is_never_merged() -> None:
    def edit(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        files["src/a.txt"] = files["src/a.txt"] + "more\n" if task.step == "fix" else "ours\n"
        return None

    run = await (world := World(workstreams=[workstream("a")], project=ConflictsOnce(edit=edit))).start()
    assert run.state is RunState.FAILED
    assert "conflict markers" in run.sentence
    assert world.project.branches["b"] == world.project.base


@awaited
async def test_out_of_scope_fails_and_nothing_of_it_is_merged() -> None:
    def edit(_task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        files["src/a.txt"] = files["elsewhere.txt"] = "x\n"
        return None

    world = World(workstreams=[workstream("a")], project=MemoryProject(edit=edit))
    run = await world.start()
    assert run.state is RunState.FAILED
    assert run.reason is Reason.POLICY_VIOLATION
    assert "elsewhere.txt" in run.sentence
    assert world.project.branches["b"] == world.project.base


@awaited
async def test_an_agent_that_lies_fails_in_the_end() -> None:
    world = World(workstreams=[workstream("a")], project=MemoryProject())
    run = await world.start()
    assert run.state is RunState.FAILED
    assert run.reason is Reason.ERROR


@awaited
async def test_a_pause_holds_the_next_step_and_a_resume_goes_on() -> None:
    world = World(workstreams=[workstream("a"), workstream("b", depends_on=("a",))])
    await world.made()

    def edit(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        loops[0].pause()
        return writes_its_file(task, files)

    loops: list[Any] = []
    world.project.edit = edit
    run = await world.drive(RunStarted(base=world.project.base), started=loops.append)
    assert run.state is RunState.PAUSED
    assert states(run) == {"a": "static_check", "b": "pending"}
    world.project.edit = writes_its_file
    run = await world.drive(ResumeAsked())
    assert run.state is RunState.COMPLETED


class Hanging(MemoryProject):
    """An agent that never ends by itself; how often it was stopped is counted."""

    stopped = 0

    async def work(self, task: AgentTask) -> AgentReport:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        raise AssertionError


async def _begun(world: World, attempt: str = "edit-1") -> None:
    """Let the loop turn until an attempt of the first workstream has begun."""
    for _ in range(10_000):
        if f"{RUN}/a/{attempt}" in world.project.started:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{attempt} never began")


async def _post_when_editing(world: World, request: Any) -> None:
    await _begun(world)
    await world.journal.post(RUN, request)


@awaited
async def test_pause_now_stops_the_agent_and_resume_repeats_the_attempt_under_its_number() -> None:
    world = World(workstreams=[workstream("a")], project=Hanging())
    post = asyncio.create_task(_post_when_editing(world, PauseAsked(now=True)))
    run = await world.start()
    await post
    assert run.state is RunState.PAUSED
    assert run.progress("a").attempt is not None
    assert run.progress("a").attempt.key == "edit-1.1"
    assert world.project.stopped == 1
    mended = MemoryProject(edit=writes_its_file)
    mended.branches = world.project.branches
    world.project = mended
    run = await world.drive(ResumeAsked())
    assert run.state is RunState.COMPLETED
    assert run.progress("a").lost == 0


@awaited
async def test_cancel_stops_what_runs_and_ends_the_run_abandoned() -> None:
    world = World(workstreams=[workstream("a"), workstream("b", depends_on=("a",))], project=Hanging())
    post = asyncio.create_task(_post_when_editing(world, CancelAsked()))
    run = await world.start()
    await post
    assert run.state is RunState.ABANDONED
    assert run.reason is Reason.CANCELLED
    assert set(states(run).values()) == {"abandoned"}
    assert world.project.stopped == 1


@awaited
async def test_a_review_is_waited_for_without_being_driven_and_then_goes_on() -> None:
    world = World(workstreams=[workstream("a")], policy=Policy(review=True))
    run = await world.start()
    assert states(run) == {"a": "reviewing"}
    assert run.state is RunState.RUNNING
    await world.journal.post(RUN, Rejected(workstream="a", note="more of it"))
    run = await world.drive()
    assert states(run) == {"a": "reviewing"}
    assert run.progress("a").attempts_of("fix") == 1
    await world.journal.post(RUN, Approved(workstream="a"))
    assert (await world.drive()).state is RunState.COMPLETED


@awaited
async def test_a_reset_taken_in_without_work_is_finished_by_the_next_owner() -> None:
    world = World(
        workstreams=[workstream("a"), workstream("b", depends_on=("a",))],
        project=MemoryProject(edit=writes_its_file, judge=lambda command, _tree: int(command == "accept a")),
    )
    run = await world.start()
    assert states(run) == {"a": "failed", "b": "blocked"}
    await world.journal.post(RUN, ResetAsked(workstream="a"))
    run = await world.drive(manner=Manner(works=False))
    assert states(run) == {"a": "editing", "b": "blocked"}
    world.project.judge = lambda _command, _tree: 0
    run = await world.drive()
    assert run.state is RunState.COMPLETED
    assert states(run) == {"a": "done", "b": "done"}


@awaited
async def test_a_refused_request_changes_nothing_and_is_kept_with_its_reason() -> None:
    world = World(workstreams=[workstream("a")])
    await world.made()
    await world.journal.post(RUN, Approved(workstream="a"))
    run = await world.drive(RunStarted(base=world.project.base))
    assert run.state is RunState.COMPLETED
    refused = [entry for entry in world.journal.entries(RUN) if entry.refused]
    assert len(refused) == 1
    assert "not waiting for a review" in refused[0].refused


@awaited
async def test_a_lost_attempt_is_repeated_and_three_in_a_row_fail() -> None:
    world = World(workstreams=[workstream("a")], project=Hanging())
    await world.made()
    for expected in ("edit-1", "edit-1.1", "edit-1.2"):
        loaded = await world.journal.load(RUN)
        first = [RunStarted(base=world.project.base)] if expected == "edit-1" else []
        owner = asyncio.create_task(world.drive(*first))
        await _begun(world, expected)
        owner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await owner
        assert loaded.run.state in {RunState.PENDING, RunState.RUNNING}
    run = await world.drive()
    assert states(run) == {"a": "failed"}
    assert run.reason is Reason.ENVIRONMENT


@awaited
async def test_a_machine_without_room_pauses_the_run_and_says_so() -> None:
    class Full(MemoryProject):
        async def prepare(self, place: Place, start: str | None) -> Path:
            raise OSError(28, "No space left on device")

    run = await World(workstreams=[workstream("a")], project=Full()).start()
    assert run.state is RunState.PAUSED
    assert run.reason is Reason.ENVIRONMENT
    assert "No space left" in run.sentence


@awaited
async def test_an_owner_that_lost_its_run_stops_and_writes_nothing() -> None:
    world = World(workstreams=[workstream("a")], project=Hanging())

    async def take_over() -> None:
        await _begun(world)
        await world.journal.claim(RUN)
        await world.journal.post(RUN, PauseAsked(now=True))

    taking = asyncio.create_task(take_over())
    with pytest.raises(OwnershipLost):
        await world.start()
    await taking
    assert (await world.journal.load(RUN)).run.in_state(WorkstreamState.EDITING)


@awaited
async def test_prose_is_never_counted_as_passed() -> None:
    world = World(workstreams=[workstream("a", acceptance=())])
    run = await world.start()
    assert run.state is RunState.COMPLETED
    finished = [entry.event for entry in world.journal.entries(RUN) if "runtime" in str(entry.event)]
    assert "no acceptance command is given" in str(finished)


@awaited
async def test_one_tree_is_asked_once() -> None:
    world = World(workstreams=[workstream("a")], checks=(Check(name="lint", command="lint"),))
    await world.start()
    assert [command for command, _ in world.project.asked] == ["lint", "accept a"]


class Locked(MemoryProject):
    """A repository whose branch can't be moved."""

    async def advance(self, verdict: Verdict) -> None:
        raise WorldError(f"{verdict.branch} is locked")


@awaited
async def test_what_the_pushed_head_of_a_cancelled_run_has_is_done_though_our_branch_could_not_be_moved() -> None:
    one = World(workstreams=[workstream("a")], project=Locked(edit=writes_its_file))
    run = await one.start()
    assert (run.state, states(run)) == (RunState.PAUSED, {"a": "integrating"})
    run = await one.drive(CancelAsked())
    assert (run.state, states(run)) == (RunState.ABANDONED, {"a": "done"})
    assert run.published == run.head
