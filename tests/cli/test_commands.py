"""Wrong use, help, exit codes, and the commands that look: performed in this process, without a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli_screen import Screen

import penstock
from penstock.cli import exits
from penstock.cli.app import command_line
from penstock.cli.entry import enter, with_resume_value
from penstock.cli.main import main
from penstock.cli.reference import helps, page
from penstock.cli.terminal import Terminal

if TYPE_CHECKING:
    from .conftest import Desk, Said

ROOT = Path(__file__).resolve().parents[2]
HELPS = dict(helps(command_line(), "penstock"))
COMMANDS = [path for path in HELPS if path not in ("penstock", "penstock plan", "penstock config")]
PROMISED = {
    *("init", "trust", "doctor", "config show", "plan check", "plan show", "plan schema", "validate", "run", "resume"),
    *("show-run", "show-dag", "show-errors", "show-events", "follow", "pause", "cancel", "approve", "reject", "demo"),
    *("abandon-run", "reset-workstream"),
}


def in_words(value: object) -> str:
    """The id of a parameter: a command as it is typed, the rest without a name of its own."""
    return " ".join(value) if isinstance(value, list) else "-"


class Asked:
    """What a command said in this process."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def ask(desk: Desk):
    def asked(*arguments: str, **environ: str) -> Asked:
        out, err = Screen(), Screen()
        surroundings = {**desk.environ, **environ}
        terminal = Terminal.of(out, err, surroundings)
        code = enter(arguments, environ=surroundings, folder=desk.project, terminal=terminal)
        return Asked(code, out.text, err.text)

    return asked


# help and wrong use


def test_every_promised_command_is_there() -> None:
    assert {path.removeprefix("penstock ") for path in COMMANDS} == PROMISED


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_has_an_example_that_calls_it(path: str) -> None:
    assert f"Example: {path}" in HELPS[path]


def test_the_page_about_the_command_line_is_what_the_code_prints() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == page()


def test_the_readme_names_the_same_exit_codes() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [code for code in exits.MEANINGS if f"| {code} |" not in readme and code != exits.BUG]
    assert missing == []


def test_the_version_is_said_by_all_names(ask: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"penstock {penstock.__version__}\n"
    assert ask("--project", ".", "--version").out == f"penstock {penstock.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show-runn"], "Did you mean 'show-run'"),
        (["run", "--plann", "x"], "--plan"),
        (["run", "--max-parallel", "0"], "--max-parallel"),
        (["run", "--max-parallel", "many"], "--max-parallel"),
        (["run", "--run-id", "../up"], "can't name a run"),
        (["run", "--run-id", "a..b"], "can't name a run"),
        (["run", "--run-id", "latest"], "can't name a run"),
        (["run", "--plan", "a", "--workstreams-dir", "b"], "both say where"),
        (["run", "--resume", "--dry-run"], "can't be combined"),
        (["run", "--plan", "nowhere"], "nowhere"),
        (["plan", "check", "--dir", "nowhere"], ""),
        (["approve", "latest"], "either one workstream or one gate"),
        (["approve", "latest", "ws-a", "--gate", "2"], "either one workstream or one gate"),
        (["reject", "latest"], "Missing argument"),
        (["cancel"], "name it"),
        (["show-run", "nobody"], "there is no run 'nobody'"),
        (["show-run", "a", "--id", "b"], "two runs are named"),
        (["follow"], "has no run yet"),
        (["resume"], "no run of project is unfinished"),
        (["pause"], "no run of project is unfinished"),
        (["--project", "no-such-folder", "run"], "not a folder"),
    ],
    ids=in_words,
)
def test_wrong_use_ends_with_2_a_sentence_and_nothing_stored(
    ask: Any, desk: Desk, arguments: list[str], said: str
) -> None:
    asked = ask(*arguments)
    assert asked.code == 2
    assert said in asked.err + asked.out
    assert "Traceback" not in asked.err
    assert ask("show-run", "--json").json == []
    assert desk.git("status", "--porcelain") == ""


