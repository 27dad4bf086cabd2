"""What the locks of runs promise, whoever keeps them: one owner, known by name, and none once it is dead."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.clock import SystemClock
from penstock.adapters.locks import FileLocks
from penstock.adapters.store.opening import Database, open_database
from penstock.ports import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.ports import Held, Locks

HOLD = """
import asyncio, sys
from pathlib import Path
from penstock.adapters.clock import SystemClock
from penstock.adapters.locks import FileLocks
from penstock.adapters.store.opening import open_database
clock = SystemClock()
locks = open_database(sys.argv[1], clock).locks(FileLocks(Path(sys.argv[2]), clock))
held = asyncio.run(locks.acquire("r1"))
print(type(held).__name__, flush=True)
sys.stdin.read()
"""


@dataclass
class Two:
    """Two processes' locks of one database: with a server each as on a machine of its own."""

    mine: Locks
    theirs: Locks
    place: Path | str
    their_folder: Path


@pytest.fixture
def two(place: Path | str, database: Database, tmp_path: Path) -> Iterator[Two]:
    clock = SystemClock()
    another = open_database(place, clock)
    folder = tmp_path / ("mine" if isinstance(place, str) else "theirs")
    yield Two(
        mine=database.locks(FileLocks(folder, clock)),
        theirs=another.locks(FileLocks(tmp_path / "theirs", clock)),
        place=place,
        their_folder=tmp_path / "theirs",
    )
    another.close()


def taken(found: Held | Holder) -> Held:
    assert not isinstance(found, Holder)
    return found


def test_a_run_has_one_owner_whom_everybody_can_name(two: Two) -> None:
    held = taken(asyncio.run(two.mine.acquire("r1")))
    named = asyncio.run(two.theirs.acquire("r1"))
    assert isinstance(named, Holder)
    assert (named.pid, named.host) == (os.getpid(), socket.gethostname())
    assert named.since.endswith("Z")
    assert named == two.theirs.holder("r1") == two.mine.holder("r1")
    held.release()
    held.release()
    assert two.theirs.holder("r1") is None
    taken(asyncio.run(two.theirs.acquire("r1"))).release()


def test_each_run_has_an_owner_of_its_own(two: Two) -> None:
    first, second = taken(asyncio.run(two.mine.acquire("r1"))), taken(asyncio.run(two.theirs.acquire("r2")))
    assert isinstance(asyncio.run(two.theirs.acquire("r1")), Holder)
    first.release()
    assert isinstance(asyncio.run(two.mine.acquire("r2")), Holder)
    second.release()


def test_whoever_was_refused_has_left_nothing_locked(two: Two) -> None:
    held = taken(asyncio.run(two.mine.acquire("r1")))
    assert isinstance(asyncio.run(two.theirs.acquire("r1")), Holder)
    held.release()
    taken(asyncio.run(two.mine.acquire("r1"))).release()


def test_asking_who_owns_a_run_takes_it_from_nobody(two: Two) -> None:
    assert two.theirs.holder("r1") is None
    held = taken(asyncio.run(two.mine.acquire("r1")))
    for _ in range(3):
        assert two.theirs.holder("r1") is not None
    held.release()


@pytest.mark.slow
def test_a_killed_owner_owns_nothing(two: Two) -> None:
    argv = [sys.executable, "-c", HOLD, str(two.place), str(two.their_folder)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().strip() in ("HeldFile", "AdvisoryLock")
        named = asyncio.run(two.mine.acquire("r1"))
        assert isinstance(named, Holder)
        assert named.pid == owner.pid
        owner.kill()
    taken(asyncio.run(two.mine.acquire("r1"))).release()
