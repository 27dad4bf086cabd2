"""What is taken without a git process is what git would take; whatever could be read in two ways is left to git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git_bench import Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.adapters.git import folders
from penstock.adapters.git.plain import plain_tree
from penstock.adapters.git.runner import Call, View

DECLARED = ("src/", "made/", "top.txt", "link")


@pytest.fixture
def desk(bench: Bench, told: list[str]) -> Bench:
    bench.prepare()
    told.clear()
    return bench


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def bench(tmp_path: Path, told: list[str]) -> Bench:
    made = Bench(tmp_path, effect=told.append, is_exposed=lambda: False)
    made.make_user(
        {"src/app.py": "one\n", "src/deep/er/x.py": "x\n", "docs/text.md": "text\n", ".gitignore": "*.log\n"}
    )
    made.fetch()
    return made


def by_git(bench: Bench) -> str:
    """The tree that git takes of the worktree, with an index of its own."""
    view = View(worktree=bench.worktree, index=bench.root / f"index-{os.urandom(4).hex()}")
    own = bench.project._own.git
    own.run("read-tree", bench.base, call=Call(view=view))
    own.run("add", "--all", "--force", call=Call(view=view))
    return own.run("write-tree", call=Call(view=view)).text


def plainly(bench: Bench) -> str | None:
    """The tree that is taken without git."""
    desk = bench.project._capturer._desks.get(bench.place)
    assert desk is not None
    found = folders.survey(bench.worktree)
    return plain_tree(bench.project._own, bench.worktree, found, desk.known, DECLARED)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["src/app.py", "src/deep/er/x.py", "src/new.py", "made/a/b.txt", "made/c", "top.txt"]),
        st.sampled_from(["write", "run", "remove", "link", "nothing"]),
        st.binary(max_size=20),
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_plain_changes_give_the_tree_that_git_gives(desk: Bench, changes: list[tuple[str, str, bytes]]) -> None:
    desk.prepare()
    for path, what, content in changes:
        target = desk.worktree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if what != "nothing":
            target.unlink(missing_ok=True)
        if what in {"write", "run"}:
            target.write_bytes(content)
            target.chmod(0o755 if what == "run" else 0o644)
        elif what == "link":
            target.symlink_to("app.py")
    assert plainly(desk) == by_git(desk)


def test_no_git_process_takes_what_is_plain(desk: Bench, told: list[str]) -> None:
    (desk.worktree / "src/app.py").write_text("two\n")
    (desk.worktree / "made").mkdir()
    (desk.worktree / "made/new.txt").write_text("new\n")
    found = desk.capture(*DECLARED)
    assert {change.path for change in found.changes} == {"src/app.py", "made/new.txt"}
    assert {name for name in told if name.startswith("git ")} <= {
        f"git cat-file{end}" for end in ("", " started", " done")
    }


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("other/undeclared.txt", "a rule about ignoring could hold it"),
        ("src/.gitattributes", "* text eol=crlf"),
        ("src/.gitmodules", "what git itself reads"),
        ("src/git~1", "a name for .git elsewhere"),
        ("src/caf\N{LATIN SMALL LETTER E WITH ACUTE}.py", "two ways to write it"),
        ("src/back\\slash", "a folder elsewhere"),
        ("src/ends in a dot.", "not a name everywhere"),
        ("src/con:stream", "not a name everywhere"),
    ],
)
def test_what_could_be_read_in_two_ways_is_left_to_git(desk: Bench, path: str, content: str) -> None:
    (desk.worktree / path).parent.mkdir(exist_ok=True)
    (desk.worktree / path).write_text(content)
    assert plainly(desk) is None


def test_a_file_in_a_folders_place_is_left_to_git(desk: Bench) -> None:
    folders.remove(desk.worktree / "src/deep")
    (desk.worktree / "src/deep").write_text("a file now")
    assert plainly(desk) is None


def test_an_index_that_somebody_wrote_is_not_believed(desk: Bench) -> None:
    known = desk.project._capturer._desks.get(desk.place).known
    known.index.write_bytes(known.index.read_bytes()[:-1] + b"x")
    assert plainly(desk) is None
