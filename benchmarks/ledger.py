"""What a reservation and its settlement cost, one after another and from many calls at once: in a file, and on a
Postgres server of this machine where its wheel is installed.

Every call has four accounts above it. What is printed is for comparing two versions on one machine in one hour.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from penstock.adapters.clock import SystemClock
from penstock.adapters.store.memory_ledger import MemoryLedger
from penstock.adapters.store.opening import open_database
from penstock.domain.budget import Amount, Cap, Granted, Level
from penstock.domain.usage import CallEnd, Caller, CallStatus, ModelCall, Tokens
from penstock.ports import Ledger
from postgres_server import PostgresServer, found

ALONE = 200
AT_ONCE = 50
ROUNDS = 6


def a_call(number: int) -> ModelCall:
    """A call of one of eight workstreams."""
    caller = Caller(project="p", pipeline="e", run="r", workstream=f"ws-{number % 8}", attempt="1", role="edit")
    return ModelCall(
        id=f"ppu_{number}", caller=caller, ordinal=number, protocol="anthropic", upstream="main", model="m",
        at=datetime.now(UTC), worst=Amount(tokens=9000, micros=90_000),
    )  # fmt: skip


async def once(ledger: Ledger, number: int) -> tuple[float, float]:
    """Milliseconds of a reservation and of its settlement."""
    call, begun = a_call(number), time.perf_counter()
    assert await ledger.reserve(call) == Granted()
    reserved = time.perf_counter()
    tokens = Tokens(input=1000, output=200)
    await ledger.settle(call, CallEnd(status=CallStatus.OK, at=datetime.now(UTC), tokens=tokens, micros=5000))
    return (reserved - begun) * 1000, (time.perf_counter() - reserved) * 1000


def told(name: str, times: list[tuple[float, float]], took: float) -> None:
    """One line."""
    reserve, settle = (sorted(one) for one in zip(*times, strict=True))
    print(
        f"{name}: reserve {statistics.median(reserve):.2f} ms (p95 {reserve[len(reserve) * 95 // 100]:.2f}), settle"
        f" {statistics.median(settle):.2f} ms (p95 {settle[len(settle) * 95 // 100]:.2f}),"
        f" {len(times) / took:.0f} calls/s"
    )


async def measure(name: str, ledger: Ledger) -> None:
    """Alone, then at once."""
    await ledger.set_cap(Level.RUN, "r", Cap(tokens=10**9))
    begun = time.perf_counter()
    told(f"{name}, one after another", [await once(ledger, number) for number in range(ALONE)],
         time.perf_counter() - begun)  # fmt: skip
    begun, times = time.perf_counter(), []
    for round_ in range(1, ROUNDS + 1):
        numbers = range(round_ * 1000, round_ * 1000 + AT_ONCE)
        times += await asyncio.gather(*(once(ledger, number) for number in numbers))
    told(f"{name}, {AT_ONCE} at once", times, time.perf_counter() - begun)


@contextmanager
def servers() -> Iterator[list[str]]:
    """The address of a database on a durable server, if there is one."""
    package = found()
    if package is None:
        yield []
        return
    server = PostgresServer(package, is_durable=True)
    try:
        server.start()
        yield [server.database()]
    finally:
        server.remove()


def main() -> None:
    """Print one line per ledger and way."""
    asyncio.run(measure("memory", MemoryLedger()))
    with tempfile.TemporaryDirectory() as folder, servers() as addresses:
        for name, place in [("SQLite", Path(folder) / "home" / "penstock.db"), *(("Postgres", a) for a in addresses)]:
            commits: list[str] = []
            database = open_database(place, SystemClock(), effect=commits.append)
            asyncio.run(measure(name, database.ledger(redact=str)))
            calls = ALONE + AT_ONCE * ROUNDS
            print(f"{name}: {commits.count('committed') - 1} commits for {calls} calls")
            database.close()


if __name__ == "__main__":
    main()
