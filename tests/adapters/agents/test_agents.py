from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.adapters.agents import (
    AgentSettings,
    CommandAgent,
    ScriptedAgent,
    ScriptInvalid,
    read_script,
)
from penstock.adapters.agents.attempt import LONGEST_WORD
from penstock.adapters.agents.command import AgentProfileUnfit, profile_of
from penstock.adapters.agents.scripted import ScriptUnreadable
from penstock.domain.plan import Scope, Workstream
from penstock.domain.redaction import Redactor
from penstock.domain.tools import ToolProfile, ToolType
from penstock.ports import AgentReport, AgentTask, Furnishing

Launched = Callable[[Callable[[Any], Awaitable[Any]]], Any]
WORKSTREAM = Workstream(id="ws-a", tasks=("do it",), scope=Scope(files=("src/",)))
SECRET = "hunter2-hunter2"
OURS = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "OUR_API_KEY": SECRET}


class Bench:
    """A worktree and a way to let an agent work in it."""

    def __init__(self, root: Path, launched: Launched) -> None:
        self.root, self.worktree = root, root / "worktree"
        self.worktree.mkdir()
        self.launched = launched

    def task(self, number: int = 1, *, timeout: float = 30.0, prompt: str = "do it", **more: Any) -> AgentTask:
        return AgentTask(
            worktree=self.worktree,
            folder=self.root / f"attempt-{number}",
            prompt=prompt,
            marker=f"home:run/ws/{number}",
            timeout=timeout,
            number=number,
            step="edit" if number == 1 else "fix",
            workstream=WORKSTREAM,
            **more,
        )

    def play(self, *turns: list[object], number: int = 1, timeout: float = 30.0) -> AgentReport:
        return self._work(lambda launcher: self.scripted(launcher, list(turns)), self.task(number, timeout=timeout))

    def scripted(self, launcher: Any, script: object) -> ScriptedAgent:
        return ScriptedAgent(launcher=launcher, environ=OURS, redactor=Redactor([SECRET]), scripts={"ws-a": script})

    def command(self, *argv: str, task: AgentTask | None = None, **profile: Any) -> AgentReport:
        described = ToolProfile(type=ToolType.AI, command=argv[0], args=argv[1:], **profile)
        return self._work(lambda launcher: self.commanded(launcher, described), task or self.task())

    def commanded(self, launcher: Any, profile: ToolProfile) -> CommandAgent:
        return CommandAgent(
            name="mine", profile=profile, launcher=launcher, environ=OURS, redactor=Redactor([SECRET]), model="m-1"
        )

    def _work(self, make: Callable[[Any], Any], task: AgentTask) -> AgentReport:
        report = self.launched(lambda launcher: make(launcher).work(task))
        assert isinstance(report, AgentReport)
        return report


@pytest.fixture
def bench(tmp_path: Path, launched: Launched) -> Bench:
    return Bench(tmp_path, launched)


def test_a_script_edits_the_worktree_in_a_real_process(bench: Bench) -> None:
    (bench.worktree / "old.txt").write_text("one two two")
    (bench.worktree / "gone").mkdir()
    (bench.worktree / "gone" / "file").write_text("x")
    report = bench.play(
        [
            {"write": {"path": "src/new.txt", "content": "ä\n"}},
            {"append": {"path": "src/new.txt", "content": "more"}},
            {"replace": {"path": "old.txt", "old": "two", "new": "2"}},
            {"delete": "gone"},
            {"chmod": {"path": "old.txt", "mode": "755"}},
            {"symlink": {"path": "link", "target": "old.txt"}},
            {"hardlink": {"path": "hard", "target": "old.txt"}},
            {"mkdir": "empty/below"},
            {"run": [sys.executable, "-c", "open('ran', 'w').close()"]},
            {"say": "finished"},
        ]
    )
    assert (report.ending, report.exit_code) == ("finished", 0)
    assert report.output.endswith("finished\n")
    assert (bench.worktree / "src/new.txt").read_bytes() == "ä\nmore".encode()
    assert (bench.worktree / "old.txt").read_text() == "one 2 two"
    assert not (bench.worktree / "gone").exists()
    assert (bench.worktree / "old.txt").stat().st_mode & 0o777 == 0o755
    assert (bench.worktree / "link").readlink() == Path("old.txt")
    assert (bench.worktree / "hard").stat().st_nlink == 2
    assert (bench.worktree / "empty/below").is_dir()
    assert (bench.worktree / "ran").exists()


def test_each_attempt_plays_its_turn(bench: Bench) -> None:
    turns: list[list[object]] = [[{"say": "first"}], [{"say": "second"}]]
    assert [bench.play(*turns, number=number).output for number in (1, 2, 3)] == [
        "first\n",
        "second\n",
        "second\n",
    ]


