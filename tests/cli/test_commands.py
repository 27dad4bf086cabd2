"""Wrong use, help, exit codes, and the commands that look: performed in this process, without a terminal."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from cli_screen import Screen

import penstock
from penstock.cli import exits
from penstock.cli.app import command_line
from penstock.cli.entry import enter, with_resume_value
from penstock.cli.main import main
from penstock.cli.reference import commands, helps, page
from penstock.cli.terminal import Terminal

if TYPE_CHECKING:
    from .conftest import Desk

ROOT = Path(__file__).resolve().parents[2]
HELPS = dict(helps(command_line(), "penstock"))
GROUPS = (
    "penstock",
    *(f"penstock {name}" for name in ("plan", "config", "tools", "budget", "agents", "epic", "prompts")),
)
COMMANDS = [path for path in HELPS if path not in GROUPS]
PROMISED = {
    *("init", "trust", "doctor", "config show", "plan check", "plan show", "plan schema", "validate", "run", "resume"),
    *("show-run", "show-dag", "show-errors", "show-events", "follow", "pause", "cancel", "approve", "reject", "demo"),
    *("abandon-run", "reset-workstream", "rollback-workstream", "recover-run", "gc"),
    *(f"worktree-{name}" for name in ("init", "list", "status", "cleanup", "validate-scope")),
    *("tools list", "tools check", "tools run"),
    *(f"epic {name}" for name in ("create", "list", "show", "approve", "reject")),
    *("advance", "artifacts", "token-report"),
    *(f"prompts {name}" for name in ("list", "show", "edit", "activate", "diff", "seed", "export", "phases")),
    *("budget show", "budget set", "replay", "agents list", "agents check", "serve", "self-improve"),
}


def in_words(value: object) -> str:
    """The id of a parameter: a command as it is typed, the rest without a name of its own."""
    return " ".join(value) if isinstance(value, list) else "-"


# help and wrong use


def test_every_promised_command_is_there() -> None:
    assert {path.removeprefix("penstock ") for path in COMMANDS} == PROMISED


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_has_an_example_that_calls_it(path: str) -> None:
    assert f"Example: {path}" in HELPS[path]


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_can_answer_as_json(path: str) -> None:
    needs_none = {"penstock plan schema", "penstock serve"}  # the one is JSON, the other answers by HTTP
    assert "--json" in HELPS[path] or path in needs_none


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_refuses_an_option_that_it_does_not_have(ask: Any, desk: Desk, path: str) -> None:
    asked = ask(*path.split(" ")[1:], "--no-such-option")
    assert asked.code == 2
    assert "--no-such-option" in asked.err
    assert f"hint: see `{path} --help`" in asked.err


@pytest.mark.parametrize("path", COMMANDS)
def test_no_command_takes_an_empty_text_for_a_name(path: str) -> None:
    """Such as a variable of a shell that is not set."""
    command = dict(commands(command_line(), "penstock"))[path]
    wanted = ["x"] * sum(one.param_type_name == "argument" and one.required for one in command.params)
    for option in (one for one in command.params if one.param_type_name == "option" and not one.is_flag):
        is_refused_later = (path, option.name) == ("penstock token-report", "output")  # a folder can't be written
        if option.metavar != "TEXT" and not is_refused_later:
            with pytest.raises(typer.BadParameter):
                command.make_context(path, [option.opts[0], "", *wanted])


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
        (["recover-run"], "needs a run"),
        (["recover-run", "nobody"], "there is no run 'nobody'"),
        (["gc", "--older-than", "-1"], "--older-than"),
        (["worktree-init", "--run-id", "r1"], "--ws-id"),
        (["worktree-init", "--run-id", "nobody", "--ws-id", "ws-a"], "there is no run 'nobody'"),
        (["worktree-status"], "--ws-id"),
        (["worktree-status", "--ws-id", "ws-a"], "no run of project has a workstream 'ws-a'"),
        (["worktree-cleanup", "--ws-id", "ws-a"], "no run of project has a workstream 'ws-a'"),
        (["worktree-validate-scope", "--ws-id", "ws-a"], "no run of project has a workstream 'ws-a'"),
        (["worktree-validate-scope", "--ws-id", "ws-a", "--files-scope", ","], "names no path"),
        *((["run", *given], "an empty text names nothing") for given in (["--resume", ""], ["--resume="])),
        (["run", "--workstream-id", ""], "Invalid value for '--workstream-id'"),
        (["show-run", ""], "an empty text names nothing"),
        (["agents", "check", "one", ""], "an empty text names nothing"),
        (["--project", "", "show-run"], "Invalid value for '--project'"),
        (["show-run", "nobody"], "there is no run 'nobody'"),
        *(([*asked, "r\udcff"], "there is no run 'r") for asked in (["show-run"], ["budget", "show", "--run"])),
        (["show-run", "a", "--id", "b"], "two runs are named"),
        (["follow"], "has no run yet"),
        (["resume"], "no run of project is unfinished"),
        *((["run", "--max-cost-usd", number], "--max-cost-usd") for number in ("-1", "nan", "inf", "1e300")),
        *((["run", "--max-tokens", number], "--max-tokens") for number in ("-1", "1.5", "many", "9" * 20)),
        *((["budget", "set", "--usd", number], "--usd") for number in ("-1", "nan", "inf", "1e300")),
        *((["budget", "set", "--tokens", number], "--tokens") for number in ("-1", "many", "9" * 20)),
        (["budget", "set"], "no cap is given"),
        (["budget", "set", "--no-limit", "--tokens", "1"], "--no-limit lifts the whole cap"),
        (["budget", "show", "--run", "nobody"], "there is no run 'nobody'"),
        (["budget", "set", "--run", "latest", "--usd", "1"], "has no run yet"),
        (["pause"], "no run of project is unfinished"),
        (["token-report", "--by", "colour"], "--by"),
        (["token-report", "--since", "yesterday"], "--since is 'yesterday'"),
        (["token-report", "--until", "2026-02-30"], "--until is '2026-02-30'"),
        (["token-report", "--calls"], "--calls gives each call by itself"),
        (["token-report", "--pipeline", "nobody"], "there is no pipeline 'nobody'"),
        (["token-report", "--pipeline", "latest"], "has no pipeline yet"),
        (["artifacts", "nobody"], "there is no pipeline 'nobody'"),
        (["artifacts", "latest"], "has no pipeline yet"),
        (["epic", "list", "--status", "odd"], "there is no status 'odd'"),
        (["epic", "list", "--limit", "0"], "--limit"),
        (["epic", "create", "a wish", "--context", "nowhere.json"], "the context can't be read from nowhere.json"),
        (["epic", "create", "a wish", "--context", "readme.txt"], "the context in readme.txt is no JSON"),
        (["epic", "create", "-", "--context", "-"], "both the wish and its context"),
        (["prompts", "show", "nobody"], "there is no prompt 'nobody'"),
        (["prompts", "show", "x" * 500], "there is no prompt"),
        (["prompts", "edit", "pm", "--file", "nowhere.txt"], "the prompt can't be read from nowhere.txt"),
        (["prompts", "phases", "--file", "readme.txt"], "is no JSON"),
        (["prompts", "activate", "pm@99"], "has no version '99'"),
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