def test_outside_a_project_a_run_says_what_to_do(ask: Any, desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    asked = ask("--project", str(outside), "run")
    assert asked.code == 2
    assert "git init" in asked.err


def test_an_unexpected_error_is_one_sentence_and_a_kept_traceback_without_secrets(desk: Desk, tmp_path: Path) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise RuntimeError("token sk-secret-value-123456 in the way")

    errors = Screen()
    environ = {**desk.environ, "SOME_API_KEY": "sk-secret-value-123456"}
    terminal = Terminal.of(Broken(), errors, environ)
    assert enter(["plan", "schema"], environ=environ, folder=desk.project, terminal=terminal) == exits.BUG
    assert "this is a bug in Penstock: RuntimeError" in errors.text
    kept = list((tmp_path / "state" / "logs").glob("bug-*.txt"))
    assert len(kept) == 1
    assert str(kept[0]) in errors.text
    assert "sk-secret-value" not in kept[0].read_text(encoding="utf-8")
    assert "sk-secret-value" not in errors.text


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        (["run", "--resume"], ["run", "--resume=latest"]),
        (["run", "--resume", "--json"], ["run", "--resume=latest", "--json"]),
        (["run", "--resume", "run-1"], ["run", "--resume", "run-1"]),
        (["plan", "--resume"], ["plan", "--resume"]),
    ],
)
def test_resume_may_stand_alone(given: list[str], parsed: list[str]) -> None:
    assert with_resume_value(given) == parsed


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ({"status": "completed", "reason": None}, 0),
        ({"status": "failed", "reason": "checks_failed"}, 1),
        ({"status": "partial", "reason": "checks_failed"}, 1),
        ({"status": "abandoned", "reason": "cancelled"}, 1),
        ({"status": "failed", "reason": "environment"}, 3),
        ({"status": "paused", "reason": "environment"}, 3),
        ({"status": "paused", "reason": None}, 4),
        ({"status": "running", "reason": None}, 4),
    ],
)
def test_the_exit_code_is_the_state_of_the_run(run: dict[str, Any], code: int) -> None:
    assert exits.of_run(run) == code


# plans


def test_a_plan_is_checked_with_every_problem_at_once(ask: Any, desk: Desk) -> None:
    desk.bundle("one", gate=0)
    desk.bundle("two", depends_on=["ws-nobody"])
    asked = ask("plan", "check", "--json")
    assert asked.code == 2
    assert asked.json["ok"] is False
    assert {problem["type"] for problem in asked.json["errors"]} == {"schema", "dependency"}
    plain = ask("validate")
    assert plain.code == 2
    assert "2 problems" in plain.out


def test_a_sound_plan_says_what_each_line_was_taken_for(ask: Any, desk: Desk) -> None:
    desk.bundle("one", acceptance_tests=[{"run": "true"}, "it feels fast"])
    asked = ask("plan", "check")
    assert asked.code == 0, asked.out
    assert re.search(r"ws-one +command, run +true", asked.out)
    assert re.search(r"ws-one +prose, never counted as passed +it feels fast", asked.out)


def test_a_plan_is_shown_in_its_order(ask: Any, desk: Desk) -> None:
    desk.bundle("b")
    desk.bundle("a", depends_on=["ws-b"])
    shown = ask("plan", "show")
    assert shown.out.index("1.  ws-b") < shown.out.index("2.  ws-a")
    assert [one["id"] for one in ask("plan", "show", "--json").json["workstreams"]] == ["ws-b", "ws-a"]


def test_the_schema_is_json(ask: Any) -> None:
    assert "$schema" in ask("plan", "schema").json


# running, looking


@pytest.mark.slow
def test_a_run_is_announced_reported_and_shown(ask: Any, desk: Desk) -> None:
    desk.bundle("one")
    desk.bundle("two", depends_on=["ws-one"])
    before = desk.git("rev-parse", "main")
    asked = ask("run", "--run-id", "mine")
    assert asked.code == 0, asked.out + asked.err
    assert "branch  penstock/mine" in asked.out
    assert "git merge --ff-only penstock/mine" in asked.out
    assert desk.git("rev-parse", "main") == before
    assert desk.git("show", "penstock/mine:two.txt") == "two"
    assert ask("show-run", "--json").json[0]["run_id"] == "mine"
    view = ask("show-run", "--id", "mine", "--json").json
    assert [row["outcome"] for row in view["workstreams"]] == ["merged", "merged"]
    assert ask("show-run", "latest", "--markdown").out.startswith("# Run mine: completed")
    assert "level 2\n  ws-two  done  needs ws-one" in ask("show-dag").out
    assert [row["ws_id"] for row in ask("show-dag", "--json").json["workstreams"]] == ["ws-one", "ws-two"]
    assert ask("show-errors", "--run", "mine").out == "no errors in mine\n"
    assert ask("show-errors", "--run", "mine", "--json").json == []
    events = [json.loads(text) for text in ask("show-events", "--ws", "ws-one", "--json").out.splitlines()]
    assert {event["ws_id"] for event in events} == {"ws-one"}
    assert ask("show-events", "--ws", "ws-none").code == 2
    assert ask("follow", "mine").code == 0
    assert ask("run", "--run-id", "mine").code == 2


@pytest.mark.slow
def test_a_run_for_programs_prints_one_object_on_each_line(ask: Any, desk: Desk) -> None:
    desk.bundle("one")
    lines = [json.loads(text) for text in ask("run", "--json").out.splitlines()]
    assert lines[0]["event_type"] == "run_submitted"
    assert {"step_start", "run_status_changed"} <= {one["event_type"] for one in lines[1:-1]}
    assert (lines[-1]["status"], lines[-1]["exit_code"]) == ("completed", 0)


