from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from penstock.adapters.tools import SHIPPED, CommandNotStarted, ToolRunner, ToolsSettings, UnknownTool
from penstock.domain.plan import Check
from penstock.domain.redaction import Redactor
from penstock.domain.tool_result import ToolResult
from penstock.domain.tools import ToolNotRenderable, ToolProfile, ToolType
from penstock.ports import Furnishing, ProcessLost, ToolContext

if TYPE_CHECKING:
    from pathlib import Path

Launched = Callable[[Callable[[Any], Awaitable[Any]]], Any]
SECRET = "hunter2-hunter2"
OURS = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "VIRTUAL_ENV": "/venv", "OUR_API_KEY": SECRET}


class Bench:
    """A worktree, a folder for records, and a way to run one thing."""

    def __init__(self, root: Path, launched: Launched) -> None:
        self.worktree, self.folder = root / "worktree", root / "attempt"
        (self.worktree / "sub").mkdir(parents=True)
        self._launched = launched

    def context(self, **more: Any) -> ToolContext:
        return ToolContext(worktree=self.worktree, folder=self.folder, marker="home:run/ws/1", **more)

    def tool(self, profile: ToolProfile, **more: Any) -> ToolResult:
        return self._with({"it": profile}, lambda runner: runner.run_tool("it", self.context(**more)))

    def shipped(self, tool_id: str, **more: Any) -> ToolResult:
        return self._with(SHIPPED, lambda runner: runner.run_tool(tool_id, self.context(**more)))

    def command(self, command: str, *, timeout: float = 30.0, codes: tuple[int, ...] = (0,), **more: Any) -> ToolResult:
        check = Check(name="check", command=command, timeout=timeout, success_codes=codes)
        return self._with({}, lambda runner: runner.run_command(check, self.context(**more)))

    def _with(self, profiles: Any, job: Callable[[ToolRunner], Awaitable[ToolResult]]) -> ToolResult:
        def make(launcher: Any) -> ToolRunner:
            tools = ToolsSettings(profiles=profiles)
            return ToolRunner(launcher=launcher, tools=tools, environ=OURS, redactor=Redactor([SECRET]))

        result = self._launched(lambda launcher: job(make(launcher)))
        assert isinstance(result, ToolResult)
        return result


@pytest.fixture
def bench(tmp_path: Path, launched: Launched) -> Bench:
    return Bench(tmp_path, launched)


def shell(script: str, **more: Any) -> ToolProfile:
    return ToolProfile(command="/bin/sh", args=("-c", script), **more)


def test_a_tool_that_works_is_a_success_with_its_output(bench: Bench) -> None:
    result = bench.shipped("echo", message="hello")
    assert (result.exit_code, result.stdout, result.success) == (0, "hello\n", True)
    assert result.command_line == "echo hello"
    assert result.started_at <= result.completed_at


def test_the_mock_returns_json(bench: Bench) -> None:
    assert json.loads(bench.shipped("echo-json", message='a "b"').stdout) == {"message": 'a "b"'}


def test_a_value_never_reaches_a_shell(bench: Bench) -> None:
    assert bench.shipped("echo", message="$(touch canary); `touch canary`").stdout.startswith("$(touch canary)")
    assert not (bench.worktree / "canary").exists()


@pytest.mark.parametrize(("code", "success"), [(0, True), (5, True), (1, False), (4, False)])
def test_the_exit_codes_of_the_profile_decide(bench: Bench, code: int, success: bool) -> None:
    result = bench.tool(shell(f"exit {code}", success_criteria=(0, 5)))
    assert (result.exit_code, result.success) == (code, success)


def test_time_over_is_minus_one(bench: Bench) -> None:
    result = bench.tool(shell("sleep 30", timeout=0.2))
    assert (result.exit_code, result.timed_out, result.success) == (-1, True, False)
    assert result.error_code() == "timeout"


def test_time_over_is_no_success_even_where_its_code_is_listed(bench: Bench) -> None:
    assert not bench.tool(shell("trap 'exit 0' TERM; sleep 30 & wait", timeout=0.2)).success


