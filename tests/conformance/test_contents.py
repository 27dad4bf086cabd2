"""What commits hold, read in bulk: the same from git and from memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from penstock.adapters.clock import SystemClock
from penstock.adapters.git.layout import GitSettings, Person
from penstock.adapters.git.project import GitProject
from penstock.adapters.memory import MemoryProject
from penstock.ports import Contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD = {"src/app.py": "one\n", "docs/a.md": "text\n", "gone.txt": "old\n"}
NEW = {"src/app.py": "one\ntwo\n", "docs/a.md": "text\n", "new.py": "new"}


class History(NamedTuple):
    """Two commits, and who reads them."""

    contents: Contents
    base: str
    commit: str


def in_memory(_folder: Path) -> History:
    project = MemoryProject(files=OLD)
    commit = project._commit(NEW, (project.base,), "second").commit
    return History(project, project.base, commit)


def in_git(folder: Path) -> History:
    user = folder / "user"
    user.mkdir()

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=Someone", "-c", "user.email=some@one", "-c", "init.defaultBranch=main")
        done = subprocess.run(["git", *identity, *arguments], cwd=user, capture_output=True, check=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    commits = []
    for files in (OLD, NEW):
        for path in OLD:
            (user / path).unlink(missing_ok=True)
        for path, text in files.items():
            (user / path).parent.mkdir(exist_ok=True)
            (user / path).write_text(text)
        git("add", "--all")
        git("commit", "--quiet", "-m", "commit")
        commits.append(git("rev-parse", "HEAD"))
    author = Person(name="Ada", email="ada@example.org")
    settings = GitSettings(
        home=folder / "home",
        worktree_root=folder / "trees",
        user_repository=user,
        author=author,
        search_path=os.environ["PATH"],
    )
    project = GitProject(settings, SystemClock())
    asyncio.run(project.fetch(None))
    return History(project, *commits)


@pytest.fixture(params=[in_memory, in_git])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> History:
    make: Callable[[Path], History] = request.param
    return make(tmp_path)


def test_every_file_is_listed_in_order_with_its_size(history: History) -> None:
    found = asyncio.run(history.contents.listing(history.commit))
    assert [(one.path, one.size) for one in found] == [("docs/a.md", 5), ("new.py", 3), ("src/app.py", 8)]


def test_the_same_content_has_the_same_identity(history: History) -> None:
    old = {one.path: one.identity for one in asyncio.run(history.contents.listing(history.base))}
    new = {one.path: one.identity for one in asyncio.run(history.contents.listing(history.commit))}
    assert old["docs/a.md"] == new["docs/a.md"]
    assert old["src/app.py"] != new["src/app.py"]


def test_listed_files_are_read_by_path(history: History) -> None:
    listed = asyncio.run(history.contents.listing(history.commit))
    wanted = [one for one in listed if one.path != "new.py"]
    found = asyncio.run(history.contents.contents(wanted))
    assert found == {"docs/a.md": b"text\n", "src/app.py": b"one\ntwo\n"}
    assert asyncio.run(history.contents.contents([])) == {}


def test_a_diff_tells_what_came_went_and_changed(history: History) -> None:
    text = asyncio.run(history.contents.diff(history.base, history.commit, max_bytes=10_000))
    told = [line for line in text.splitlines() if not line.startswith(("index ", "new file", "deleted file"))]
    assert told == [
        *("diff --git a/gone.txt b/gone.txt", "--- a/gone.txt", "+++ /dev/null", told[3], "-old"),
        *("diff --git a/new.py b/new.py", "--- /dev/null", "+++ b/new.py", told[8], "+new"),
        "\\ No newline at end of file",
        *("diff --git a/src/app.py b/src/app.py", "--- a/src/app.py", "+++ b/src/app.py", told[14], " one", "+two"),
    ]


def test_a_diff_that_is_too_long_says_so_in_a_line_of_its_own(history: History) -> None:
    text = asyncio.run(history.contents.diff(history.base, history.commit, max_bytes=60))
    assert text.splitlines()[0] == "diff --git a/gone.txt b/gone.txt"
    assert text.endswith("[... the diff is longer than 60 bytes: the rest is left out here ...]\n")
    assert len(text) < 200
