"""What checks say of a tree, what of it is remembered, and what is only as red as before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from engine_support import World, awaited, workstream

from penstock.adapters.memory import MOMENT, MemoryProject
from penstock.domain.changes import Candidate, Stamp
from penstock.domain.errors import Bug
from penstock.domain.plan import Acceptance, AcceptanceKind, Check, Scope, Workstream
from penstock.domain.run import AttemptId, Step
from penstock.domain.tool_result import ToolResult
from penstock.engine.checking import Examiner, ProgramMissing, from_the_project
from penstock.ports import ToolContext

Say = Callable[[str, str, Path], tuple[int, str]]
"""What a command says of a commit, in a folder: its exit code and its output."""


@dataclass(kw_only=True)
class Spoken(MemoryProject):
    """A project whose commands say what a test wants."""

    say: Say = lambda _command, _commit, _where: (0, "")
    ran: list[tuple[str, str]] = field(default_factory=list)

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        commit = self._checkouts[str(context.worktree)]
        self.ran.append((check.command, commit))
        code, output = self.say(check.command, commit, context.worktree)
        return ToolResult(
            tool_id=check.name,
            command_line=check.command,
            exit_code=code,
            stdout=output,
            stderr="",
            timed_out=code == -1,
            started_at=MOMENT,
            completed_at=MOMENT,
            duration_sec=1.5,
            success=code in check.success_codes,
            confined=self.confined,
        )


class Desk:
    """A project with a base and a candidate, and who examines them."""

    def __init__(self, say: Say, *own: Workstream) -> None:
        self.project = Spoken(say=say)
        self.base = self.project.base
        self.candidate: Candidate = self.project._commit({"src/a.txt": "a\n"}, (self.base,), "candidate")
        self.context = World(workstreams=own or [workstream("a")], project=self.project).context()

    @property
    def examiner(self) -> Examiner:
        return Examiner(self.context, "a", "static-1")

    def commands(self) -> list[str]:
        return [command for command, _ in self.project.ran]


LINT, TYPES = Check(name="lint", command="lint"), Check(name="types", command="types")


@awaited
async def test_what_a_check_says_names_files_as_the_project_does() -> None:
    desk = Desk(lambda _command, _commit, where: (1, f"{where}/src/a.txt:3: E1 wrong\nin {where}, again"))
    (first,) = await desk.examiner.checks(desk.candidate, [LINT], "")
    assert first.output == "src/a.txt:3: E1 wrong\nin ., again"
    assert first.finding().text == "lint: exit code 1\nsrc/a.txt:3: E1 wrong\nin ., again"
    assert (first.error, first.duration, first.confined, first.remembered) == ("static_failure", 1.5, False, False)


def test_a_folder_is_taken_out_by_its_real_name_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    text = f"{tmp_path}/link/a.py and {tmp_path}/real/b.py, not {tmp_path}/realm/c.py"
    assert from_the_project(text, tmp_path / "link") == f"a.py and b.py, not {tmp_path}/realm/c.py"


@awaited
async def test_a_red_check_that_says_only_what_it_says_of_the_base_is_known() -> None:
    def say(command: str, commit: str, where: Path) -> tuple[int, str]:
        own = commit == desk.candidate.commit and command == "types"
        return 1, f"{where}/old.py:1: E1 old" + ("\nnew.py:2: E2 new" if own else "")

    desk = Desk(say)
    lint, types = await desk.examiner.checks(desk.candidate, [LINT, TYPES], desk.base)
    assert (lint.known, types.known) == (True, False)
    assert [one.counts_as_passed for one in (lint, types)] == [True, False]


@awaited
async def test_the_base_is_asked_only_when_something_is_red_only_so_far_and_once() -> None:
    desk = Desk(lambda command, _commit, _where: (int(command == "lint"), "old.py:1: E1 old"))
    for _ in range(2):
        await desk.examiner.checks(desk.candidate, [LINT, TYPES], desk.base)
    on_base = [command for command, commit in desk.project.ran if commit == desk.base]
    assert on_base == ["lint"]


@awaited
async def test_what_is_red_on_the_base_itself_is_known_and_what_could_not_run_never_is() -> None:
    desk = Desk(lambda command, _commit, _where: ({"lint": 1, "./types": 127, "slow": -1}[command], "not found"))
    subject = await desk.project.candidate(desk.base)
    checks = [LINT, Check(name="types", command="./types"), Check(name="slow", command="slow")]
    for _ in range(2):  # what could not run is not remembered either
        lint, types, slow = await desk.examiner.checks(subject, checks, desk.base)
        assert [one.known for one in (lint, types, slow)] == [True, False, False]
        assert [one.error for one in (lint, types, slow)] == ["static_failure", "missing_binary", "timeout"]
        assert slow.finding().text == "slow: timeout\nnot found"
    assert desk.commands() == ["lint", "./types", "slow"] * 2


@awaited
async def test_a_program_that_this_machine_lacks_is_an_error_of_the_machine() -> None:
    desk = Desk(lambda _command, _commit, _where: (127, "/bin/sh: 1: types: not found"))
    with pytest.raises(ProgramMissing, match="`types` is not on this machine") as caught:
        await desk.examiner.checks(desk.candidate, [TYPES], desk.base)
    assert "install it" in (caught.value.hint or "")


@awaited
async def test_a_program_that_the_base_has_is_the_candidates_to_bring_back() -> None:
    desk = Desk(lambda _command, commit, _where: (127 if commit == desk.candidate.commit else 0, "gone"))
    (red,) = await desk.examiner.checks(desk.candidate, [TYPES], desk.base)
    assert (red.error, red.stops) == ("missing_binary", True)


@awaited
async def test_green_answers_are_remembered_and_marked_so() -> None:
    desk = Desk(lambda _command, _commit, _where: (0, ""))
    await desk.examiner.checks(desk.candidate, [LINT, TYPES], "")
    results = await desk.examiner.checks(desk.candidate, [LINT, TYPES], "")
    assert desk.commands() == ["lint", "types"]
    assert all(result.remembered and result.passed for result in results)


@awaited
async def test_what_was_said_without_confinement_is_never_taken_for_what_is_said_within() -> None:
    desk = Desk(lambda _command, _commit, _where: (0, ""))
    told = []
    for confined in (False, True, True, False):
        desk.project.confined = confined
        (lint,) = await desk.examiner.checks(desk.candidate, [LINT], "")
        (go,) = await desk.examiner.acceptance(desk.candidate, accepted_by(command("go")), desk.base)
        told.append([(one.confined, one.remembered) for one in (lint, go)])
    assert told == [[(False, False)] * 2, [(True, False)] * 2, [(True, True)] * 2, [(False, True)] * 2]
    assert desk.commands() == ["lint", "go"] * 2


@awaited
async def test_the_base_is_compared_as_it_is_under_the_same_confinement() -> None:
    desk = Desk(lambda _command, commit, _where: (int(commit != desk.base or desk.project.confined), "old.py:1: E1"))
    for confined, known in ((False, False), (True, True)):
        desk.project.confined = confined
        (lint,) = await desk.examiner.checks(desk.candidate, [LINT], desk.base)
        assert (lint.passed, lint.known) == (False, known)


@awaited
async def test_a_command_may_need_what_the_one_before_made_so_both_are_run_again() -> None:
    desk = Desk(lambda command, _commit, _where: (int(command == "types" and len(desk.project.ran) == 2), ""))
    for _ in range(2):
        await desk.examiner.checks(desk.candidate, [LINT, TYPES], "")
    assert desk.commands() == ["lint", "types", "lint", "types"]


@awaited
async def test_an_exit_code_that_was_good_for_another_check_is_judged_anew() -> None:
    desk = Desk(lambda _command, _commit, _where: (5, ""))
    lenient = Check(name="tests", command="tests", success_codes=(0, 5))
    (first,) = await desk.examiner.checks(desk.candidate, [lenient], "")
    (second,) = await desk.examiner.checks(desk.candidate, [Check(name="tests", command="tests")], "")
    assert (first.passed, second.passed) == (True, False)
    (third,) = await desk.examiner.checks(desk.candidate, [lenient], "")
    assert third.passed


def accepted_by(*lines: Acceptance, files: tuple[str, ...] = ()) -> Workstream:
    return workstream("a", acceptance=lines, acceptance_files=files)


def command(text: str) -> Acceptance:
    return Acceptance(kind=AcceptanceKind.COMMAND, text=text)


@awaited
async def test_acceptance_files_belong_to_what_is_remembered() -> None:
    desk = Desk(lambda _command, _commit, _where: (0, ""))
    for files in ((), ("tests/a.py",), ("tests/b.py",), ("tests/b.py",)):
        (result,) = await desk.examiner.acceptance(desk.candidate, accepted_by(command("go"), files=files), desk.base)
        assert result.kind == "acceptance"
    assert desk.commands() == ["go"] * 3


@awaited
async def test_prose_is_not_asked_and_a_red_command_is_a_failure_at_runtime() -> None:
    desk = Desk(lambda _command, _commit, _where: (2, "boom"))
    prose = Acceptance(kind=AcceptanceKind.PROSE, text="it is nice")
    assert await desk.examiner.acceptance(desk.candidate, accepted_by(prose), desk.base) == []
    (red,) = await desk.examiner.acceptance(desk.candidate, accepted_by(prose, command("go")), desk.base)
    assert (red.error, red.finding().code) == ("runtime_failure", "runtime_failure")


class OnDisk(Spoken):
    """A project whose checkouts can be looked at."""

    place: Path = Path()

    def checkout(self, run: str, commit: str, *, overlay: object = None) -> object:  # type: ignore[override] # a test's own
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def lent():  # type: ignore[no-untyped-def] # as above
            self._checkouts[str(self.place)] = commit
            yield self.place

        return lent()


@awaited
async def test_a_known_sentence_is_executed_in_the_checkout(tmp_path: Path) -> None:
    desk = Desk(lambda _command, _commit, _where: (0, ""))
    project = OnDisk()
    project.place = tmp_path
    desk.context = World(workstreams=[workstream("a")], project=project).context()
    exists = Acceptance(kind=AcceptanceKind.BUILTIN, text="The file exists")
    own = workstream("a", acceptance=(exists, command("go")), scope=Scope(files=("src/a.txt",)))
    subject = await project.candidate(project.base)
    missing, gone = await desk.examiner.acceptance(subject, own, project.base)
    assert (missing.passed, missing.kind, missing.error) == (False, "builtin", "runtime_failure")
    assert missing.output == "src/a.txt does not exist"
    assert gone.passed
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.txt").write_text("a")
    there, _ = await desk.examiner.acceptance(subject, own, project.base)
    assert there.passed
    unknown = workstream("a", acceptance=(Acceptance(kind=AcceptanceKind.BUILTIN, text="what is this"),))
    with pytest.raises(Bug, match="is none"):
        await desk.examiner.acceptance(subject, unknown, project.base)


def test_stamps_of_one_attempt_are_the_same_however_often_it_is_made() -> None:
    context = World(workstreams=[workstream("a", change="OS-1")]).context()
    own, attempt = context.workstreams["a"], AttemptId(step=Step.EDIT, number=1)
    again = AttemptId(step=Step.EDIT, number=1, retry=2)
    first, second = (context.stamp(own, one, "Say it", MOMENT) for one in (attempt, again))
    assert first == second == Stamp(message="Say it\n\nChange: OS-1\nPenstock-Attempt: run/a/edit-1\n", at=MOMENT)
