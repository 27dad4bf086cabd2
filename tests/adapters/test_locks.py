"""One owner per run, known to the kernel: taken, named, given back, and never lost to somebody who only looks."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.adapters import locks as module
from penstock.adapters.clock import SystemClock
from penstock.adapters.locks import FileLocks, HeldFile, lent
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
    held = taken(asyncio.run(mine.acquire("r1")))
    named = asyncio.run(theirs.acquire("r1"))
    assert isinstance(named, Holder)
    assert named.pid == os.getpid()
    assert named == theirs.holder("r1")
    assert named.since.endswith("Z")
    held.release()
    held.release()
    assert theirs.holder("r1") is None
    taken(asyncio.run(theirs.acquire("r1"))).release()


def files_of(descriptors: Iterable[int]) -> list[str]:
    return sorted(Path(f"/proc/self/fd/{one}").readlink().name for one in descriptors)


def lent_now() -> list[str]:
    with lent() as descriptors:
        return files_of(descriptors)


def test_a_git_child_is_given_the_locks_of_the_task_that_starts_it_and_no_others(tmp_path: Path) -> None:
    mine, seen = locks(tmp_path), {}

    async def work(run: str) -> None:
        held = taken(await mine.acquire(run))
        within = taken(await mine.acquire(f"{run}-within"))
        await asyncio.sleep(0.01)  # the other one has its locks by now
        begun = await asyncio.create_task(asyncio.to_thread(lent_now))
        within.release()
        seen[run] = (begun, lent_now())
        held.release()
        assert lent_now() == []

    async def both() -> None:
        await asyncio.gather(work("r1"), work("r2"))
        assert lent_now() == []

    asyncio.run(both())
    assert seen == {run: ([f"{run}-within.lock", f"{run}.lock"], [f"{run}.lock"]) for run in ("r1", "r2")}


def test_a_lock_is_kept_by_a_git_child_after_it_was_let_go(tmp_path: Path) -> None:
    async def main() -> None:
        held = taken(await locks(tmp_path).acquire("r1"))
        with lent():
            held.release()
            assert isinstance(await locks(tmp_path).acquire("r1"), Holder)
        taken(await locks(tmp_path).acquire("r1")).release()

    asyncio.run(main())


def test_what_is_lent_while_a_lock_is_let_go_is_that_lock_or_nothing(tmp_path: Path) -> None:
    mine = locks(tmp_path)

    async def once(run: str) -> None:
        held = taken(await mine.acquire(run))
        lending = [asyncio.create_task(asyncio.to_thread(lent_now)) for _ in range(4)]
        await asyncio.sleep(0)
        held.release()
        for one in await asyncio.gather(*lending):
            assert one in ([], [f"{run}.lock"])

    async def main() -> None:
        for _ in range(50):
            await asyncio.gather(once("r1"), once("r2"))

    asyncio.run(main())


def test_git_children_keep_a_lock_and_programs_that_are_not_given_it_do_not(tmp_path: Path) -> None:
    held = taken(asyncio.run(locks(tmp_path).acquire("r1")))
    assert not os.get_inheritable(held.descriptor)


def test_a_lock_whose_file_says_nothing_still_has_a_holder(tmp_path: Path) -> None:
    (tmp_path / "r1.lock").write_text("not json")
    with held_elsewhere(tmp_path / "r1.lock"):
        named = asyncio.run(locks(tmp_path).acquire("r1"))
        assert named == Holder(pid=0, host="unknown", since="just now")


async def turns_until_taken(mine: FileLocks) -> int:
    """How often others had their turn while a lock was waited for."""
    waiting, turns = asyncio.create_task(mine.acquire("r1")), 0
    while not waiting.done():
        turns += 1
        await asyncio.sleep(0.01)
    taken(waiting.result()).release()
    return turns


def test_the_last_git_call_of_a_dead_owner_is_waited_for(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    taken(asyncio.run(locks(tmp_path).acquire("r1"))).release()
    path = tmp_path / "r1.lock"
    path.write_text(path.read_text().replace(str(os.getpid()), str(gone.pid)))
    with held_elsewhere(path) as child:
        assert child.stdin is not None
        assert locks(tmp_path).holder("r1") is None  # nobody works there any more
        threading.Timer(0.2, child.stdin.close).start()
        assert asyncio.run(turns_until_taken(locks(tmp_path))) > 3
        child.stdin = None


def test_who_only_asks_for_the_holder_keeps_nobody_from_the_lock(tmp_path: Path) -> None:
    taken(asyncio.run(locks(tmp_path).acquire("r1"))).release()  # the file names a process that lives: this one
    descriptor = os.open(tmp_path / "r1.lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    threading.Timer(0.1, lambda: os.close(descriptor)).start()
    taken(asyncio.run(locks(tmp_path).acquire("r1"))).release()


class Hasty(SystemClock):
    """A clock whose patience is over at once."""

    def __init__(self) -> None:
        self.moment = 0.0

    def monotonic(self) -> float:
        self.moment += 2 * module.LAST_GIT_CALL
        return self.moment


def test_patience_has_an_end(tmp_path: Path) -> None:
    taken(asyncio.run(locks(tmp_path).acquire("r1"))).release()
    descriptor = os.open(tmp_path / "r1.lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        assert isinstance(asyncio.run(FileLocks(tmp_path, Hasty()).acquire("r1")), Holder)
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
