"""Slots of the machine: never more at once than there are, whoever asks; freed by any end; fair; told in words."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from penstock.adapters import slots as slots_module
from penstock.adapters.clock import ManualClock, SystemClock
from penstock.adapters.own_slots import OwnSlots
from penstock.adapters.slots import FileSlots, NoRoom
from penstock.ports import Need, Slots, User

ME = User(run="r1", command="a/edit-1")
OTHER = User(run="r2", command="b/edit-1")
BOUND = 20.0


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine as a test."""

    @wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), BOUND))

    return run


def need(limit: int = 1, **more: Any) -> Need:
    return Need(resource="agent", limit=limit, **more)


def silent(_sentence: str) -> None:
    return None


def file_slots(folder: Path, **more: float) -> FileSlots:
    return FileSlots(folder / "slots", SystemClock(), **{"patience": 0.0, **more})


async def waits(slots: Slots, what: Need | None = None, user: User = ME, then: Callable[[], None] = int) -> Wait:
    """Somebody who waits for a slot by now, and lets it go at once."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def use() -> None:
        async with slots.taken(what or need(), user, told.put_nowait):
            then()

    task = asyncio.create_task(use())
    return Wait(task=task, sentence=await told.get())


@dataclass(frozen=True, kw_only=True)
class Wait:
    task: asyncio.Task[None]
    sentence: str


@pytest.fixture(params=["files", "own"])
def slots(request: pytest.FixtureRequest, tmp_path: Path) -> Slots:
    return file_slots(tmp_path) if request.param == "files" else OwnSlots()


# what every kind of slots does


@awaited
async def test_never_more_at_once_than_there_are_and_everybody_gets_one(slots: Slots) -> None:
    inside, most, served, full = 0, 0, [], asyncio.Event()

    async def use(number: int) -> None:
        nonlocal inside, most
        async with slots.taken(need(3), ME, silent):
            inside += 1
            most = max(most, inside)
            if inside == 3:
                full.set()
            await full.wait()
            await asyncio.sleep(0.001)
            inside -= 1
            served.append(number)

    async with asyncio.timeout(60):
        await asyncio.gather(*(use(number) for number in range(20)))
    assert most == 3
    assert sorted(served) == list(range(20))


@awaited
async def test_who_came_first_in_a_process_is_served_first(slots: Slots) -> None:
    served = []

    async def use(number: int) -> None:
        async with slots.taken(need(), ME, silent):
            served.append(number)

    async with slots.taken(need(), ME, silent):
        waiting = [asyncio.create_task(use(number)) for number in range(8)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert served == list(range(8))


@awaited
async def test_one_resource_is_not_in_the_way_of_another(slots: Slots) -> None:
    async with slots.taken(need(), ME, silent), slots.taken(Need(resource="check", limit=1), ME, silent):
        pass


@awaited
async def test_a_wait_can_be_cancelled_and_leaves_the_slot_to_the_next(slots: Slots) -> None:
    async with slots.taken(need(), ME, silent):
        first, second = await waits(slots), await waits(slots)
        first.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first.task
    await second.task


@awaited
async def test_a_failure_inside_frees_the_slot(slots: Slots) -> None:
    with pytest.raises(ValueError, match="inside"):
        async with slots.taken(need(), ME, silent):
            raise ValueError("inside")
    async with slots.taken(need(), ME, silent):
        pass


# what only files do


@awaited
async def test_who_waits_is_told_who_uses_the_slots(tmp_path: Path) -> None:
    async with file_slots(tmp_path).taken(need(), OTHER, silent):
        waiting = await waits(file_slots(tmp_path))
    await waiting.task
    assert waiting.sentence == (
        f"the only slot for agents on this machine is in use: b/edit-1 of run r2 (process {os.getpid()})"
    )


@awaited
async def test_another_limit_knows_other_slots_but_never_too_many(tmp_path: Path) -> None:
    one, three = file_slots(tmp_path), file_slots(tmp_path)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(three.taken(need(3), ME, silent))
        await stack.enter_async_context(one.taken(need(1), ME, silent))  # the highest go first: the lowest is left
        rest = [await waits(one, need(1)), await waits(three, need(3))]
        assert not any(other.task.done() for other in rest)
    await asyncio.gather(*(other.task for other in rest))


@awaited
async def test_a_process_that_frees_and_takes_again_does_not_overtake_one_that_waits(tmp_path: Path) -> None:
    greedy, patient = file_slots(tmp_path), file_slots(tmp_path)
    served: list[str] = []
    async with greedy.taken(need(), ME, silent):
        first = await waits(patient, then=lambda: served.append("patient"))
        crowd = [await waits(greedy, then=lambda: served.append("greedy")) for _ in range(10)]
    await asyncio.gather(first.task, *(one.task for one in crowd))
    assert served == ["patient", *["greedy"] * 10]


@awaited
async def test_a_ticket_that_nobody_touches_stands_in_nobodys_way(tmp_path: Path) -> None:
    slots = file_slots(tmp_path)
    async with slots.taken(need(), ME, silent):
        pass
    tickets = tmp_path / "slots" / "waiting"
    stopped, dead = tickets / f"agent {0:020d} 1 7-7", tickets / f"agent {1:020d} 1 8-8"
    for path, age in ((stopped, slots_module.FRESH + 1), (dead, slots_module.FORGOTTEN + 1)):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    async with slots.taken(need(), ME, silent):
        assert sorted(tickets.iterdir()) == [stopped]
    (tickets / "agent no ticket at all").touch()
    async with slots.taken(need(), ME, silent):
        pass


@awaited
async def test_tickets_are_gone_when_nobody_waits(tmp_path: Path) -> None:
    slots, tickets = file_slots(tmp_path), tmp_path / "slots" / "waiting"
    async with slots.taken(need(), ME, silent):
        crowd = [await waits(slots) for _ in range(5)]
        assert len(list(tickets.iterdir())) == 1
    await asyncio.gather(*(one.task for one in crowd))
    assert list(tickets.iterdir()) == []


@awaited
async def test_a_disk_below_its_floor_is_given_up_long_before_memory_would_be(tmp_path: Path) -> None:
    assert slots_module.WAIT_FOR_DISK < slots_module.WAIT_FOR_MEMORY
    slots = file_slots(tmp_path, wait_for_disk=0.05)
    with pytest.raises(NoRoom, match="GB are free for") as refused:
        async with slots.taken(need(min_free_gb=1e9), ME, silent):
            raise AssertionError
    assert "resume" in (refused.value.hint or "")


@awaited
async def test_memory_is_waited_for_and_the_wait_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(NoRoom, match="MB of memory are free"):
        async with file_slots(tmp_path, wait_for_memory=0.1).taken(need(memory_mb=10**9), ME, told.append):
            raise AssertionError
    assert "only with 1e+09 MB" in told[0]


@awaited
async def test_who_needs_more_memory_than_there_is_stands_in_nobodys_way(tmp_path: Path) -> None:
    slots = file_slots(tmp_path)
    hungry = await waits(slots, need(memory_mb=10**9))
    for other in (slots, file_slots(tmp_path)):
        async with other.taken(need(), ME, silent):
            pass
    hungry.task.cancel()


@awaited
async def test_that_there_is_room_is_believed_for_a_moment_and_that_there_is_none_never(tmp_path: Path) -> None:
    clock, said, asked = ManualClock(datetime.now(UTC)), [None, "no room", "no room", None], list[float]()

    def lack(*_floors: object) -> str | None:
        asked.append(clock.monotonic())
        return said[min(len(asked), len(said)) - 1]

    slots = FileSlots(tmp_path / "slots", clock, patience=0.0, lack=lack)
    for _ in range(3):
        async with slots.taken(need(), ME, silent):
            pass
    assert len(asked) == 1
    clock.advance(slots_module.GOOD_FOR)
    async with slots.taken(need(), ME, silent):
        pass
    assert len(asked) == 4


HOLDER = """
import asyncio, sys
from pathlib import Path
from penstock.adapters.clock import SystemClock
from penstock.adapters.slots import FileSlots
from penstock.ports import Need, User

async def hold():
    slots = FileSlots(Path(sys.argv[1]) / "slots", SystemClock())
    async with slots.taken(Need(resource="agent", limit=1), User(run="r2", command="b/edit-1"), print):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.mark.slow
@pytest.mark.parametrize("run", ["r1", "r2"])
def test_a_killed_process_frees_its_slot_and_its_agent_gets_time_to_go(tmp_path: Path, run: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"

    async def kill_and_take() -> float:
        taking = await waits(file_slots(tmp_path), user=User(run=run, command="a/edit-1"))
        assert f"process {holder.pid}" in taking.sentence
        os.kill(holder.pid, signal.SIGKILL)
        began = time.monotonic()
        await asyncio.wait_for(taking.task, BOUND)
        return time.monotonic() - began

    took = asyncio.run(kill_and_take())
    holder.wait()
    # its own run has been reaped by whoever takes it up; of another run an agent may be dying still
    assert (took >= slots_module.LAST_BREATH) == (run == "r1")