def test_a_missing_binary_is_minus_two(bench: Bench) -> None:
    result = bench.shipped("missing-tool")
    assert (result.exit_code, result.success, result.error_code()) == (-2, False, "missing_binary")
    assert "nonexistent-binary-12345" in result.stderr


def test_an_end_by_a_signal_is_minus_three(bench: Bench) -> None:
    result = bench.tool(shell("kill -KILL $$"))
    assert (result.exit_code, result.success) == (-3, False)
    assert "signal 9" in result.stderr


def test_a_command_whose_keeper_was_killed_is_lost_and_no_result(bench: Bench) -> None:
    with pytest.raises(ProcessLost, match=r"`kill -KILL .*was lost: /bin/sh: lost"):
        bench.command("kill -KILL $PPID; sleep 30")


def test_a_tool_whose_keeper_was_killed_is_minus_three(bench: Bench) -> None:
    result = bench.tool(shell("kill -KILL $PPID; sleep 30"))
    assert (result.exit_code, result.success, result.error_code()) == (-3, False, "tool_failed")


def test_the_working_folder_of_a_tool_is_the_worktree(bench: Bench) -> None:
    assert bench.tool(shell("pwd -P")).stdout.strip() == str(bench.worktree.resolve())


@pytest.mark.parametrize("placeholder", ["{cwd}", "{repo_root}", "{worktree_path}"])
def test_every_placeholder_of_a_folder_is_the_worktree(bench: Bench, placeholder: str) -> None:
    result = bench.tool(shell("pwd -P", working_dir=placeholder))
    assert result.stdout.strip() == str(bench.worktree.resolve())


def test_a_working_folder_may_be_below_the_worktree(bench: Bench) -> None:
    assert bench.tool(shell("pwd -P", working_dir="sub")).stdout.strip().endswith("/worktree/sub")


@pytest.mark.parametrize("outside", ["..", "/", "sub/../..", "link", "loop"])
def test_a_working_folder_outside_the_worktree_is_refused(bench: Bench, outside: str) -> None:
    (bench.worktree / "link").symlink_to("/")
    (bench.worktree / "loop").symlink_to("loop")
    with pytest.raises(ToolNotRenderable, match="outside the worktree"):
        bench.tool(shell("pwd", working_dir=outside))


def test_a_tool_sees_only_the_explicit_environment(bench: Bench) -> None:
    result = bench.tool(shell("env", env={"OWN": "{message}"}), message="m")
    seen = dict(line.split("=", 1) for line in result.stdout.splitlines())
    assert seen["OWN"] == "m"
    assert seen["HOME"] == "/nowhere"
    assert seen["TMPDIR"] == str(bench.folder / "tmp")
    assert not {"VIRTUAL_ENV", "OUR_API_KEY"} & set(seen)


def test_a_known_secret_is_neither_in_the_result_nor_in_the_log(bench: Bench) -> None:
    result = bench.command(f"echo {SECRET}; echo {SECRET} >&2")
    assert SECRET not in repr(result)
    logs = [file.read_text() for file in bench.folder.glob("*.log")]
    assert len(logs) == 2
    assert all(SECRET not in text for text in logs)


def test_output_that_is_not_wanted_is_not_kept(bench: Bench) -> None:
    result = bench.tool(shell("echo a; echo b >&2; exit 3", capture_output=False))
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 3)


def test_a_command_is_run_by_the_shell_and_shown_as_written(bench: Bench) -> None:
    result = bench.command("printf 'a\\nb\\n' | wc -l && test -d sub")
    assert (result.stdout.strip(), result.success) == ("2", True)
    assert result.command_line == "printf 'a\\nb\\n' | wc -l && test -d sub"


def test_a_commands_own_success_codes_and_time_limit_hold(bench: Bench) -> None:
    assert bench.command("exit 5", codes=(0, 5)).success
    assert bench.command("sleep 30", timeout=0.2).exit_code == -1


def test_output_that_is_no_text_is_replaced_not_refused(bench: Bench) -> None:
    assert bench.command("printf '\\377ok'").stdout == "\ufffdok"


