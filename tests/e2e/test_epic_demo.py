"""`penstock demo`: a sentence becomes merged code, from anywhere, with nothing but PATH and HOME; else it says so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from penstock.demo.epic import EPIC, MEANT, differences
from penstock.epics.recordings import name_of, shipped

OTHER: dict[str, Any] = {"way": ("pm_phase", "failed"), "artifacts": ("epic",)}


def demo(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The real command, without a terminal, for a user who has nothing but a home folder and PATH."""
    (folder / "home").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "penstock", "demo", *arguments],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "TMPDIR": str(folder), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.slow
def test_a_sentence_becomes_merged_code_again_and_again(tmp_path: Path) -> None:
    place = tmp_path / "a place with spaces"
    answers = [demo(tmp_path, "--folder", str(place)) for _ in range(2)]
    assert [(one.returncode, one.stderr) for one in answers] == [(0, "")] * 2, answers[0].stdout + answers[1].stdout
    said = answers[0].stdout
    assert EPIC in said
    assert "no key, no network" in said
    assert re.search(r"^  qa_phase +back to dev_phase: ", said, re.MULTILINE)
    assert re.search(r"its tests, run in a clean clone: \d+ tests, OK", said)
    assert "main is as it was" in said
    assert "All of this is as it was meant to be." in said
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.slow
def test_the_commands_that_it_names_work(tmp_path: Path) -> None:
    said = demo(tmp_path).stdout
    commands = [line.strip() for line in said.partition("Look further\n")[2].splitlines() if line.startswith("  ")]
    assert len(commands) == 4
    for command in commands:
        told = command.replace(" penstock ", f" {sys.executable} -m penstock ")
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
        done = subprocess.run(["sh", "-c", told], env=environ, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), command
        assert done.stdout


@pytest.mark.slow
def test_live_without_a_key_says_what_to_set(tmp_path: Path) -> None:
    answered = demo(tmp_path, "--live")
    assert answered.returncode == 3
    assert "ANTHROPIC_API_KEY" in answered.stderr


def test_a_plan_of_workstreams_asks_no_model_of_anybodys(tmp_path: Path) -> None:
    answered = demo(tmp_path, "--live", "--workstreams")
    assert answered.returncode == 2
    assert "asks no model" in answered.stderr


@pytest.mark.parametrize("name", [one.name for one in fields(MEANT)])
def test_each_field_that_is_otherwise_is_a_difference(name: str) -> None:
    assert differences(MEANT, is_live=False) == []
    (told,) = differences(replace(MEANT, **{name: OTHER.get(name, False)}), is_live=False)
    assert told.startswith(f"{name.replace('_', ' ')}: meant was ")


def test_a_live_model_may_take_another_way_to_the_same_end() -> None:
    assert differences(replace(MEANT, way=("pm_phase", "complete")), is_live=True) == []
    assert len(differences(replace(MEANT, way=("pm_phase", "failed")), is_live=True)) == 1


def test_the_epic_of_the_demo_has_a_recording() -> None:
    assert shipped()[name_of(EPIC)] == EPIC
