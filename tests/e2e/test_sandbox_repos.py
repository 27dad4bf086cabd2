"""The sandbox projects are what they are said to be: the first answer leaves a check red, the second turns it green."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from whole_runs import git, whole_run

from sandbox_support import PROJECTS, SANDBOXES, bundles, lay, scripts


def turns(name: str) -> list[object]:
    """The script's rounds for an agent that needs no model: whole files."""
    rounds = {one.name: one.deliverable or {} for one in scripts()[name].rounds}
    return [
        [{"write": {"path": path, "content": content}} for path, content in rounds[round_name].items()]
        for round_name in ("edit", "fix")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS)
def test_the_edit_is_not_enough_and_the_fix_is(name: str, tmp_path: Path) -> None:
    project = lay(name, tmp_path / "project", agent="scripted", metadata={"scripted": turns(name)})

    ended = whole_run(project, tmp_path / "home", "r1")

    assert ended.run["status"] == "completed"
    assert [one["step"] for one in ended.attempts if one["step"] in ("edit", "fix")] == ["edit", "fix"]
    for path, content in (scripts()[name].rounds[-1].deliverable or {}).items():
        assert git(project, "show", f"penstock/r1:{path}") == content.rstrip("\n")

    prompts = [file.read_text() for file in (tmp_path / "home").rglob("prompt.txt")]
    played = sorted(scripts()[name].round_for(prompt).name for prompt in prompts)
    assert played == ["edit", "fix"], "the errors in the fix's prompt are what its round is known by"


@pytest.mark.parametrize("name", PROJECTS)
def test_a_script_finds_its_project_by_what_is_asked(name: str) -> None:
    asked = "\n".join(line for _, bundle in bundles(SANDBOXES / name) for line in bundle["tasks"])
    assert [one.name for one in scripts().values() if any(word in asked for word in one.about)] == [name]


def test_every_sandbox_has_its_script() -> None:
    folders = {one.name for one in SANDBOXES.iterdir() if (one / "penstock.toml").is_file()}
    assert folders == set(PROJECTS) == set(scripts())


def test_the_workstreams_go_to_the_agent_that_is_named(tmp_path: Path) -> None:
    project = lay("python-bug", tmp_path / "project", agent="codex")
    assert [bundle["tool"] for _, bundle in bundles(project)] == ["codex"]
    shown = json.loads(git(project, "show", "HEAD:workstreams/ws-median.json"))
    assert shown["tool"] == "codex"