def test_a_cancelled_run_leaves_no_process(bench: Bench, launched: Launched) -> None:
    async def job(launcher: Any) -> int:
        runner = ToolRunner(launcher=launcher, tools=ToolsSettings(), environ=OURS, redactor=Redactor())
        check = Check(name="c", command="echo $$ > pid; exec sleep 60", timeout=60.0)
        task = asyncio.create_task(runner.run_command(check, bench.context()))
        pid_file = bench.worktree / "pid"
        while not (pid_file.exists() and pid_file.read_text().strip()):
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return int(pid_file.read_text())

    pid = launched(job)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_unknown_tool_is_refused_with_the_nearest_name(bench: Bench) -> None:
    with pytest.raises(UnknownTool, match='did you mean "pytest"'):
        bench.shipped("pytests")


@pytest.mark.parametrize(
    ("tool_id", "timeout", "codes"),
    [
        ("echo", 10, (0,)),
        ("pytest", 600, (0, 5)),
        ("psscriptanalyzer", 120, (0,)),
        ("pester", 600, (0,)),
        ("ruff", 120, (0,)),
        ("black", 180, (0,)),
        ("mypy", 300, (0,)),
        ("yamllint", 120, (0,)),
        ("codespell", 120, (0,)),
        ("gitleaks", 300, (0,)),
        ("aider", 1800, (0,)),
        ("gh", 30, (0,)),
        ("sleep-test", 2, (0,)),
        ("missing-tool", 10, (0,)),
    ],
)
def test_the_shipped_profiles_are_the_contracts(tool_id: str, timeout: int, codes: tuple[int, ...]) -> None:
    profile = SHIPPED[tool_id]
    assert (profile.timeout, profile.success_criteria) == (timeout, codes)


def test_words_that_start_a_tool_are_known_without_looking_at_the_path() -> None:
    commands = ToolsSettings().commands()
    assert {"pytest", "ruff", "mypy"} <= commands
    assert "aider" not in commands
    assert list(ToolsSettings().of_type(ToolType.AI)) == ["aider"]


def test_each_run_has_ports_and_a_temporary_folder_of_its_own_which_is_gone_afterwards(
    tmp_path: Path, launched: Launched
) -> None:
    bench = Bench(tmp_path, launched)
    result = bench.command("touch $TMPDIR/left && echo $TMPDIR $PENSTOCK_PORT_BASE")
    folder, ports = result.stdout.split()
    assert folder.startswith(str(bench.folder))
    assert not os.path.lexists(folder)
    assert 20_000 < int(ports) < 32_000


def test_what_a_checkout_was_given_reaches_the_command(tmp_path: Path, launched: Launched) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mine").write_text("#!/bin/sh\necho $GIVEN\n")
    (programs / "mine").chmod(0o755)
    given = Furnishing(variables={"GIVEN": "yes"}, programs=(programs,))
    assert Bench(tmp_path, launched).command("mine", furnishing=given).stdout == "yes\n"


def test_what_a_command_dug_in_its_own_folder_is_removed_at_any_depth(bench: Bench) -> None:
    dug = bench.command("i=0; cd -P $TMPDIR; while [ $i -lt 1300 ]; do mkdir d; cd -P d; i=$((i + 1)); done")
    assert dug.success, dug.stderr
    assert not (bench.folder / "tmp").exists()


def test_a_command_that_the_machine_does_not_start_says_nothing_about_the_tree(bench: Bench) -> None:
    (bench.folder / "request.json").mkdir(parents=True)
    with pytest.raises(CommandNotStarted, match=r"`true` could not be started: .*directory"):
        bench.command("true")


@pytest.mark.parametrize("way", ["no folder", "too long"])
def test_a_command_that_can_not_be_started_by_the_fault_of_the_project_is_red(bench: Bench, way: str) -> None:
    if way == "no folder":
        (bench.worktree / "sub").rmdir()
        bench.worktree.rmdir()
    found = bench.command("true" + (" x" * 100_000 if way == "too long" else ""))
    assert found.error_code() == "tool_failed"
