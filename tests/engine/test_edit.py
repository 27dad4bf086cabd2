"""edit and fix: what the agent really did counts, and no change counts only where none was needed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from engine_support import World, awaited, workstream

from penstock.adapters.memory import MemoryProject
from penstock.domain.changes import ABSENT, REGULAR, Change, Finding, Violation
from penstock.domain.commands import StartStep
from penstock.domain.errors import AgentError
from penstock.domain.events import Edited, OutOfScope, Red, StepFinished, StepOutcome, Unchanged
from penstock.domain.plan import Scope, Workstream
from penstock.domain.run import AttemptId, Step
from penstock.engine import scoping
from penstock.engine.perform import perform
from penstock.ports import AgentReport, AgentTask, Capture

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Attempt:
    """One attempt in a project of its own."""

    def __init__(self, project: MemoryProject, own: Workstream | None = None) -> None:
        self.project = project
        self.world = World(workstreams=[own or workstream("a")], project=project)

    async def outcome(self, *, start: str = "", step: Step = Step.EDIT, **more: object) -> StepOutcome:
        await self.world.made()
        base = self.project.base
        command = StartStep(
            workstream="a",
            attempt=AttemptId(step=step, number=1),
            base=base,
            start=start or base,
            candidate=None,
            agent_run=1,
            at=NOW,
            **more,  # type: ignore[arg-type] # findings and note, as a test gives them
        )
        event = await perform(self.world.context(), command, (await self.world.journal.load("run")).run)
        assert isinstance(event, StepFinished)
        return event.outcome


def puts(**files: str | None) -> MemoryProject:
    """A project in which the agent writes files (or removes one), and `src/old.txt` is there already."""

    def edit(_task: AgentTask, tree: dict[str, str]) -> AgentReport | None:
        for name, content in files.items():
            path = f"src/{name}.txt"
            if content is None:
                tree.pop(path, None)
            else:
                tree[path] = content
        return None

    return MemoryProject(edit=edit, files={"src/old.txt": "old\n"})


@awaited
async def test_a_change_within_scope_is_a_candidate() -> None:
    outcome = await Attempt(puts(a="new\n")).outcome()
    assert isinstance(outcome, Edited)
    assert outcome.paths == ("src/a.txt",)


@awaited
async def test_no_change_is_a_failure_while_a_declared_file_is_missing() -> None:
    outcome = await Attempt(puts()).outcome()
    assert isinstance(outcome, Red)
    assert outcome.findings == (
        Finding(code="no_change", text="the agent made no change, and src/a.txt does not exist"),
    )


@awaited
async def test_no_change_is_none_where_everything_declared_is_there() -> None:
    project = puts()
    outcome = await Attempt(project, workstream("a", "src/old.txt")).outcome()
    assert outcome == Unchanged(candidate=await project.candidate(project.base))


@awaited
async def test_a_fix_that_takes_everything_back_is_no_change_and_judged_as_such() -> None:
    project = puts(a=None)
    start = project._commit({"src/old.txt": "old\n", "src/a.txt": "first\n"}, (project.base,), "first try")
    outcome = await Attempt(project).outcome(start=start.commit, step=Step.FIX)
    assert isinstance(outcome, Red)
    assert outcome.findings[0].code == "no_change"
    again = puts(old="old\n")
    start = again._commit({"src/old.txt": "worse\n"}, (again.base,), "first try")
    outcome = await Attempt(again, workstream("a", "src/old.txt")).outcome(start=start.commit, step=Step.FIX)
    assert outcome == Unchanged(candidate=await again.candidate(again.base))


@awaited
async def test_a_fix_that_changes_nothing_keeps_its_candidate() -> None:
    project = puts()
    start = project._commit({"src/old.txt": "old\n", "src/a.txt": "first\n"}, (project.base,), "first try")
    outcome = await Attempt(project).outcome(start=start.commit, step=Step.FIX)
    assert outcome == Unchanged(candidate=start)


@awaited
async def test_after_a_conflict_markers_and_deleted_files_are_looked_for() -> None:
    conflict = (Finding(code="merge_conflict", text="conflicts in src/a.txt"),)
    marked = "one\n<<<<<<< head\n=======\n>>>>>>> candidate\n"
    outcome = await Attempt(puts(a=marked, b=None)).outcome(step=Step.FIX, findings=conflict)
    assert isinstance(outcome, Red)
    assert outcome.findings[0].text == "conflict markers are still in src/a.txt"
    outcome = await Attempt(puts(old=None), workstream("a", "src/old.txt")).outcome(step=Step.FIX, findings=conflict)
    assert isinstance(outcome, Edited)


@awaited
async def test_an_agent_that_failed_is_told_with_its_last_words_and_without_our_folders() -> None:
    def fails(task: AgentTask, _files: dict[str, str]) -> AgentReport:
        return AgentReport(ending="timed_out", sentence="ran out of time", output=f"in {task.worktree}/src/a.txt")

    outcome = await Attempt(MemoryProject(edit=fails)).outcome()
    assert isinstance(outcome, Red)
    assert outcome.findings == (Finding(code="timeout", text="the agent ran out of time\nin src/a.txt"),)


@awaited
async def test_an_agent_that_destroys_its_folder_fails_its_attempt() -> None:
    class Destroyed(MemoryProject):
        async def capture(self, *_args: object, **_kwargs: object) -> Capture:
            raise AgentError("its folder was removed")

    outcome = await Attempt(Destroyed()).outcome()
    assert isinstance(outcome, Red)
    assert outcome.findings == (Finding(code="non_zero_exit", text="its folder was removed"),)


class Patching(MemoryProject):
    """A project that writes patches into a folder."""

    place: Path = Path()

    async def folder(self, run: str, workstream: str, attempt: str) -> Path:
        return self.place

    async def patch(self, capture: Capture, base: str, target: Path) -> None:
        await asyncio.to_thread(target.write_bytes, b"+hunter2 \xff\n")


@awaited
async def test_the_patch_of_what_left_the_scope_holds_no_secret(tmp_path: Path) -> None:
    def strays(_task: AgentTask, tree: dict[str, str]) -> AgentReport | None:
        tree["elsewhere.txt"] = "x"
        return None

    project = Patching(edit=strays)
    project.place = tmp_path
    attempt = Attempt(project)
    attempt.world.redact = lambda text: text.replace("hunter2", "[redacted]")
    outcome = await attempt.outcome()
    assert isinstance(outcome, OutOfScope)
    assert [violation.path for violation in outcome.violations] == ["elsewhere.txt"]
    assert await asyncio.to_thread(Path(outcome.patch).read_bytes) == b"+[redacted] \xff\n"


@awaited
async def test_of_very_many_ways_out_only_so_many_are_stored() -> None:
    strays = {f"elsewhere/{number:04}.txt": "x" for number in range(scoping.MOST_TOLD + 7)}
    outcome = await Attempt(MemoryProject(edit=lambda _task, tree: tree.update(strays))).outcome()
    assert isinstance(outcome, OutOfScope)
    assert [one.path for one in outcome.violations[:-1]] == sorted(strays)[: scoping.MOST_TOLD]
    assert outcome.violations[-1].rule.startswith("7 more ")


@awaited
async def test_changes_tampering_and_protected_litter_are_all_violations() -> None:
    project = puts()
    world = World(workstreams=[workstream("a")], project=project)
    change = Change(path="b.txt", old_mode=ABSENT, new_mode=REGULAR)
    tampering = Violation(path=".git/config", rule="was changed")
    capture = Capture(
        candidate=await project.candidate(project.base),
        ref="r",
        changes=(change,),
        tampering=(tampering,),
        litter=("dist/x", ".github/workflows/x.yml"),
    )
    found = await scoping.violations(world.context(), world.workstreams[0], project.base, capture)
    assert [one.path for one in found] == [".git/config", "b.txt", ".github/workflows/x.yml"]


@awaited
async def test_a_declared_folder_or_pattern_is_never_missing_and_a_named_file_is() -> None:
    project = puts()
    world = World(workstreams=[workstream("a")], project=project)
    own = workstream("a", scope=Scope(files=("src/", "*.md", "src"), create=("src/old.txt", "src/new.txt")))
    assert await scoping.missing(world.context(), own, project.base) == ("src/new.txt",)
    own = workstream("a", scope=Scope(files=("*.md",)))
    assert await scoping.missing(world.context(), own, project.base) == ()