def test_a_dry_run_shows_order_settings_and_prompts_and_stores_nothing(ask: Any, desk: Desk) -> None:
    desk.bundle("one", tasks=["Say \x1b[2Jhello"])
    for arguments, environ in ((["run", "--dry-run"], {}), (["run"], {"PIPELINE_DRY_RUN": "1"})):
        shown = ask(*arguments, **environ)
        assert shown.code == 0, shown.err
        assert "| - Say hello" in shown.out
        assert "1.  ws-one  agent scripted" in shown.out
    assert "prompt" in ask("run", "--dry-run", "--json").json["workstreams"][0]
    assert ask("show-run", "--json").json == []
    assert desk.git("branch", "--list", "penstock/*") == ""


def test_a_project_that_is_not_trusted_runs_nothing(ask: Any, desk: Desk, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    desk.write("penstock.toml", f'[checks]\ntests = "touch {canary}"\n')
    desk.bundle("one")
    desk.commit()
    refused = ask("run")
    assert refused.code == 2
    assert str(canary) in refused.err
    assert "penstock trust" in refused.err
    shown = ask("trust", "--show")
    assert str(canary) in shown.out
    assert "not agreed to yet" in shown.out
    assert ask("run", "--dry-run").code == 2
    assert ask("trust").code == 0
    assert "agreed to already" in ask("trust", "--show").out
    assert not canary.exists()


def test_settings_are_shown_with_their_origin(ask: Any, desk: Desk) -> None:
    desk.write("penstock.toml", "[executor]\nmax_parallel = 7\n")
    rows = {row["key"]: row for row in ask("config", "show", "--json").json}
    assert rows["executor.max_parallel"] == {"key": "executor.max_parallel", "value": 7, "origin": "penstock.toml"}
    assert "executor.max_parallel" in ask("config", "show").out
    desk.write("penstock.toml", "[executor]\nmax_paralel = 7\n")
    wrong = ask("config", "show")
    assert wrong.code == 2
    assert "max_parallel" in wrong.err


def test_no_agent_is_the_environments_fault(ask: Any, desk: Desk) -> None:
    desk.bundle("one", tool=None, capability="code_generation")
    assert ask("run").code in (2, 3)
    assert ask("show-run", "--json").json == []


def test_another_database_can_be_named(ask: Any, desk: Desk, tmp_path: Path) -> None:
    desk.bundle("one")
    other = tmp_path / "other.db"
    assert ask("run", "--db", str(other)).code == 0
    assert other.is_file()
    assert ask("show-run", "--json").json == []
    assert len(ask("show-run", "--json", PENSTOCK_DATABASE=str(other)).json) == 1


# the process


@pytest.mark.slow
def test_a_reader_that_stops_reading_is_no_error(desk: Desk) -> None:
    shell = f"{sys.executable} -m penstock plan schema | head -1; echo ${{PIPESTATUS[0]}}"
    said = subprocess.run(
        [shutil.which("bash") or "bash", "-c", shell],
        env=desk.environ,
        cwd=desk.project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.stdout, said.stderr) == ("{\n0\n", "")


@pytest.mark.slow
def test_a_run_goes_on_when_nobody_reads_any_more(desk: Desk) -> None:
    desk.bundle("one")
    shell = f"{sys.executable} -m penstock run --run-id mine | head -1; echo ${{PIPESTATUS[0]}}"
    said = subprocess.run(
        ["bash", "-c", shell], env=desk.environ, cwd=desk.project, capture_output=True, text=True, check=False
    )
    assert (said.stdout, said.stderr) == ("run mine\n0\n", "")
    assert desk.run("show-run", "mine", "--json").json["status"] == "completed"


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], {"typer", "asyncio", "sqlalchemy", "pydantic", "rich"}),
        (["--help"], {"asyncio", "sqlalchemy", "pydantic", "rich", "yaml"}),
        (["run", "--help"], {"sqlalchemy", "rich", "yaml"}),
    ],
    ids=in_words,
)
def test_what_is_slow_to_import_waits_until_it_is_needed(arguments: list[str], unwanted: set[str]) -> None:
    code = (
        "import sys; from penstock.cli.main import main; code = main(sys.argv[1:]);"
        "print('modules', *{name.partition('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    said = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert unwanted & set(said.stdout.splitlines()[-1].split()) == set()


@pytest.mark.slow
def test_a_console_that_lacks_characters_gets_an_answer(desk: Desk) -> None:
    desk.bundle("one", tasks=["Grüße → 日本"])
    for environ in ({"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        said: Said = desk.run("run", "--dry-run", environ=environ)
        assert said.code == 0, said.err


@pytest.mark.slow
def test_a_run_in_a_terminal_shows_itself_live(desk: Desk) -> None:
    desk.bundle("one")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "run"],
        cwd=desk.project,
        env={**desk.environ, "TERM": "xterm", "COLUMNS": "30", "LINES": "5"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while process.poll() is None or b"--ff-only" not in seen:
        try:
            seen += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    assert process.wait() == 0
    text = seen.decode()
    assert "1 done of 1" in text
    assert "integrate  merged" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