def test_an_agent_that_lies_finishes_and_edits_nothing(bench: Bench) -> None:
    assert bench.play(["lie"]).ending == "finished"
    assert list(bench.worktree.iterdir()) == []


def test_an_action_that_can_not_be_done_fails_the_attempt(bench: Bench) -> None:
    report = bench.play([{"replace": {"path": "absent", "old": "a", "new": "b"}}])
    assert (report.ending, report.exit_code) == ("failed", 4)


@pytest.mark.parametrize(
    ("crash", "sentence"),
    [({"code": 7}, "exit code 7"), ({"signal": "KILL"}, "signal 9"), ({"signal": "SIGSEGV"}, "signal 11")],
)
def test_a_crash_is_a_failure_in_words(bench: Bench, crash: dict[str, object], sentence: str) -> None:
    report = bench.play([{"crash": crash}])
    assert report.ending == "failed"
    assert sentence in report.sentence


def test_an_agent_that_hangs_is_stopped_when_its_time_is_over(bench: Bench) -> None:
    assert bench.play(["hang"], timeout=0.3).ending == "timed_out"


@pytest.mark.slow
@pytest.mark.parametrize("setsid", [False, True])
def test_a_child_left_behind_is_stopped_before_it_writes(bench: Bench, setsid: bool) -> None:
    late = {"path": "late", "content": "x", "after": 1.0, "setsid": setsid}
    report = bench.play([{"spawn": late}])
    assert report.ending == "finished"
    assert "left behind" in report.sentence
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert not (bench.worktree / "late").exists()
        time.sleep(0.1)


def test_a_script_that_is_unsound_starts_nothing(bench: Bench) -> None:
    with pytest.raises(ScriptInvalid, match='unknown action "wrte"'):
        bench.play([{"wrte": {}}])
    assert not (bench.root / "attempt-1" / "request.json").exists()


def test_a_workstream_without_a_script_of_its_own_plays_the_common_one(bench: Bench) -> None:
    agent = ScriptedAgent(launcher=None, environ=OURS, redactor=Redactor(), common=[["nothing"]])  # type: ignore[arg-type]  # nothing is started
    assert agent.script_of("ws-b") == [["nothing"]]


def test_a_workstream_without_any_script_is_refused(bench: Bench) -> None:
    agent = ScriptedAgent(launcher=None, environ=OURS, redactor=Redactor())  # type: ignore[arg-type]  # nothing is started
    with pytest.raises(ScriptInvalid, match='"ws-b"'):
        agent.script_of("ws-b")


def test_an_attempt_that_has_ended_is_not_started_again(bench: Bench) -> None:
    turn: list[object] = [{"append": {"path": "count", "content": "x"}}, {"say": "once"}]
    first, second = bench.play(turn), bench.play(turn)
    assert (bench.worktree / "count").read_text() == "x"
    assert second == first


def test_a_command_gets_its_prompt_by_file_outside_the_worktree(bench: Bench) -> None:
    report = bench.command(
        "/bin/sh", "-c", 'cat "$1"; echo; echo "$2"; pwd -P', "sh", "{prompt_file}", "{model_name}",
        task=bench.task(prompt="a prompt with ü"),
    )  # fmt: skip
    assert report.ending == "finished"
    assert report.output.splitlines() == ["a prompt with ü", "m-1", str(bench.worktree.resolve())]
    assert list(bench.worktree.iterdir()) == []
    recorded = json.loads((bench.root / "attempt-1" / "request.json").read_text())
    assert "a prompt" not in json.dumps(recorded)
    assert (bench.root / "attempt-1" / "prompt.txt").stat().st_mode & 0o777 == 0o600


def test_a_command_sees_no_key_of_ours(bench: Bench) -> None:
    assert "OUR_API_KEY" not in bench.command("/usr/bin/env").output


def test_what_an_agent_prints_is_redacted_in_report_and_log(bench: Bench) -> None:
    report = bench.command("/bin/echo", SECRET)
    assert report.output == "[redacted]\n"
    assert SECRET not in (bench.root / "attempt-1" / "stdout.log").read_text()


def test_a_command_that_is_not_there_is_said_so(bench: Bench) -> None:
    report = bench.command("nonexistent-agent-12345")
    assert report.ending == "not_found"
    assert "nonexistent-agent-12345" in report.sentence


def test_a_command_that_this_machine_does_not_let_begin_is_no_failure_of_its_own(bench: Bench) -> None:
    closed = bench.root / "closed-agent"
    closed.write_text("#!/bin/sh\n")
    report = bench.command(str(closed))
    assert (report.ending, report.exit_code) == ("not_started", None)
    assert "could not be started: " in report.sentence
    assert bench.command("/bin/true", "x" * LONGEST_WORD, task=bench.task(2)).ending == "failed"


