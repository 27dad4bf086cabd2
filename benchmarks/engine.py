"""The engine alone: core, loop, SQLite (WAL, FULL), with ports that answer at once.

Prints, for several numbers of workstreams and slots: workstreams per second, CPU and transactions per workstream; and
how fast the machine is just then, for wall time is noisy and machines change their speed by the hour. Judge growth by
CPU. Run as `python benchmarks/engine.py [--quick]`.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import sys
import tempfile
import time
import timeit
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from penstock.adapters.clock import SystemClock
from penstock.adapters.environments.bare import NoEnvironments
from penstock.adapters.memory import FINISHED, MemoryGate, MemoryProject
from penstock.adapters.memory_models import MemoryModels
from penstock.adapters.own_slots import OwnSlots
from penstock.adapters.store.opening import open_database
from penstock.domain.changes import Candidate, Change, Stamp, Verdict
from penstock.domain.events import RunStarted
from penstock.domain.plan import Plan, Scope, Workstream
from penstock.domain.ranked import rank
from penstock.domain.run import Policy, new_run
from penstock.domain.setup import Setup
from penstock.domain.states import RunState
from penstock.engine.context import Context, RunSettings
from penstock.engine.furnishing import Furnisher
from penstock.engine.loop import Manner
from penstock.engine.making import EnvironmentMaker
from penstock.engine.owner import drive
from penstock.ports import AddedLines, AgentReport, AgentTask, Capture, Conflicted, Merged, NewRun, Place

NOWHERE = Path("/memory")
LIMITS = {"agent": 64, "check": 64, "disk": 64}


class InstantProject(MemoryProject):
    """Ports whose answers are made of their questions: nothing is kept, nothing grows."""

    async def candidate(self, commit: str) -> Candidate:
        return Candidate(commit=commit, tree=f"tree of {commit}")

    async def changes(self, base: str, commit: str) -> tuple[Change, ...]:
        return ()

    async def written(self, base: str, commit: str, *, on_the_way: bool = False) -> tuple[AddedLines, ...]:
        return ()

    async def merge(self, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        return Merged(candidate=Candidate(commit=f"m{candidate}", tree=f"tree of m{candidate}"))

    async def advance(self, verdict: Verdict) -> None:
        self.branches[verdict.branch] = verdict.commit

    async def prepare(self, place: Place, start: str | None) -> Path:
        return NOWHERE

    async def folder(self, run: str, workstream: str, attempt: str) -> Path:
        return NOWHERE

    async def work(self, task: AgentTask) -> AgentReport:
        return FINISHED

    async def capture(self, place: Place, *, base: str, parent: str, declared: Sequence[str], stamp: Stamp) -> Capture:
        found = Candidate(commit=place.workstream, tree=f"tree of {place.workstream}")
        return Capture(candidate=found, ref="", changes=())

    @asynccontextmanager
    async def checkout(
        self, run: str, commit: str, *, overlay: tuple[str, Sequence[str]] | None = None
    ) -> AsyncIterator[Path]:
        yield NOWHERE


def plan_of(count: int) -> Plan:
    """Independent workstreams without any command to run: what remains is the engine."""
    return Plan(
        workstreams=tuple(
            Workstream(
                id=f"ws-{number:05}",
                tasks=("write",),
                scope=Scope(files=(f"src/f{number}.py",)),
                agent="memory",
            )
            for number in range(count)
        )
    )


async def one(count: int, slots: int) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and transactions of one run."""
    with tempfile.TemporaryDirectory() as folder:
        clock = SystemClock()
        transactions = 0

        def counted(name: str) -> None:
            nonlocal transactions
            transactions += name == "committed"

        database = open_database(Path(folder) / "p.db", clock, effect=counted)
        journal = database.journal
        project = InstantProject()
        ranked = rank(plan_of(count))
        run = new_run(id="run", plan=ranked, policy=Policy(max_parallel=slots), branch="penstock/run")
        await journal.create(NewRun(run=run, project="p", project_path="/p", settings={}, documents=()))
        loaded = await journal.claim("run")
        context = Context(
            run="run",
            project="p",
            branch=run.branch,
            settings=RunSettings(limits=LIMITS),
            workstreams={workstream.id: workstream for workstream in ranked.order},
            workspace=project,
            history=project,
            repository=project,
            agents=dict.fromkeys((workstream.id for workstream in ranked.order), project),
            tools=project,
            supervision=project,
            furnisher=Furnisher(
                base="base",
                maker=EnvironmentMaker(
                    run="run",
                    setup=Setup(),
                    environments=NoEnvironments(),
                    history=project,
                    workspace=project,
                    tools=project,
                ),
            ),
            models=MemoryModels(),
            slots=OwnSlots(),
            journal=journal,
            clock=clock,
            secrets=MemoryGate(),
            redact=str,
        )
        wall, cpu = time.perf_counter(), _cpu()
        done = await drive(context, loaded, Manner(), first=[RunStarted(base="base")])
        wall, cpu = time.perf_counter() - wall, _cpu() - cpu
        assert done.state is RunState.COMPLETED, done.sentence
        database.close()
        return wall, cpu, transactions


def yardstick() -> str:
    """What SQLite and the interpreter do here by themselves."""
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "y.db")) as connection:
        connection.isolation_level = None
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (n INTEGER, s TEXT)")
        count, until = 0, time.perf_counter() + 1
        while time.perf_counter() < until:
            connection.execute("INSERT INTO t VALUES (?, ?)", (count, "x" * 100))
            count += 1
    passes = min(timeit.repeat("for i in range(1000): d[i & 255] = i", "d = {}", number=1000, repeat=3))
    return f"{count:,} bare commits in a second, {passes * 1000:.0f} ms for a million passes of a loop of Python"


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    counts = (200, 1000) if "--quick" in sys.argv else (200, 1000, 10_000)
    cpu_at: dict[tuple[int, int], float] = {}
    print(f"{'workstreams':>11} {'slots':>5} {'per second':>10} {'CPU ms each':>11} {'commits each':>12}")
    for count in counts:
        for slots in (1, 3, 8):
            wall, cpu, transactions = asyncio.run(one(count, slots))
            cpu_at[count, slots] = cpu / count
            each = cpu / count * 1000
            print(f"{count:>11} {slots:>5} {count / wall:>10.0f} {each:>11.2f} {transactions / count:>12.2f}")
    print(f"This machine at this hour: {yardstick()}")
    if (10_000, 8) in cpu_at:
        print(f"CPU per workstream, 10,000 against 1,000, 8 slots: {cpu_at[10_000, 8] / cpu_at[1000, 8]:.2f} times")


if __name__ == "__main__":
    main()
