"""A known program gets its worktree, its prompt and a way to its models, and nothing else of the user's."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from programs_support import FOREIGN, KEY, PROMPT, TELLS, USERS, install, recorded_argv, task

from penstock.adapters.agents.attempt import TAIL
from penstock.adapters.agents.catalogue import agent_of, program_of
from penstock.adapters.agents.program import ProgramAgent, declared_files
from penstock.adapters.agents.settings import AgentSettings, AgentsSettings
from penstock.adapters.agents.surroundings import Surroundings
from penstock.adapters.agents.verdicts import LONGEST_SENTENCE
from penstock.adapters.processes.confiner import Confiner, unconfined
from penstock.adapters.processes.trial import Trial
from penstock.domain.errors import Bug
from penstock.domain.plan import Scope
from penstock.domain.redaction import Redactor
from penstock.ports import AgentReport

Launched = Callable[[Callable[[Any], Awaitable[Any]]], Any]
NAMES = ("aider", "claude", "codex", "opencode")
BY_INPUT = ("claude", "codex", "opencode")


class Place:
    """A folder to work in, with agents that only tell how they were called."""

    def __init__(self, root: Path, launched: Launched, confiner: Confiner | None = None) -> None:
        self.root, self.launched, self.confiner = root, launched, confiner or unconfined()
        self.home = root / "attempt/home"

    def work(self, name: str, settings: AgentSettings | None = None, **more: Any) -> AgentReport:
        async def job(launcher: Any) -> Any:
            agent = agent_of(name, AgentsSettings(agents={name: settings} if settings else {}), self.of(launcher))
            return await agent.work(task(self.root, agent.protocols[0], **more))

        report = self.launched(job)
        assert isinstance(report, AgentReport)
        return report

    def of(self, launcher: Any) -> Surroundings:
        return Surroundings(
            launcher=launcher,
            environ={**USERS, "HOME": str(self.root / "user")},
            redactor=Redactor([FOREIGN]),
            confiner=self.confiner,
            agents_folder=self.root / "agents",
        )

    def told(self, name: str) -> list[str]:
        return (self.home / name).read_text().splitlines()

    @property
    def variables(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.told("variables") if "=" in line)


@pytest.fixture
def place(tmp_path: Path, launched: Launched) -> Place:
    for name in NAMES:
        install(tmp_path / "agents", name)
    (tmp_path / "user").mkdir()
    return Place(tmp_path, launched)


@pytest.mark.parametrize("name", NAMES)
def test_no_key_of_the_users_and_no_prompt_is_seen_from_outside(place: Place, name: str) -> None:
    place.work(name)
    seen = "\n".join((*place.told("arguments"), *place.told("variables"), *recorded_argv(place.root)))
    assert FOREIGN not in seen
    assert "elsewhere.example" not in seen
    assert PROMPT not in seen
    assert KEY not in " ".join((*place.told("arguments"), *recorded_argv(place.root)))


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_comes_by_standard_input_or_by_file_and_that_input_ends(place: Place, name: str) -> None:
    place.work(name)
    assert place.told("input") == ([PROMPT] if name in BY_INPUT else [])
    assert (place.root / "attempt/prompt.txt").read_text() == PROMPT
    assert (str(place.root / "attempt/prompt.txt") in place.told("arguments")) is (name not in BY_INPUT)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_for_a_program_is_for_its_owner_alone(place: Place, name: str) -> None:
    place.work(name)
    written = [path for path in (place.root / "attempt").rglob("*") if path.is_file() and path.parent.name != "home"]
    assert written
    assert [path for path in written if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_works_in_the_worktree_with_a_home_of_its_own(place: Place, name: str) -> None:
    place.work(name)
    assert place.told("folder") == [str((place.root / "worktree").resolve())]
    assert place.variables["HOME"] == str(place.home)
    assert place.variables["PENSTOCK_ATTEMPT"] == "home:run/ws/1"
    assert list((place.root / "worktree").iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_program_that_only_exits_well_has_failed(place: Place, name: str) -> None:
    report = place.work(name)
    assert (report.ending, report.exit_code) == ("failed", 0)
    assert "(exit code 0)" in report.sentence


def test_a_program_that_proves_its_work_has_finished_and_what_it_claims_is_kept(place: Place) -> None:
    usage = '{"input_tokens":7,"output_tokens":2}'
    ends = f'{{"type":"result","is_error":false,"terminal_reason":"completed","result":"Done","usage":{usage}}}'
    install(place.root / "agents", "claude", f"#!/bin/sh\ncat >/dev/null\necho '{ends}'\necho {KEY}\nexit 3\n")
    report = place.work("claude")
    assert (report.ending, report.claimed) == ("finished", "7 tokens in, 2 out")
    assert KEY not in report.output + (place.root / "attempt/stdout.log").read_text()


def test_no_part_of_a_secret_is_told_where_a_long_text_is_cut(place: Place) -> None:
    told = "x" * (LONGEST_SENTENCE - len(FOREIGN)) + f" {FOREIGN} and more"
    ends = json.dumps({"type": "result", "is_error": True, "terminal_reason": "api_error", "result": told})
    output = f"{FOREIGN} {'y' * (TAIL - len(FOREIGN) // 2)}"
    script = f"#!/bin/sh\ncat >/dev/null\ncat <<'END'\n{ends}\n{output}\nEND\n"
    install(place.root / "agents", "claude", script)
    report = place.work("claude")
    assert len(report.sentence) < LONGEST_SENTENCE + 100
    assert len(report.output) == TAIL
    assert FOREIGN[:8] not in report.sentence
    assert FOREIGN[-8:] not in report.output


def test_a_program_that_a_signal_ended_has_failed_whatever_it_proved(place: Place) -> None:
    ends = '{"type":"result","is_error":false,"terminal_reason":"completed","result":"Done"}'
    install(place.root / "agents", "claude", f"#!/bin/sh\ncat >/dev/null\necho '{ends}'\nkill -KILL $$\n")
    assert place.work("claude").sentence == "was ended by signal 9"


@pytest.mark.parametrize(
    ("name", "planted"), [("codex", ".codex/config.toml"), ("aider", ".gitconfig"), ("opencode", ".config/opencode")]
)
def test_nothing_is_written_into_the_home_of_a_program_that_has_ended(place: Place, name: str, planted: str) -> None:
    users = place.root / "user" / "file"
    users.write_text("the user's")
    link = f'rm -rf "$HOME/{planted}"; ln -s {users} "$HOME/{planted}"'
    install(place.root / "agents", name, f"#!/bin/sh\ncat >/dev/null\n{link}\n")
    first = place.work(name)
    assert place.work(name) == first  # as its next owner does, where the first one died before it could say so
    assert users.read_text() == "the user's"


def test_a_program_that_is_nowhere_is_said_so(place: Place) -> None:
    report = place.work("codex", AgentSettings(binary="codex-that-is-nowhere"))
    assert report.ending == "not_found"
    assert "codex-that-is-nowhere" in report.sentence


def test_what_the_users_settings_add_is_added_and_never_a_way_past_the_gateway(place: Place) -> None:
    own = AgentSettings(args=("--effort", "high"), env={"RUSTFLAGS": "-g", "HOME": "/elsewhere"}, home=(".gitconfig",))
    place.work("claude", own)
    assert place.told("arguments")[-2:] == ["--effort", "high"]
    assert place.variables["RUSTFLAGS"] == "-g"
    assert place.variables["HOME"] == str(place.home)


def test_tools_of_the_users_home_are_found_though_its_home_is_another(place: Place) -> None:
    (place.root / "user/.pyenv").mkdir()
    place.work("claude")
    assert place.variables["PYENV_ROOT"] == str(place.root / "user/.pyenv")


def test_a_program_without_a_way_to_its_models_is_our_own_mistake(place: Place) -> None:
    async def job(launcher: Any) -> Any:
        agent = agent_of("claude", AgentsSettings(), place.of(launcher))
        return await agent.work(replace(task(place.root, "anthropic"), visit=None))

    with pytest.raises(Bug, match="no way to one"):
        place.launched(job)


def test_what_it_takes_and_may_is_what_its_settings_say_or_what_was_seen() -> None:
    def made(settings: AgentSettings) -> ProgramAgent:
        surroundings = Surroundings(launcher=None, environ={}, redactor=Redactor())  # type: ignore[arg-type]  # nothing is started
        program = program_of("opencode", settings)
        return ProgramAgent(name="opencode", program=program, settings=settings, surroundings=surroundings)

    plain, own = made(AgentSettings()), made(AgentSettings(memory_mb=0, max_calls=9, model="strong"))
    assert (plain.memory_mb, plain.max_calls, plain.model, plain.is_contained) == (930, 0, "", False)
    assert (own.memory_mb, own.max_calls, own.model) == (0, 9, "strong")


def test_only_files_that_are_there_and_named_one_by_one_are_handed_over(tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("x")
    worktree = tmp_path / "worktree"
    (worktree / "src").mkdir(parents=True)
    for name in ("src/a.py", "-b.py", "c[1].py"):
        (worktree / name).write_text("x")
    (worktree / "link.py").symlink_to(outside)
    (worktree / "out").symlink_to(tmp_path)
    names = ("src/a.py", "src/a.py", "src", "src/*.py", "c[1].py", "-b.py", "link.py", "out/secret", "../secret")
    scope = Scope(files=names, create=("src/new.py", "src/a.py"))
    assert declared_files(worktree, scope) == ("src/a.py", "./-b.py")


def test_no_more_names_are_handed_over_than_a_command_line_takes(tmp_path: Path) -> None:
    names = tuple(f"{number:03}-{'x' * 200}" for number in range(400))
    for name in names:
        (tmp_path / name).touch()
    assert declared_files(tmp_path, Scope(files=names)) == names[:200]


@pytest.fixture
def confined(open_place: Path, launched: Launched, trial: Trial) -> Place:
    """The same where processes are confined and the folder of agents is hidden."""
    user = open_place / "user"
    confiner = Confiner(
        trial=trial,
        mode="required",
        home=user,
        hidden=(open_place / "agents",),
        readable=(open_place / "agents/bin",),
    )
    user.mkdir()
    return Place(open_place, launched, confiner)


@pytest.mark.parametrize("name", NAMES)
def test_a_confined_agent_is_started_from_a_folder_that_is_hidden_but_for_it(confined: Place, name: str) -> None:
    install(confined.root / "agents", name)
    report = confined.work(name)
    assert (report.confined, report.ending) == (True, "failed")
    assert confined.told("input") == ([PROMPT] if name in BY_INPUT else [])


def test_a_program_that_lies_among_a_users_secrets_is_shown_without_them(confined: Place) -> None:
    packages = confined.root / "user/.claude/local/node_modules"
    program = packages / "@anthropic-ai/claude-code/claude"
    program.parent.mkdir(parents=True)
    look = f'ls -A {confined.root}/user/.claude {confined.root}/user/.claude/local > "$HOME/seen"\n'
    program.write_text(TELLS + look)
    program.chmod(0o755)
    (confined.root / "user/.claude/credentials").write_text("secret")
    link = confined.root / "user/.claude/local/claude"
    link.symlink_to(program)
    report = confined.work("claude", AgentSettings(binary=str(link)))
    assert report.confined
    assert confined.told("input") == [PROMPT]
    seen = confined.told("seen")
    assert "node_modules" in seen
    assert "credentials" not in seen


def test_an_environment_of_python_is_shown_with_its_interpreter(confined: Place) -> None:
    root = confined.root / "user/.config/penstock/aider"
    (root / "bin").mkdir(parents=True)
    (root / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (root / "bin/python").symlink_to(os.path.realpath("/bin/sh"))
    program = root / "bin/aider"
    program.write_text(TELLS.replace("#!/bin/sh", f"#!{root}/bin/python"))
    program.chmod(0o755)
    assert confined.work("aider", AgentSettings(binary=str(program))).confined
    assert confined.told("folder") == [str((confined.root / "worktree").resolve())]
