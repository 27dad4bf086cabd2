"""The demo of a plan of workstreams: it works again and again, alone with itself, and says no to what is not meant."""

from __future__ import annotations

import os
import re
from dataclasses import fields, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from demo_command import Recorder, follow, liar, told_commands
from demo_command import demo as any_demo

from penstock.demo import run_demo
from penstock.demo.outcome import MEANT, differences
from penstock.demo.plan import PIECES
from penstock.demo.sample import FolderNotUsable, ProgramMissing, bundle_files, make_sample
from penstock.intake import bundles

OTHER_VALUES: dict[str, Any] = {
    "run": "completed",
    "endings": {**MEANT.endings, "ws-labels": "done (merged)"},
    "fix_rounds": (*MEANT.fix_rounds, *MEANT.fix_rounds),
    "violations": (),
    "merges": MEANT.merges[1:],
    "together": (),
}


def demo(home: Path, standing: Path, *arguments: str, **environ: str) -> CompletedProcess[str]:
    """The demo that begins with a plan of workstreams."""
    return any_demo(home, standing, "--workstreams", *arguments, **environ)


@pytest.mark.slow
def test_the_demo_succeeds_twice_in_one_folder_and_leaves_both_there(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "a place with spaces"
    first = demo(home, tmp_path, "--folder", place.name)
    second = demo(home, Path("/"), "--folder", str(place))
    assert [(one.returncode, one.stderr) for one in (first, second)] == [(0, ""), (0, "")], first.stdout + second.stdout
    assert sorted(path.name for path in place.iterdir()) == ["demo-1", "mill", "state"]
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_the_demo_says_what_happened_and_where_to_look(home: Path, tmp_path: Path) -> None:
    answered = demo(home, tmp_path, "--keep")
    assert (answered.returncode, answered.stderr) == (0, ""), answered.stdout
    said = answered.stdout
    place = Path(re.findall(r"^Penstock demo in (.+)$", said, re.MULTILINE)[0])
    assert place.parent == tmp_path / "tmp"
    assert "The agents are scripted" in said
    assert "no model is called" in said
    for piece in PIECES:
        assert re.search(rf"^  {piece.id} +{re.escape(piece.ending)}$", said, re.MULTILINE)
    assert "AssertionError: 2.246 != 0.31" in said
    assert "ws-rounding touched tests/test_flow.py: out of scope: changed" in said
    patch = Path(re.findall(r"kept as a patch +(.+)$", said, re.MULTILINE)[0])
    assert "self.assertTrue(power(head=2.5, flow=0.31))" in patch.read_text()
    assert "10 tests, OK" in said
    assert "  verified together, by one verdict for the tree of all: ws-units, ws-wheel\n" in said
    assert (place / "clone/mill/report.py").is_file()
    assert re.search(r"^\d\d:\d\d:\d\d  ws-gauge +fix ", said, re.MULTILINE)


@pytest.mark.slow
def test_the_commands_that_the_demo_names_work(home: Path, tmp_path: Path) -> None:
    commands = told_commands(demo(home, tmp_path).stdout)
    assert len(commands) == 5
    for command in commands:
        done = follow(command, home)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout


@pytest.mark.slow
def test_nothing_of_the_users_own_surroundings_gets_into_the_demo(home: Path, tmp_path: Path) -> None:
    config = home / ".config/penstock/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("this is no configuration")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    trap.chmod(0o755)
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/pre-commit").symlink_to(trap)
    (home / ".gitconfig").write_text(
        f"[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = {trap}\n"
        f"[core]\n\thooksPath = {tmp_path}/hooks\n\tfsmonitor = {trap}\n"
    )
    answered = demo(
        home, tmp_path, GIT_DIR=str(tmp_path / "nowhere"), GIT_INDEX_FILE="/nowhere", PENSTOCK_EXECUTOR_MAX_PARALLEL="1"
    )
    assert answered.returncode == 0, answered.stdout + answered.stderr
    assert not (tmp_path / "ran").exists()
    assert config.read_text() == "this is no configuration"


@pytest.mark.slow
def test_the_demo_fails_when_its_tests_do_and_says_what_differs(home: Path, tmp_path: Path) -> None:
    answered = demo(home, tmp_path, PATH=liar(tmp_path))
    assert answered.returncode == 1
    assert "not as it was meant to be: fix rounds: meant was ('ws-gauge',), found was ()" in answered.stdout
    assert "not as it was meant to be: tests pass: meant was True, found was False" in answered.stdout
    assert "All of this is as it was meant to be" not in answered.stdout


@pytest.mark.slow
def test_the_run_is_shown_as_it_comes_on(tmp_path: Path) -> None:
    console = Recorder()
    assert run_demo(tmp_path / "here", keep=False, console=console).wrong == ()
    assert console.notes[0] == "run_status_changed"
    assert console.notes.count("workstream_start") == 5
    assert not (tmp_path / "here/clone").exists()


@pytest.mark.parametrize("name", [one.name for one in fields(MEANT)])
def test_each_field_that_is_otherwise_is_a_difference(name: str) -> None:
    other = OTHER_VALUES.get(name, False)
    assert differences(MEANT) == []
    (told,) = differences(replace(MEANT, **{name: other}))
    assert told.startswith(f"{name.replace('_', ' ')}: meant was ")


def test_the_samples_bundles_are_valid_and_strictly_so(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "new", os.environ, bundle_files())
    options = bundles.BundleOptions(strict=True)
    report = bundles.check(sample.project / "workstreams", options)
    assert (report.problems, report.warnings, report.bundles_checked) == ((), (), 6)
    assert {line.kind for line in report.lines} == {"command"}
    assert sample.git("status", "--porcelain") == ""


def test_a_missing_program_is_named_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="git and python3 on PATH") as raised:
        make_sample(tmp_path / "new", {"PATH": str(tmp_path)}, {})
    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(FolderNotUsable) as raised:
        make_sample(tmp_path / "taken", os.environ, {})
    assert raised.value.hint
    assert (tmp_path / "taken").read_text() == "mine"
