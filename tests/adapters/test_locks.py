"""One owner per run, known to the kernel: taken, named, given back, and never lost to somebody who only looks."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.adapters import locks as module
from penstock.adapters.clock import SystemClock
from penstock.adapters.locks import FileLocks, HeldFile
from penstock.ports import Holder

HOLDS = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def locks(folder: Path) -> FileLocks:
    return FileLocks(folder, SystemClock())


def taken(found: object) -> HeldFile:
    assert isinstance(found, HeldFile)
    return found


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[str]]:
    """The lock of a file, held by another process until the end."""
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.communicate()


def test_a_lock_names_its_holder_until_it_is_released(tmp_path: Path) -> None:
    mine, theirs = locks(tmp_path), locks(tmp_path)
    assert theirs.holder("r1") is None
    held = taken(mine.acquire("r1"))
    assert mine.descriptors() == (held.descriptor,)
    named = theirs.acquire("r1")
    assert isinstance(named, Holder)
    assert named.pid == os.getpid()
    assert named == theirs.holder("r1")
    assert named.since.endswith("Z")
    held.release()
    held.release()
    assert mine.descriptors() == ()
    assert theirs.holder("r1") is None
    taken(theirs.acquire("r1")).release()


def test_two_runs_have_two_owners(tmp_path: Path) -> None:
    mine = locks(tmp_path)
    for run in ("r1", "r2"):
        taken(mine.acquire(run))
    assert len(mine.descriptors()) == 2


def test_git_children_keep_a_lock_and_programs_that_are_not_given_it_do_not(tmp_path: Path) -> None:
    held = taken(locks(tmp_path).acquire("r1"))
    assert not os.get_inheritable(held.descriptor)


def test_a_lock_whose_file_says_nothing_still_has_a_holder(tmp_path: Path) -> None:
    (tmp_path / "r1.lock").write_text("not json")
    with held_elsewhere(tmp_path / "r1.lock"):
        named = locks(tmp_path).acquire("r1")
        assert named == Holder(pid=0, host="unknown", since="just now")


def test_the_last_git_call_of_a_dead_owner_is_waited_for(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    taken(locks(tmp_path).acquire("r1")).release()
    path = tmp_path / "r1.lock"
    path.write_text(path.read_text().replace(str(os.getpid()), str(gone.pid)))
    with held_elsewhere(path) as child:
        assert child.stdin is not None
        threading.Timer(0.1, child.stdin.close).start()
        taken(locks(tmp_path).acquire("r1")).release()
        child.stdin = None


def test_who_only_asks_for_the_holder_keeps_nobody_from_the_lock(tmp_path: Path) -> None:
    taken(locks(tmp_path).acquire("r1")).release()  # the file names a process that lives: this one
    descriptor = os.open(tmp_path / "r1.lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    threading.Timer(0.1, lambda: os.close(descriptor)).start()
    taken(locks(tmp_path).acquire("r1")).release()


class Hasty(SystemClock):
    """A clock whose patience is over at once."""

    def __init__(self) -> None:
        self.moment = 0.0

    def monotonic(self) -> float:
        self.moment += 2 * module.LAST_GIT_CALL
        return self.moment


def test_patience_has_an_end(tmp_path: Path) -> None:
    taken(locks(tmp_path).acquire("r1")).release()
    descriptor = os.open(tmp_path / "r1.lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        assert isinstance(FileLocks(tmp_path, Hasty()).acquire("r1"), Holder)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("holder", "alive"),
    [
        (Holder(pid=1, host="another machine", since=""), True),
        (Holder(pid=0, host="here", since=""), True),
    ],
)
def test_a_holder_that_can_not_be_asked_counts_as_alive(holder: Holder, alive: bool) -> None:
    assert module._is_alive(holder) is alive
