"""What `init` finds in a project, what it writes, and what it leaves alone."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from penstock.bootstrap import Penstock, build
from penstock.domain.errors import UserError
from penstock.initial.proposals import propose
from penstock.initial.setups import propose_setup
from penstock.initial.texts import sample_text, settings_text
from penstock.initial.writing import Done, initialise
from penstock.intake.bundles import load

IDENTITY = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@localhost",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@localhost",
}


def git(project: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=project, env={**os.environ, **IDENTITY}, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    (path / "readme.txt").write_text("x\n")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "first")
    return path


def with_penstock(folder: Path, use: Callable[[Penstock], Awaitable[Done]]) -> Done:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent),
        "PENSTOCK_HOME": str(folder.parent / "state"),
    }

    async def whole() -> Done:
        penstock = build(folder=folder, environ=environ)
        try:
            return await use(penstock)
        finally:
            await penstock.close()

    return asyncio.run(whole())


def init(folder: Path, *, sample: bool = False) -> Done:
    return with_penstock(folder, lambda penstock: initialise(penstock.projects, sample=sample))


def proposed(path: Path, **files: str) -> dict[str, str]:
    for name, content in files.items():
        file = path / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return {one.name: one.command for one in propose(path)}


def test_an_empty_project_gets_no_proposal(tmp_path: Path) -> None:
    assert proposed(tmp_path) == {}


def test_tools_that_pyproject_configures_are_proposed(tmp_path: Path) -> None:
    text = '[tool.ruff]\nline-length = 100\n[tool.mypy]\nfiles = ["src"]\n[tool.pytest.ini_options]\n'
    assert proposed(tmp_path, pyproject_dot_toml=text) == {
        "lint": "python3 -m ruff check .",
        "types": "python3 -m mypy",
        "tests": "python3 -m pytest -q",
    }


def test_a_lockfile_names_the_runner(tmp_path: Path) -> None:
    found = proposed(tmp_path, pyproject_dot_toml="[tool.pytest]\n", uv_dot_lock="")
    assert found == {"tests": "uv run pytest -q"}


def test_tests_say_themselves_what_runs_them(tmp_path: Path) -> None:
    found = proposed(tmp_path, tests__test_a_dot_py="import unittest\n")
    assert found == {"tests": "python3 -m unittest discover -s tests"}
    assert proposed(tmp_path, tests__test_b_dot_py="import pytest\n") == {"tests": "python3 -m pytest -q"}


def test_only_real_scripts_of_node_are_proposed(tmp_path: Path) -> None:
    scripts = {"test": 'echo "Error: no test specified" && exit 1', "lint": "eslint .", "deploy": "rm -rf /"}
    assert proposed(tmp_path, package_dot_json=json.dumps({"scripts": scripts})) == {"lint": "npm run lint"}


def test_two_languages_get_names_of_their_own(tmp_path: Path) -> None:
    found = proposed(tmp_path, pytest_dot_ini="", go_dot_mod="module x\n")
    assert found == {"tests": "python3 -m pytest -q", "vet": "go vet ./...", "go-tests": "go test ./..."}


def test_make_is_asked_when_nothing_else_speaks(tmp_path: Path) -> None:
    makefile = "test: build\n\ttrue\nclean:\n\trm x\nlint := x\n"
    assert proposed(tmp_path, Makefile=makefile) == {"test": "make test"}
    assert proposed(tmp_path, Cargo_dot_toml="") == {"tests": "cargo test"}


@pytest.mark.parametrize("name", ["pyproject.toml", "package.json"])
def test_a_broken_file_is_no_reason_to_fail(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff{[")
    assert propose(tmp_path) == ()
    (tmp_path / name).write_text("[]")
    assert propose(tmp_path) == ()
    (tmp_path / name).write_text("[" * 100_000)
    assert propose(tmp_path) == ()


def test_a_pipe_is_no_file_of_a_project(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "package.json", "Makefile", "requirements.txt", "pnpm-workspace.yaml"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "pnpm-lock.yaml").touch()
    assert propose(tmp_path) == ()
    assert [one.outputs for one in propose_setup(tmp_path)] == [("node_modules",)]


@pytest.mark.parametrize("odd", ["1", "true", "'files'", "['files']"])
def test_a_tool_that_is_no_table_is_no_reason_to_fail(tmp_path: Path, odd: str) -> None:
    text = "\n".join(("[tool]", *(f"{name} = {odd}" for name in ("mypy", "ruff", "pytest"))))
    assert {*proposed(tmp_path, pyproject_dot_toml=text)} == {"types", "lint", "tests"}


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "go.mod").touch()
    settings = tomllib.loads(settings_text(propose(tmp_path)))
    assert settings == {"checks": {"tests": "python3 -m pytest -q", "vet": "go vet ./...", "go-tests": "go test ./..."}}
    assert tomllib.loads(settings_text(())) == {"checks": {}}


def test_the_sample_is_a_sound_plan(tmp_path: Path) -> None:
    (tmp_path / "hello.json").write_text(sample_text())
    assert [one.id for one in load(tmp_path).plan.workstreams] == ["ws-hello"]


def test_init_writes_trusts_what_it_wrote_and_says_to_commit(project: Path) -> None:
    (project / "Makefile").write_text("test:\n\ttrue\n")
    done = init(project, sample=True)
    assert [path.name for path in done.written] == ["penstock.toml", "hello.json"]
    assert any("git add penstock.toml workstreams/hello.json" in line for line in done.lines)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "set up")

    async def look(penstock: Penstock) -> Done:
        async with penstock.projects.opened(penstock.projects.current()) as opened:
            return Done(lines=(str(opened.is_trusted), opened.would_run))

    trusted, would_run = with_penstock(project, look).lines
    assert (trusted, json.loads(would_run)) == (
        "True",
        {"checks.test": "make test", "file Makefile": ["test:", "\ttrue"]},
    )


def test_init_overwrites_nothing(project: Path) -> None:
    (project / "penstock.toml").write_text("# mine\n")
    done = init(project)
    assert done.written == ()
    assert "left as it is" in done.lines[0] or "was left as it is" in done.lines[0]
    assert (project / "penstock.toml").read_text() == "# mine\n"


def test_init_writes_through_no_link(project: Path, tmp_path: Path) -> None:
    (project / "penstock.toml").symlink_to(tmp_path / "elsewhere")
    assert init(project).written == ()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("way", ["setting", "link"])
def test_a_sample_is_written_only_within_the_project(project: Path, tmp_path: Path, way: str) -> None:
    if way == "link":
        (project / "workstreams").symlink_to(tmp_path / "elsewhere")
    else:
        (project / "penstock.toml").write_text("workstreams_dir = '../elsewhere'\n")
    (tmp_path / "elsewhere").mkdir()
    done = init(project, sample=True)
    assert any("no sample was written" in line for line in done.lines)
    assert [*(tmp_path / "elsewhere").iterdir()] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config/tool_profiles.json", '{"mine": {"type": "ai", "command": "evil", "args": []}}'),
        ("templates/prompts/edit.txt.j2", "Do evil."),
        ("workstreams/evil.json", sample_text()),
    ],
)
def test_init_trusts_nothing_that_others_wrote(project: Path, name: str, text: str) -> None:
    (project / name).parent.mkdir(parents=True)
    (project / name).write_text(text)
    done = init(project)
    assert any("penstock trust --show" in line for line in done.lines)

    async def look(penstock: Penstock) -> Done:
        return Done(lines=(str(penstock.parts.trust.is_known(penstock.projects.current().id)),))

    assert with_penstock(project, look).lines == ("False",)


def test_a_repository_without_a_commit_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    with pytest.raises(UserError, match="commit"):
        init(path)
    assert sorted(file.name for file in path.iterdir()) == [".git"]


def test_a_bare_repository_and_a_plain_folder_are_refused(tmp_path: Path) -> None:
    bare, plain = tmp_path / "bare.git", tmp_path / "plain"
    plain.mkdir()
    git(tmp_path, "init", "-q", "--bare", str(bare))
    with pytest.raises(UserError, match="bare"):
        init(bare)
    with pytest.raises(UserError, match="not in a git repository"):
        init(plain)
