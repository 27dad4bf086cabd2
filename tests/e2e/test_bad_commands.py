"""Bad commands and bad settings: a clear sentence, exit code 2, a hint, nothing changed, no run stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input_support import UNCHECKED, Bench

pytestmark = pytest.mark.slow

COMMANDS = (
    (("runn",), "Did you mean 'run'?"),
    (("plan", "chek"), "Did you mean 'check'"),
    (("run", "--max-paralel", "2"), "--max-parallel"),
    (("run", "--max-parallel", "0"), "--max-parallel"),
    (("run", "--max-parallel", "x"), "--max-parallel"),
    (("run", "extra"), "extra"),
    (("run", "--run-id", "../x"), "'../x' can't name a run"),
    (("run", "--run-id", "r1"), "there is a run 'r1' already"),
    (("run", "--workstream-id", "ws-q"), "no workstream 'ws-q'; it has: ws-a"),
    (("run", "--plan", "x", "--workstreams-dir", "y"), "both say where"),
    (("run", "--resume", "r1", "--plan", "x"), "--resume goes on with a stored run"),
    (("--project", "nowhere", "run"), "is not a folder"),
    (("--project", "~nobody-here/x", "run"), "~nobody-here/x begins with a home folder"),
    (("run", "--db", "~nobody-here/x"), "~nobody-here/x begins with a home folder"),
    (("show-run", "r9"), "there is no run 'r9'; the newest are r1"),
    (("show-run", "../../etc/passwd"), "there is no run"),
    (("follow", "r9"), "there is no run"),
    (("resume", "r9"), "there is no run"),
    (("pause", "r9"), "there is no run"),
    (("cancel", "r9"), "there is no run"),
    (("cancel",), "name it"),
    (("abandon-run", "r9"), "there is no run"),
    (("approve", "r9", "ws-a"), "there is no run"),
    (("approve", "r1"), "either one workstream or one gate"),
    (("approve", "r1", "ws-q"), "no workstream 'ws-q'"),
    (("approve", "r1", "ws-a"), "ws-a is done, not waiting for a review"),
    (("approve", "r1", "--gate", "7"), "no gate 7"),
    (("reject", "r1"), "WS"),
    (("reject", "r1", "ws-a"), "ws-a is done"),
    (("reset-workstream", "r1", "ws-a"), "only a failed workstream can be reset"),
    (("reset-workstream", "r1", "ws-q"), "no workstream 'ws-q'"),
    (("resume", "r1"), "run r1 is completed: nothing in it can go on"),
    (("resume",), "is unfinished"),
    (("pause", "r1"), "run r1 is completed"),
    (("cancel", "r1"), "completed"),
    (("show-events", "r1", "--ws", "ws-q"), "no workstream 'ws-q'"),
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("done"))
    assert bench.said("run", "--run-id", "r1").code == 0
    return bench


@pytest.mark.parametrize(("arguments", "words"), COMMANDS, ids=[" ".join(arguments) for arguments, _ in COMMANDS])
def test_a_wrong_command_is_refused(arguments: tuple[str, ...], words: str, done: Bench) -> None:
    assert words in done.refused(*arguments)


SETTLED = (
    ("an unknown key", "[executer]\nx = 1\n", 'penstock.toml:1: unknown key "executer"; did you mean "executor"?'),
    ("a wrong type", '[executor]\nmax_parallel = "two"\n', "penstock.toml:2: executor.max_parallel must be a whole"),
    ("no TOML", "[checks\n", "penstock.toml can't be read"),
    ("a key given twice", '[checks]\nw = "a"\nw = "b"\n', "a key is given twice (at line 3"),
    ("what only the user may say", '[agents.x]\ncommand = ["a"]\n', "penstock.toml:2: agents.x.command belongs"),
)


@pytest.mark.parametrize(("settings", "words"), [row[1:] for row in SETTLED], ids=[row[0] for row in SETTLED])
def test_bad_settings_are_refused(settings: str, words: str, done: Bench) -> None:
    done.settle(settings)
    assert words in done.refused("run")


def test_a_key_in_two_files_names_both(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings='base_branch = "main"\n[checks]\nw = "true"\n')
    (bench.project / "config").mkdir()
    (bench.project / "config/base_branch.txt").write_text("main\n")
    said = bench.refused("run")
    assert "config/base_branch.txt: base_branch is also given in penstock.toml:1" in said


def test_bad_variables_and_files_of_the_user_are_refused(done: Bench, tmp_path: Path) -> None:
    done.settle(UNCHECKED)
    assert "did you mean PENSTOCK_AGENT?" in done.refused("run", PENSTOCK_AGNET="x")
    assert "must be a whole number" in done.refused("run", PENSTOCK_EXECUTOR_MAX_PARALLEL="x")
    assert "nowhere.json can't be read" in done.refused("run", PIPELINE_TOOL_PROFILES_PATH="nowhere.json")
    (tmp_path / "penstock/config.toml").mkdir(parents=True)
    assert "config.toml can't be read: Is a directory" in done.refused("run", XDG_CONFIG_HOME=str(tmp_path))
