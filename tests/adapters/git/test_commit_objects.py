"""A commit that we write is the one that git would have made; what is not plain is git's to make."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from git_bench import AT, Bench, git
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.adapters.git.layout import GitSettings, Person
from penstock.adapters.git.own import OwnRepository
from penstock.adapters.git.runner import Call, Git
from penstock.adapters.git.writing import commit_content, write_commit
from penstock.domain.changes import Stamp

if TYPE_CHECKING:
    from pathlib import Path

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NAMES = st.one_of(
    st.text(max_size=12), st.sampled_from(["Ada Łovelace", "O'Brien.", "a < b", "_x_", "x\x01y", "J. R. d'A b"])
)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> GitSettings:
    """An empty repository of Penstock's, with the empty tree in it."""
    home = tmp_path_factory.mktemp("own")
    author = Person(name="Ada", email="ada@example.org")
    made = GitSettings(home=home, worktree_root=home, user_repository=home, author=author)
    made = replace(made, search_path=os.environ["PATH"])
    subprocess.run(["git", "init", "--quiet", "--bare", str(made.repository)], check=True)
    Git(made).run("mktree")
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=NAMES,
    address=NAMES,
    message=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80),
    at=st.integers(min_value=10**8, max_value=4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_a_commit_that_we_write_has_the_name_that_git_gives_it(
    blank: GitSettings, name: str, address: str, message: str, at: datetime
) -> None:
    person = replace(blank, author=Person(name=name, email=address))
    stamp = Stamp(message=message, at=at)
    ours = write_commit(person, EMPTY_TREE, [], stamp)
    if ours is not None:
        theirs = Git(person).run("commit-tree", EMPTY_TREE, call=Call(stamp=stamp, stdin=message.encode())).text
        assert ours == theirs


def test_a_merge_that_we_write_is_sound_and_repeats(bench: Bench) -> None:
    own = OwnRepository(bench.settings)
    tree, stamp = git(bench.own, "rev-parse", f"{bench.base}^{{tree}}"), Stamp(message="work\n\nmore", at=AT)
    one = own.commits.make(tree, [bench.base], stamp)
    two = own.commits.make(tree, [bench.base, one], stamp)
    git(bench.own, "fsck", "--strict", two)
    assert git(bench.own, "log", "-1", "--format=%P %an %cn %at %B", two) == (
        f"{bench.base} {one} Ada Penstock {int(AT.timestamp())} work\n\nmore"
    )
    assert OwnRepository(bench.settings).commits.make(tree, [bench.base, one], stamp) == two
    assert own.git.processes == 0


def test_nothing_unfinished_is_left_beside_an_object(blank: GitSettings) -> None:
    name = write_commit(blank, EMPTY_TREE, [], Stamp(message="one", at=AT))
    assert name is not None
    folder: Path = blank.repository / "objects" / name[:2]
    assert [path.name for path in folder.iterdir() if path.name.startswith("tmp")] == []
    assert (folder / name[2:]).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize(
    ("tree", "parents", "name", "message"),
    [
        ("a" * 64, [], "Ada", "sha256"),
        (EMPTY_TREE, ["b" * 40, "b" * 40], "Ada", "the same parent twice"),
        (EMPTY_TREE, [], "", "nobody"),
        (EMPTY_TREE, [], "Ada\nparent x", "a line end"),
        (EMPTY_TREE, [], "\udcff", "no text"),
        (EMPTY_TREE, [], "Ada", "a \0 byte"),
    ],
)
def test_what_is_not_plain_is_left_to_git(
    blank: GitSettings, tree: str, parents: list[str], name: str, message: str
) -> None:
    person = replace(blank, author=Person(name=name, email="ada@example.org"))
    assert commit_content(person, tree, parents, Stamp(message=message, at=AT)) is None
