"""A secret stops a change before it is a candidate, and a branch before it is pushed."""

from __future__ import annotations

import pytest
from engine_support import World, awaited, states, workstream, writes_its_file

from penstock.adapters.memory import MemoryGate, MemoryProject
from penstock.domain.commands import PublishBranch
from penstock.domain.events import BranchPublished
from penstock.engine import leaks
from penstock.engine.perform import perform
from penstock.ports import AddedLines, AgentReport, AgentTask, Publication

SECRET = "hunter2"
OLD = {"src/a.txt": f"one\nold {SECRET}\n"}


def leaks_once(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
    """An agent that writes a secret at its first turn, and takes it out when it is told."""
    files["src/a.txt"] = f"one\ntwo {SECRET}\n" if task.number == 1 else "one\n"
    told.append(task.prompt)
    return None


told: list[str] = []


@awaited
async def test_a_change_with_a_secret_goes_to_a_fix_that_is_told_the_place_and_not_the_secret() -> None:
    told.clear()
    world = World(
        workstreams=[workstream("a")], project=MemoryProject(edit=leaks_once), secrets=MemoryGate(words=(SECRET,))
    )
    run = await world.start()
    assert states(run) == {"a": "done"}
    assert len(told) == 2
    assert "src/a.txt line 2 (a known word)" in told[1]
    assert SECRET not in told[1]
    head = world.project.tree(world.project.branches["b"])
    assert SECRET not in head["src/a.txt"]


@awaited
async def test_a_line_that_the_base_has_already_is_nobodys_leak() -> None:
    def edit(_task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        files["src/a.txt"] = f"zero\n{OLD['src/a.txt']}"
        return None

    project = MemoryProject(edit=edit, files=OLD)
    run = await World(workstreams=[workstream("a")], project=project, secrets=MemoryGate(words=(SECRET,))).start()
    assert states(run) == {"a": "done"}


class Guarded(MemoryProject):
    """A project that notes whether it was asked to push."""

    pushed: bool = False

    async def written(self, base: str, commit: str, *, on_the_way: bool = False) -> tuple[AddedLines, ...]:
        if not on_the_way:
            return await super().written(base, commit)
        lines = ((1, "one"), (2, f"two {SECRET}"))
        return (AddedLines(path="src/a.txt", lines=lines), AddedLines(path="src/a.txt", lines=lines[:1]))

    async def publish(self, branch: str, commit: str, base: str) -> Publication:
        self.pushed = True
        return await super().publish(branch, commit, base)


@pytest.mark.parametrize("words", [(), (SECRET,)])
@awaited
async def test_a_branch_whose_history_holds_a_secret_is_not_pushed(words: tuple[str, ...]) -> None:
    project = Guarded(edit=writes_its_file)
    world = World(workstreams=[workstream("a")], project=project, secrets=MemoryGate(words=words))
    await world.made()
    run = (await world.journal.load("run")).run
    event = await perform(world.context(), PublishBranch(commit=project.base, number=1), run)
    assert isinstance(event, BranchPublished)
    assert event.pushed is project.pushed is (not words)
    if words:
        assert "b was not pushed" in event.sentence
        assert "src/a.txt line 2 (a known word)" in event.sentence
        assert SECRET not in event.sentence


@awaited
async def test_many_places_are_told_in_part() -> None:
    world = World(workstreams=[workstream("a")], secrets=MemoryGate(words=(SECRET,)))
    lines = tuple((number, f"{SECRET} {number}") for number in range(1, 15))
    found = await world.secrets.find([AddedLines(path="a", lines=lines)])
    text = leaks.finding(found).text
    assert "a line 10" in text
    assert "a line 11" not in text
    assert "and 4 more" in text
