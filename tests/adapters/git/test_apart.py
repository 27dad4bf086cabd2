"""A merge without git gives what git gives, or leaves it to git."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.adapters.git.apart import merged_apart
from penstock.adapters.git.commits import Commits
from penstock.adapters.git.runner import Call, Git
from penstock.domain.changes import Stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

STAMP = Stamp(message="made", at=datetime(2026, 5, 4, tzinfo=UTC))
LINES = "".join(f"line {number}\n" for number in range(20))
FILES = st.dictionaries(
    st.sampled_from(["a", "b", "c/d", "c/e", "c/f/g", "h"]), st.sampled_from(["", "one\n", LINES, LINES + "more\n"])
)


def commit(bare_git: Git, commits: Commits, files: Mapping[str, str], *parents: str) -> str:
    """A commit of these files."""
    index = {"GIT_INDEX_FILE": str(bare_git.settings.home / f"index-{os.urandom(4).hex()}")}
    lines = []
    for path, content in files.items():
        blob = bare_git.run("hash-object", "-w", "--stdin", call=Call(stdin=content.encode())).text
        lines.append(f"100644 {blob}\t{path}")
    bare_git.run("update-index", "--add", "--index-info", call=Call(stdin="\n".join(lines).encode(), extra=index))
    return commits.make(bare_git.run("write-tree", call=Call(extra=index)).text, parents, STAMP)


def by_git(bare_git: Git, ours: str, theirs: str) -> tuple[int, str]:
    answer = bare_git.run("merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs, call=Call(accept=(0, 1)))
    return answer.code, answer.fields[0]


@settings(max_examples=60, deadline=None)
@given(before=FILES, ours=FILES, step=FILES, theirs=FILES)
def test_a_merge_is_the_one_that_git_makes(
    bare_git: Git, before: dict[str, str], ours: dict[str, str], step: dict[str, str], theirs: dict[str, str]
) -> None:
    commits = Commits(bare_git)
    start = commit(bare_git, commits, before)
    side = commit(bare_git, commits, theirs, commit(bare_git, commits, step, start))
    other = commit(bare_git, commits, {**before, "x": "merged before"}, start)
    head = commit(bare_git, commits, {**ours, "x": "merged before"}, start, other)
    found = merged_apart(commits, head, side)
    assert found is None or (0, found) == by_git(bare_git, head, side)
    changed = {path for path in {*before, *ours} if before.get(path) != ours.get(path)}
    if changed.isdisjoint(path for path in {*before, *theirs} if before.get(path) != theirs.get(path)):
        assert found is not None


def test_what_was_merged_and_taken_back_is_left_to_git(bare_git: Git) -> None:
    commits = Commits(bare_git)
    start = commit(bare_git, commits, {"a": "one\n"})
    side = commit(bare_git, commits, {"a": "one\n", "b": "two\n"}, start)
    merged = commit(bare_git, commits, {"a": "one\n", "b": "two\n"}, start, side)
    back = commit(bare_git, commits, {"a": "one\n"}, merged)
    more = commit(bare_git, commits, {"a": "one\n", "b": "two\n", "c": "three\n"}, side)
    assert merged_apart(commits, back, more) is None
    assert merged_apart(commits, start, more) is not None


def test_a_branch_that_has_merged_is_left_to_git(bare_git: Git) -> None:
    commits = Commits(bare_git)
    start = commit(bare_git, commits, {"a": "one\n"})
    head = commit(bare_git, commits, {"a": "one\n", "b": "two\n"}, start)
    mixed = commit(
        bare_git,
        commits,
        {"a": "one\n", "b": "two\n", "c": "3\n"},
        commit(bare_git, commits, {"c": "3\n"}, start),
        head,
    )
    assert merged_apart(commits, commit(bare_git, commits, {"d": "4\n"}, start), mixed) is None


def test_both_sides_of_one_path_or_of_what_lies_below_it_are_left_to_git(bare_git: Git) -> None:
    commits = Commits(bare_git)
    start = commit(bare_git, commits, {"a": LINES, "z": "z"})
    first = commit(bare_git, commits, {"a": "begin\n" + LINES, "z": "z"}, start)
    last = commit(bare_git, commits, {"a": LINES + "end\n", "z": "z"}, start)
    folder = commit(bare_git, commits, {"n/b": "in a folder", "a": LINES, "z": "z"}, start)
    file = commit(bare_git, commits, {"n": "a file", "a": LINES, "z": "z"}, start)
    assert merged_apart(commits, first, last) is None
    assert merged_apart(commits, folder, file) is None
    assert by_git(bare_git, first, last)[0] == 0
