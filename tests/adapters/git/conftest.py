"""The benches that the tests of git work at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from git_bench import Bench

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
