"""The demo of an epic: it works again and again, from anywhere, without a key, and says no to what is not meant."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from demo_command import Recorder, demo, follow, liar, told_commands

from penstock.bootstrap import Penstock
from penstock.demo import run_epic_demo
from penstock.demo.epic import EPIC, MEANT, differences
from penstock.demo.sample import SETTINGS, make_sample, without_reviews
from penstock.epics import EpicWish, NoUpstream
from penstock.epics.recordings import named

OTHER_VALUES: dict[str, Any] = {"way": (*MEANT.way[:-1], "failed"), "artifacts": MEANT.artifacts[1:]}
PHASES = ("pm_phase", "arch_phase", "ba_phase", "dev_phase", "qa_phase", "commit_phase")


@pytest.mark.slow
def test_the_demo_succeeds_twice_in_one_folder_and_leaves_both_there(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "a place with spaces"
    first = demo(home, tmp_path, "--folder", place.name)
    second = demo(home, Path("/"), "--folder", str(place))
    assert [(one.returncode, one.stderr) for one in (first, second)] == [(0, ""), (0, "")], first.stdout + second.stdout
    assert sorted(path.name for path in place.iterdir()) == ["demo-1", "mill", "state"]
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_the_demo_says_what_happened_and_names_commands_that_work(home: Path, tmp_path: Path) -> None:
    answered = demo(home, tmp_path, "--keep")
    said = answered.stdout
    assert (answered.returncode, answered.stderr) == (0, ""), said
    place = Path(re.findall(r"^Penstock demo in (.+)$", said, re.MULTILINE)[0])
    assert place.parent == tmp_path / "tmp"
    assert f"  {EPIC}\n" in said
    assert "recorded beforehand" in said
    for phase in PHASES:
        assert re.search(rf"^  {phase} +begins", said, re.MULTILINE), phase
        assert re.search(rf"^  {phase} +[1-9]", said.partition("The bill\n")[2], re.MULTILINE), phase
    assert re.search(r"^  qa_phase +back to dev_phase: .*refuse it with ValueError", said, re.MULTILINE)
    assert "9 tests, OK" in said
    assert "main is as it was" in said
    assert (place / "clone/mill/households.py").is_file()
    commands = told_commands(said)
    assert len(commands) == 4
    for command in commands:
        done = follow(command, home)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout


@pytest.mark.slow
def test_neither_settings_nor_keys_of_the_user_get_into_the_demo(home: Path, tmp_path: Path) -> None:
    config = home / ".config/penstock/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("this is no configuration")
    (home / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = /nowhere\n")
    planted = "sk-ant-planted-in-the-shell-0123456789"
    answered = demo(home, tmp_path, ANTHROPIC_API_KEY=planted, PENSTOCK_UPSTREAM="nothing", GIT_DIR="/nowhere")
    assert answered.returncode == 0, answered.stdout + answered.stderr
    assert config.read_text() == "this is no configuration"
    made = [file for file in (tmp_path / "tmp").rglob("*") if file.is_file()]
    assert made
    assert [file for file in made if planted.encode() in file.read_bytes()] == []


@pytest.mark.slow
def test_the_demo_fails_when_its_tests_do_and_says_what_differs(home: Path, tmp_path: Path) -> None:
    answered = demo(home, tmp_path, "--json", PATH=liar(tmp_path))
    assert answered.returncode == 1, answered.stderr
    told = json.loads(answered.stdout)
    assert told["outcome"]["tests_pass"] is False
    assert told["wrong"] == ["tests pass: meant was True, found was False"]


@pytest.mark.slow
def test_the_epic_is_shown_as_it_comes_on_and_the_clone_goes(tmp_path: Path) -> None:
    console = Recorder()
    seen = run_epic_demo(tmp_path / "here", keep=False, is_live=False, console=console)
    assert (seen.wrong, seen.outcome) == ((), MEANT)
    assert seen.folder == tmp_path / "here"
    assert not (tmp_path / "here/clone").exists()
    assert console.lines[-1] == "All of this is as it was meant to be."


@pytest.mark.slow
@pytest.mark.parametrize("asked", [(), ("--folder", "tmp/mine")])
def test_live_without_a_key_says_what_is_to_be_set_and_leaves_nothing(
    home: Path, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    answered = demo(home, tmp_path, "--live", *asked)
    assert answered.returncode == 3, answered.stdout
    assert "Your own models are asked" in answered.stdout
    assert "ANTHROPIC_API_KEY" in answered.stderr
    assert "hint: set it in your environment" in answered.stderr
    assert [str(path.relative_to(tmp_path)) for path in (tmp_path / "tmp").rglob("*")] == list(asked[1:])


@pytest.mark.slow
def test_a_demo_that_has_asked_a_model_stays_when_the_next_question_has_nobody_to_go_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_phase(_: object, penstock: Penstock, __: object) -> str:
        penstock.projects.trust_here(penstock.projects.current())
        pipeline, _created = await penstock.epics.create(EpicWish(description=EPIC))
        await penstock.epics.advance(pipeline)
        raise NoUpstream("the key was taken away")

    monkeypatch.setattr("penstock.demo.epic.work", one_phase)
    with pytest.raises(NoUpstream):
        run_epic_demo(tmp_path / "here", keep=False, is_live=False, console=Recorder())
    assert (tmp_path / "here/state/penstock.db").exists()
    assert (tmp_path / "here/mill").exists()


@pytest.mark.slow
def test_live_and_workstreams_exclude_each_other(home: Path, tmp_path: Path) -> None:
    answered = demo(home, tmp_path, "--live", "--workstreams", "--folder", "new")
    assert answered.returncode == 2
    assert "hint: leave out --live or --workstreams" in answered.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", [one.name for one in fields(MEANT)])
@pytest.mark.parametrize("is_live", [False, True])
def test_each_field_that_is_otherwise_is_a_difference(name: str, is_live: bool) -> None:
    other = replace(MEANT, **{name: OTHER_VALUES.get(name, False)})
    assert differences(MEANT, is_live=is_live) == []
    (told,) = differences(other, is_live=is_live)
    assert told.startswith(f"{name.replace('_', ' ')}: meant was ")


def test_only_a_live_model_may_take_another_way_to_the_same_end() -> None:
    straight = replace(MEANT, way=("pm_phase", "arch_phase", "ba_phase", "dev_phase", "qa_phase", *MEANT.way[-2:]))
    assert differences(straight, is_live=True) == []
    assert len(differences(straight, is_live=False)) == 1


def test_a_recording_is_shipped_for_the_demos_epic() -> None:
    assert named(EPIC)


def test_nobody_reviews_each_workstream_of_an_epic(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "new", os.environ, without_reviews())
    settings = (sample.project / SETTINGS).read_text()
    assert "approvals" not in settings
    assert "[checks" in settings
    assert sample.git("status", "--porcelain") == ""
