"""A ledger on a database beside others: other loops, other processes, cancelled tasks, makers that died."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.store.opening import Database, open_database
from penstock.domain.budget import NOTHING, Account, Amount, Cap, Granted, Level, MustWait
from penstock.domain.usage import CallEnd, Caller, CallStatus, ModelCall, Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from penstock.adapters.store.ledger import SqlLedger
    from penstock.ports import Clock

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
CALLER = Caller(project="p", pipeline="e", run="run-1", workstream="ws-a")
END = CallEnd(status=CallStatus.OK, at=AT, tokens=Tokens(input=60), micros=600)


def a_call(name: str, caller: Caller = CALLER) -> ModelCall:
    return ModelCall(
        id=f"ppu_{name}", caller=caller, ordinal=1, protocol="openai", upstream="u", model="m", at=AT,
        worst=Amount(tokens=100, micros=1000),
    )  # fmt: skip


def ledger_of(database: Database) -> SqlLedger:
    return database.ledger(redact=str)


def run_account(*, cap: Cap = Cap(), settled: Amount = NOTHING, reserved: Amount = NOTHING) -> Account:  # noqa: B008 - frozen
    return Account(level=Level.RUN, key="run-1", cap=cap, settled=settled, reserved=reserved)


def records(database: Database) -> list[tuple[str, str]]:
    return [(row["id"], row["status"]) for row in database.views.usage()]


def held(database: Database) -> tuple[threading.Event, threading.Event]:
    """Keep the writer's thread busy: the first event is set when it is, the second one lets it go."""
    is_held, may_go = threading.Event(), threading.Event()

    def work(_: Connection) -> None:
        is_held.set()
        may_go.wait(10)

    database.writer.submit(work)
    assert is_held.wait(10)
    return is_held, may_go


