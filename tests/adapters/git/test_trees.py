"""What differs between two trees is what git says, loose or packed; a tree that is not sound is refused."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import pytest
from git_bench import Bench, git
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.adapters.git.objects import parse_raw
from penstock.adapters.git.own import OwnRepository
from penstock.adapters.git.runner import Call, Git
from penstock.adapters.git.trees import Entry, Trees, TreeUnreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

RAW = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev")
SEGMENTS = st.sampled_from(["a", "a.b", "a-b", "b", "é", "new\nline", "\udcff"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)
ENTRIES = st.tuples(st.sampled_from(["100644", "100755", "120000", "160000"]), st.sampled_from("12"))
TREES = st.dictionaries(PATHS, ENTRIES, max_size=6)


def _made(bare_git: Git, files: Mapping[str, tuple[str, str]]) -> str:
    """A tree of these files; a path below another's is left out."""
    fitting = {path: entry for path, entry in files.items() if not any(path.startswith(f"{one}/") for one in files)}
    return _tree(bare_git, {path.split("/", 1)[0] for path in fitting}, fitting)


def _tree(bare_git: Git, names: set[str], files: Mapping[str, tuple[str, str]]) -> str:
    lines = []
    for name in sorted(names):
        if name in files:
            mode, digit = files[name]
            lines.append(f"{mode} {'commit' if mode == '160000' else 'blob'} {digit * 40}\t{name}")
        else:
            inner = {path[len(name) + 1 :]: entry for path, entry in files.items() if path.startswith(f"{name}/")}
            folder = _tree(bare_git, {path.split("/", 1)[0] for path in inner}, inner)
            lines.append(f"040000 tree {folder}\t{name}")
    stdin = b"".join(os.fsencode(line) + b"\0" for line in lines)
    return bare_git.run("mktree", "-z", "--missing", call=Call(stdin=stdin)).text


@settings(max_examples=40, deadline=None)
@given(old=TREES, new=TREES)
def test_two_trees_differ_as_git_says(
    bare_git: Git, old: Mapping[str, tuple[str, str]], new: Mapping[str, tuple[str, str]]
) -> None:
    before, after = _made(bare_git, old), _made(bare_git, new)
    assert Trees(bare_git).differences(before, after) == parse_raw(bare_git.run(*RAW, before, after).fields)


def test_packed_trees_take_one_process_for_each_level_and_none_again(bench: Bench) -> None:
    for number in range(5):
        (bench.user / f"part{number}").mkdir()
        (bench.user / f"part{number}/file.py").write_text("one\n")
    git(bench.user, "add", ".")
    git(bench.user, "commit", "--quiet", "-m", "more")
    head = bench.fetch()
    git(bench.own, "repack", "-adq")
    own = OwnRepository(bench.settings)
    trees = [git(bench.own, "rev-parse", f"{commit}^{{tree}}") for commit in (f"{head}~1", head)]
    found = own.commits.trees.differences(trees[0], trees[1])
    assert [one.change.path for one in found] == [f"part{number}/file.py" for number in range(5)]
    assert own.git.processes == 2
    assert own.commits.trees.differences(trees[1], trees[0]) != found
    assert own.git.processes == 2


def test_the_paths_of_a_later_commit_need_no_second_listing(bench: Bench) -> None:
    own = OwnRepository(bench.settings)
    before = own.commits.paths(bench.base)
    (bench.user / "src/app.py").unlink()
    (bench.user / "docs/second.md").write_text("new\n")
    git(bench.user, "add", "--all")
    git(bench.user, "commit", "--quiet", "-m", "other files")
    head = bench.fetch()
    assert own.commits.paths(head) == before - {"src/app.py"} | {"docs/second.md"}
    assert own.commits.paths(head) == frozenset(git(bench.own, "ls-tree", "-r", "--name-only", head).splitlines())


def test_a_tree_whose_bytes_are_not_what_its_name_says_is_not_believed(bench: Bench) -> None:
    tree = git(bench.own, "rev-parse", f"{bench.base}^{{tree}}")
    place = bench.own / "objects" / tree[:2] / tree[2:]
    place.chmod(0o644)
    place.write_bytes(zlib.compress(b"tree 0\0"))
    empty = git(bench.own, "hash-object", "-t", "tree", "-w", os.devnull)
    trees = Trees(Git(bench.settings))
    with pytest.raises(TreeUnreadable):
        trees.differences(empty, tree)


def test_a_name_that_stands_twice_in_a_tree_hides_nothing(bench: Bench) -> None:
    blob = bytes.fromhex(git(bench.own, "rev-parse", f"{bench.base}:src/app.py"))
    raw = bench.root / "raw"
    raw.write_bytes((b"100644 x\0" + blob) + (b"100755 x\0" + blob))
    twice = git(bench.own, "hash-object", "-t", "tree", "-w", "--literally", str(raw))
    empty = git(bench.own, "hash-object", "-t", "tree", "-w", os.devnull)
    with pytest.raises(TreeUnreadable):
        Trees(Git(bench.settings)).differences(empty, twice)


def _conflict(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether a file of one stands where the other has a folder."""
    return any(path.startswith(f"{one}/") or one.startswith(f"{path}/") for path in old for one in new)


@settings(max_examples=60, deadline=None)
@given(old=TREES, new=TREES)
def test_a_tree_with_changes_is_the_one_that_git_makes(
    bare_git: Git, old: Mapping[str, tuple[str, str]], new: Mapping[str, tuple[str, str]]
) -> None:
    before, after = _made(bare_git, old), _made(bare_git, new)
    found = Trees(bare_git).differences(before, after)
    entries = {one.change.path: None if one.change.is_deleted else Entry(one.change.new_mode, one.new) for one in found}
    made = Trees(bare_git).changed(before, entries)
    assert made == after or (made is None and _conflict(old, new))


def test_a_tree_of_which_all_is_taken_out_is_the_empty_one(bare_git: Git) -> None:
    before = _made(bare_git, {"a/b": ("100644", "1")})
    assert Trees(bare_git).changed(before, {"a/b": None}) == bare_git.run("mktree", call=Call(stdin=b"")).text
