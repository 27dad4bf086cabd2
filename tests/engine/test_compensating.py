"""Undoing what a failed workstream left: by whom, once per outcome, and before anything removes the folder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from engine_support import RUN, World, awaited, states, workstream, writes_its_file

from penstock.adapters.memory import MemoryProject
from penstock.adapters.store.memory import MemoryJournal
from penstock.domain.commands import Compensate
from penstock.domain.decision import Note
from penstock.domain.errors import WorldError
from penstock.domain.events import Compensated, ResetAsked, RunStarted
from penstock.domain.plan import Acceptance, AcceptanceKind, Check
from penstock.domain.run import Run
from penstock.domain.states import RunState
from penstock.domain.tool_result import ToolResult
from penstock.engine.loop import Loop, Manner
from penstock.ports import Entry, OwnershipLost, Preserved, ProcessLost, ToolContext

UNDOING = tuple(Acceptance(kind=AcceptanceKind.COMMAND, text=text) for text in ("undo one", "undo two"))


def red_but_for_undoing(command: str, _tree: object) -> int:
    return 0 if command == "undo one" else 7


class Recorder(MemoryProject):
    """Notes what is run where, and what is removed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.did: list[str] = []

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        if check.command.startswith("undo"):
            self.did.append(f"{check.command} in {context.worktree.name} for {context.marker.rpartition('/')[2]}")
        return await super().run_command(check, context)

    async def remove(self, preserved: Preserved, *, recycle: bool = False) -> None:
        self.did.append("removed")
        await super().remove(preserved, recycle=recycle)


def world(project: MemoryProject | None = None) -> World:
    project = project or Recorder(edit=writes_its_file, judge=red_but_for_undoing)
    return World(workstreams=[workstream("a", compensation=UNDOING)], project=project)


def outcomes(world: World) -> list[tuple[str, int | None, str]]:
    found = [entry.event for entry in world.journal.entries(RUN) if isinstance(entry.event, Compensated)]
    return [(event.action, event.exit_code, event.sentence) for event in found]


@awaited
async def test_each_action_is_run_once_in_the_kept_folder_from_last_to_first_and_recorded() -> None:
    one = world()
    run = await one.start()
    assert run.state is RunState.FAILED
    assert one.project.did == ["undo two in a for compensate-2", "undo one in a for compensate-1"]
    assert outcomes(one) == [("undo two", 7, ""), ("undo one", 0, "")]


@awaited
async def test_a_reset_removes_the_folder_after_the_actions() -> None:
    one = world()
    await one.made()

    loops: list[Loop] = []

    def watch(run: Run, notes: Sequence[Note]) -> None:
        if any(note.type == "workstream_end" for note in notes) and run.progress("a").round == 1:
            loops[0].feed(ResetAsked(workstream="a"))

    await one.drive(RunStarted(base=one.project.base), started=loops.append, watch=watch)
    first, second = (f"undo {{}} in a for {round_}compensate-" for round_ in ("", "2."))
    assert one.project.did == [
        f"{first.format('two')}2",
        f"{first.format('one')}1",
        "removed",
        f"{second.format('two')}2",
        f"{second.format('one')}1",
    ]


class Refusing(Recorder):
    """A machine on which nothing can be undone."""

    error: WorldError = WorldError("no space")

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        if check.command.startswith("undo"):
            raise self.error
        return await super().run_command(check, context)


@awaited
@pytest.mark.parametrize("error", [WorldError("no space"), ProcessLost("it was lost")])
async def test_an_action_that_can_not_be_run_is_recorded_and_holds_nothing_up(error: WorldError) -> None:
    project = Refusing(edit=writes_its_file, judge=red_but_for_undoing)
    project.error = error
    one = world(project)
    assert (await one.start()).state is RunState.FAILED
    assert outcomes(one) == [("undo two", None, str(error)), ("undo one", None, str(error))]


class Killed(MemoryJournal):
    """The owner is gone right after the first outcome was kept."""

    is_over = False

    async def commit(
        self, run_id: str, generation: int, entries: Sequence[Entry], acknowledged: Sequence[str] = ()
    ) -> None:
        await super().commit(run_id, generation, entries, acknowledged)
        if not self.is_over and any(isinstance(entry.event, Compensated) for entry in entries):
            self.is_over = True
            raise OwnershipLost("killed")


class Slow(Recorder):
    """The second action has begun and takes for ever when the owner is killed."""

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        if check.command == "undo one" and not self.did[1:]:
            self.did.append("began")
            await asyncio.Event().wait()
        return await super().run_command(check, context)


@awaited
async def test_the_next_owner_runs_only_the_actions_without_an_outcome() -> None:
    one = world(Slow(edit=writes_its_file, judge=red_but_for_undoing))
    one.journal = Killed()
    with pytest.raises(OwnershipLost):
        await one.start()
    left = [command for command in (await one.journal.load(RUN)).commands if isinstance(command, Compensate)]
    assert [command.action for command in left] == ["undo one"]
    assert one.project.did == ["undo two in a for compensate-2", "began"]
    run = await one.drive(manner=Manner(works=False))
    assert one.project.did[2:] == ["undo one in a for compensate-1"]
    assert (run.state, states(run)) == (RunState.FAILED, {"a": "failed"})