def test_an_agent_gets_the_programs_of_its_worktree_and_is_never_one_of_them(bench: Bench) -> None:
    programs = bench.root / "made"
    programs.mkdir()
    for name in ("cat", "planted-agent-12345", "tool"):
        (programs / name).write_text("#!/bin/sh\necho planted\n")
        (programs / name).chmod(0o755)
    given = Furnishing(variables={"GIVEN": "yes"}, programs=(programs,))
    echo = bench.command("sh", "-c", "echo $GIVEN; tool", task=bench.task(1, furnishing=given))
    assert echo.output == "yes\nplanted\n"
    assert bench.command("cat", "/dev/null", task=bench.task(2, furnishing=given)).output == ""
    assert bench.command("planted-agent-12345", task=bench.task(3, furnishing=given)).ending == "not_found"


def test_the_shorter_of_both_time_limits_holds(bench: Bench) -> None:
    assert bench.command("/bin/sleep", "30", timeout=0.2).ending == "timed_out"
    assert bench.command("/bin/sleep", "30", task=bench.task(2, timeout=0.2), timeout=60.0).ending == "timed_out"


def test_the_profiles_success_codes_hold(bench: Bench) -> None:
    assert bench.command("/bin/sh", "-c", "exit 3", success_criteria=(0, 3)).ending == "finished"


def test_a_cancelled_attempt_leaves_no_process(bench: Bench) -> None:
    pid_file = bench.worktree / "pid"

    async def job(launcher: Any) -> None:
        agent = bench.scripted(launcher, [[{"run": ["/bin/sh", "-c", "echo $$ > pid; exec sleep 60"]}]])
        task = asyncio.create_task(agent.work(bench.task()))
        while not (pid_file.exists() and pid_file.read_text().strip()):
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    bench.launched(job)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_script_file_may_be_yaml_or_json(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("- - write: {path: a, content: b}\n")
    (tmp_path / "a.json").write_text('[[{"write": {"path": "a", "content": "b"}}]]')
    assert read_script(tmp_path / "a.yaml") == read_script(tmp_path / "a.json") != []


@pytest.mark.parametrize("content", [None, b"\xff", b"a: ["])
def test_a_script_file_that_can_not_be_read_is_an_error_with_its_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(ScriptUnreadable, match=r"bad\.yaml"):
        read_script(tmp_path / "bad.yaml")


PROFILES = {
    "aider": ToolProfile(type=ToolType.AI, command="aider", env={"A": "1"}),
    "ruff": ToolProfile(type=ToolType.STATIC_CHECK, command="ruff"),
}


def test_an_agent_is_called_by_the_profile_of_its_name_with_the_users_binary() -> None:
    profile = profile_of("aider", AgentSettings(binary="/opt/aider", env={"B": "2"}), PROFILES)
    assert (profile.command, profile.env) == ("/opt/aider", {"A": "1", "B": "2"})


def test_an_agents_memory_is_what_it_says_itself_or_else_its_profile() -> None:
    profiles = {"aider": replace(PROFILES["aider"], memory_mb=700)}
    assert profile_of("aider", AgentSettings(), profiles).memory_mb == 700
    assert profile_of("aider", AgentSettings(memory_mb=0), profiles).memory_mb == 0
    assert profile_of("mine", AgentSettings(command=("x",)), profiles).memory_mb == 512
    assert profile_of("mine", AgentSettings(command=("x",), memory_mb=9), profiles).memory_mb == 9


def test_an_agent_may_be_called_by_a_profile_of_another_name() -> None:
    assert profile_of("mine", AgentSettings(tool="aider"), PROFILES).command == "aider"


def test_an_agent_may_bring_its_own_command() -> None:
    profile = profile_of("mine", AgentSettings(command=("my-agent", "{prompt_file}")), PROFILES)
    assert (profile.command, profile.args) == ("my-agent", ("{prompt_file}",))


def test_a_project_can_not_say_which_binary_the_users_agent_is() -> None:
    with pytest.raises(AgentProfileUnfit, match="only the project's profile"):
        profile_of("mine", AgentSettings(tool="aider"), PROFILES, of_project={"aider"})
    binary = AgentSettings(tool="aider", binary="/opt/aider")
    assert profile_of("mine", binary, PROFILES, of_project={"aider"}).command == "/opt/aider"


@pytest.mark.parametrize(("tool", "found"), [("ruff", "has the type static_check"), ("absent", "is not there")])
def test_only_a_profile_of_type_ai_can_edit(tool: str, found: str) -> None:
    with pytest.raises(AgentProfileUnfit, match=found):
        profile_of("mine", AgentSettings(tool=tool), PROFILES)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ("a",), "tool": "b"},
        {"command": ("a",), "binary": "b"},
        {"kind": "command", "script": "a"},
        {"kind": "scripted", "tool": "a"},
    ],
)
def test_settings_that_contradict_themselves_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"leave out|played by"):
        AgentSettings(**fields)