def test_another_loop_in_another_thread_may_use_the_ledger_while_the_owner_writes(database: Database) -> None:
    ledger = ledger_of(database)

    async def calls(first: int) -> None:
        for number in range(first, first + 20):
            call = a_call(str(number))
            assert await ledger.reserve(call) == Granted()
            await ledger.settle(call, END)

    threads = [threading.Thread(target=asyncio.run, args=[calls(first)]) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = asyncio.run(ledger.account(Level.RUN, "run-1"))
    assert found == run_account(settled=Amount(tokens=3600, micros=36_000))
    assert len(database.views.usage()) == 60


def test_a_reservation_is_a_commit_and_its_settlement_another_and_both_are_few_statements(
    path: Path, clock: Clock
) -> None:
    effects: list[str] = []
    said: list[str] = []
    database = open_database(path, clock, effect=effects.append)
    ledger = ledger_of(database)

    async def main() -> None:
        await ledger.reserve(a_call("warm"))
        database.writer._thread.submit(
            lambda: database.writer._kept(writes=True).connection.driver_connection.set_trace_callback(said.append)  # type: ignore[union-attr]
        ).result()
        effects.clear()
        await ledger.reserve(a_call("one"))
        reserving, settling = len(said), await ledger.settle(a_call("one"), END)
        assert settling == ()
        assert effects == ["commit", "committed"] * 2
        # how durable, begin, the version, one for each of four accounts, the reservation, commit; and the same with the
        # record and its two sums
        assert (reserving, len(said) - reserving) == (9, 12)
        assert [line for line in said if "synchronous" in line] == [
            "PRAGMA synchronous=NORMAL",
            "PRAGMA synchronous=FULL",
        ]
        assert not [line for line in said if "sum(" in line.lower()]

    asyncio.run(main())
    database.close()


@pytest.mark.parametrize("begun", [True, False])
def test_a_reservation_whose_task_is_cancelled_keeps_nothing(database: Database, begun: bool) -> None:
    ledger = ledger_of(database)

    async def main() -> None:
        await ledger.reserve(a_call("other"))
        may_go = threading.Event() if begun else held(database)[1]
        task = asyncio.create_task(ledger.reserve(a_call("cancelled")))
        await asyncio.sleep(0)
        if begun:  # the writer has done it before this loop hears of it
            database.writer._thread.submit(int).result()
        task.cancel()
        may_go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        found = await ledger.account(Level.RUN, "run-1")
        assert found == run_account(reserved=Amount(tokens=100, micros=1000))
        assert await ledger.reserve(a_call("cancelled")) == Granted()

    asyncio.run(main())


def test_a_settlement_and_a_record_whose_tasks_are_cancelled_are_written_all_the_same(database: Database) -> None:
    ledger = ledger_of(database)

    async def main() -> None:
        call, refused = a_call("one"), a_call("two")
        await ledger.reserve(call)
        _, may_go = held(database)
        tasks = [
            asyncio.create_task(ledger.settle(call, END)),
            asyncio.create_task(ledger.record(refused, CallEnd(status=CallStatus.REFUSED, at=AT))),
        ]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        assert len(await asyncio.gather(*tasks, return_exceptions=True)) == 2
        may_go.set()
        assert await ledger.account(Level.RUN, "run-1") == run_account(settled=Amount(tokens=60, micros=600))
        assert records(database) == [("ppu_one", "ok"), ("ppu_two", "refused")]

    asyncio.run(main())


DIES = """
import asyncio, os, signal, sys
from datetime import datetime, UTC
from penstock.adapters.clock import SystemClock
from penstock.adapters.store.opening import open_database
from penstock.domain.budget import Amount
from penstock.domain.usage import Caller, ModelCall
caller = Caller(project="p", pipeline="e", run="run-1", workstream="ws-a", attempt="a-1")
def a_call(name):
    at = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    worst = Amount(tokens=100, micros=1000)
    return ModelCall(id=name, caller=caller, ordinal=1, protocol="openai", upstream="u", model="m", at=at, worst=worst)
die_at = sys.argv[2]
done = []
def effect(name):
    done.append(name)
    if len(done) > 2 and name == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
async def main():
    ledger = open_database(sys.argv[1], SystemClock(), effect=effect).ledger(redact=str)
    await ledger.reserve(a_call("ppu_1"))
    await ledger.reserve(a_call("ppu_2"))
asyncio.run(main())
"""


@pytest.mark.parametrize(("die_at", "lost"), [("commit", 1), ("committed", 2)])
def test_what_a_killed_maker_had_reserved_is_settled_by_the_next_owner_and_no_more(
    path: Path, clock: Clock, die_at: str, lost: int
) -> None:
    open_database(path, clock).close()
    died = subprocess.run([sys.executable, "-c", DIES, str(path), die_at], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    database = open_database(path, clock)
    ledger = ledger_of(database)

    async def main() -> None:
        assert await ledger.account(Level.RUN, "run-1") == run_account(
            reserved=Amount(tokens=100 * lost, micros=1000 * lost)
        )
        assert await ledger.settle_lost("run-1") == lost
        assert await ledger.settle_lost("run-1") == 0
        assert await ledger.account(Level.RUN, "run-1") == run_account(
            settled=Amount(tokens=100 * lost, micros=1000 * lost)
        )

    asyncio.run(main())
    assert records(database) == [("ppu_1", "lost"), ("ppu_2", "lost")][:lost]
    database.close()


SPENDS = """
import asyncio, sys
from datetime import datetime, UTC
from penstock.adapters.clock import SystemClock
from penstock.adapters.store.opening import open_database
from penstock.domain.budget import Amount, Level, MustWait, Refused
from penstock.domain.usage import CallEnd, Caller, CallStatus, ModelCall, Tokens
name, at = sys.argv[2], datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
async def main():
    database = open_database(sys.argv[1], SystemClock())
    ledger, waits, refused, most = database.ledger(redact=str), 0, 0, 0
    print("ready", flush=True)
    sys.stdin.readline()
    async def work(place):
        nonlocal waits, refused, most
        caller = Caller(project="p", run=f"run-{name}", workstream=f"ws-{place}")
        for number in range(10):
            call = ModelCall(id=f"ppu_{name}_{place}_{number}", caller=caller, ordinal=1, protocol="openai",
                             upstream="u", model="m", at=at, worst=Amount(tokens=100))
            for _ in range(3000):
                leave = await ledger.reserve(call)
                if not isinstance(leave, MustWait):
                    break
                waits += 1
                await asyncio.sleep(0.001)
            if isinstance(leave, Refused):
                refused += 1
                return
            account = await ledger.account(Level.PROJECT, "p")
            most = max(most, account.settled.tokens + account.reserved.tokens)
            await ledger.settle(call, CallEnd(status=CallStatus.OK, at=at, tokens=Tokens(input=50), micros=0))
    await asyncio.gather(*(work(place) for place in range(4)))
    print(waits, refused, most, flush=True)
    database.close()
asyncio.run(main())
"""


def spend_in_two_processes(location: str) -> list[list[int]]:
    """Two processes with four tasks each, of at most ten calls; what each of them saw."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDS, location, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    for process in started:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return [[int(word) for word in line.split()] for line in said]


def check_two_processes(location: Path | str, clock: Clock) -> None:
    database = open_database(location, clock)
    ledger = ledger_of(database)
    # 80 calls of 50 tokens each would need 4,000; with 3,020 the 60th call still fits by its worst of 100.
    asyncio.run(ledger.set_cap(Level.PROJECT, "p", Cap(tokens=3020)))
    found = spend_in_two_processes(str(location))
    account = asyncio.run(ledger.account(Level.PROJECT, "p"))
    assert all(most <= 3020 for _, _, most in found)
    assert account.reserved == NOTHING
    assert account.settled.tokens == 50 * len(database.views.usage(project="p")) == 2950
    assert sum(refused for _, refused, _ in found) > 0
    database.close()


@pytest.mark.slow
def test_two_processes_on_one_file_keep_to_one_cap_together(path: Path, clock: Clock) -> None:
    check_two_processes(path, clock)


@pytest.mark.slow
def test_two_processes_on_one_server_keep_to_one_cap_together(address: str, clock: Clock) -> None:
    check_two_processes(address, clock)


@pytest.mark.slow
def test_two_connections_of_a_server_that_take_accounts_in_the_same_order_never_lock_each_other_out(
    opened: Database, address: str, clock: Clock
) -> None:
    another = open_database(address, clock)

    async def work(ledger: SqlLedger, name: str) -> None:
        for number in range(25):
            call = a_call(
                f"{name}-{number}", Caller(project="p", pipeline="e", run="run-1", workstream=f"ws-{number % 3}")
            )
            for _ in range(1000):
                if not isinstance(await ledger.reserve(call), MustWait):
                    break
            await ledger.settle(call, END)
            await ledger.settle_lost("another-run")

    async def main() -> None:
        await asyncio.gather(*(work(ledger_of(one), f"{id(one)}-{n}") for one in (opened, another) for n in range(4)))
        found = await ledger_of(opened).account(Level.RUN, "run-1")
        assert found == run_account(settled=Amount(tokens=60 * 200, micros=600 * 200))

    asyncio.run(main())
    another.close()
