"""The benches that the tests of git work at."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from git_bench import Bench

from penstock.adapters.git.layout import GitSettings, Person
from penstock.adapters.git.runner import Git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def empty_bench(tmp_path: Path) -> Bench:
    """A bench whose user's repository is not yet made."""
    return Bench(tmp_path)


@pytest.fixture
def bench(empty_bench: Bench) -> Bench:
    """A bench with a user's repository that was fetched."""
    empty_bench.make_user()
    empty_bench.fetch()
    return empty_bench


@pytest.fixture(scope="module")
def bare_git(tmp_path_factory: pytest.TempPathFactory) -> Git:
    """Git in an empty repository of Penstock's, for all tests of a file."""
    home = tmp_path_factory.mktemp("own")
    author = Person(name="Ada", email="ada@example.org")
    made = GitSettings(
        home=home, worktree_root=home, user_repository=home, author=author, search_path=os.environ["PATH"]
    )
    subprocess.run(["git", "init", "--quiet", "--bare", str(made.repository)], check=True)
    return Git(made)
