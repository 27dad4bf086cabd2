"""How many workstreams a second the journal takes through five steps each, with group commits of at most 64 events:
in a file, and on a Postgres server of this machine where its wheel is installed.

The core and the store are real; answers come at once, from `SLOTS` at a time. What is printed is for comparing two
versions on one machine in one hour, nothing else.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from penstock.adapters.store.opening import open_database
from penstock.domain import commands, events
from penstock.domain.changes import Candidate, Verdict
from penstock.domain.plan import Plan, Scope, Workstream
from penstock.domain.ranked import rank
from penstock.domain.run import Policy, Step, new_run
from penstock.domain.step import step
from penstock.ports import Entry, Journal, NewRun
from postgres_server import PostgresServer, found

SLOTS = 8
GROUP = 64


class WallClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()


def answer(command: commands.Command, branch: str) -> events.Event | None:
    """The event by which a command succeeds."""
    match command:
        case commands.StartStep(attempt=attempt) if attempt.step is Step.EDIT:
            edited = events.Edited(candidate=Candidate(commit="c" * 40, tree="t" * 40), paths=("src/a.py",))
            return events.StepFinished(workstream=command.workstream, attempt=attempt, outcome=edited)
        case commands.StartStep(attempt=attempt):
            return events.StepFinished(workstream=command.workstream, attempt=attempt, outcome=events.Passed())
        case commands.JudgeMerge():
            verdict = Verdict(
                id=f"v{command.number}", branch=branch, parent=command.head, commit=f"{command.number:040}",
                tree=f"{command.number:040}", members=tuple(one.workstream for one in command.members), checks=(),
            )  # fmt: skip
            return events.VerdictGiven(judgement=command.number, verdict=verdict)
        case commands.MoveBranch():
            return events.BranchMoved(verdict=command.verdict)
        case commands.PublishBranch():
            return events.BranchPublished(commit=command.commit, pushed=True)
        case _:
            return None


async def drive(journal: Journal, count: int) -> None:
    """Take a run to its end."""
    workstreams = tuple(
        Workstream(id=f"ws-{n:05}", tasks=("x",), scope=Scope(files=(f"d{n}/a.py",))) for n in range(count)
    )
    plan = rank(Plan(workstreams=workstreams))
    run = new_run(id="run", plan=plan, policy=Policy(max_parallel=SLOTS), branch="penstock/run")
    await journal.create(NewRun(run=run, project="p", project_path="/p", settings={}, documents=[]))
    generation = (await journal.claim("run")).generation
    waiting: list[tuple[str | None, events.Event]] = [(None, events.RunStarted(base="b" * 40))]
    acknowledged: list[str] = []
    while waiting:
        entries, issued = [], []
        for key, event in waiting[:GROUP]:
            at = datetime.now(UTC)
            decision = step(run, event, at)
            run = decision.run
            issued += decision.commands
            entries.append(Entry(event=event, at=at, decision=decision, command_key=key))
        await journal.commit("run", generation, entries, acknowledged)
        waiting, acknowledged = waiting[GROUP:], []
        for command in issued:
            event = answer(command, run.branch)
            if event is None:
                acknowledged.append(command.key)
            else:
                waiting.append((command.key, event))
    if run.state.value != "completed":
        raise SystemExit(f"the run ended {run.state.value}: {run.sentence}")


def measure(place: Path | str, count: int) -> str:
    """Drive one run; its numbers. The CPU is this process's: a server's own comes on top."""
    database = open_database(place, WallClock())
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(drive(database.journal, count))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    database.close()
    return f"{count:6} workstreams: {count / wall:7.0f}/s, CPU {1000 * cpu / count:.2f} ms each"


@contextmanager
def servers() -> Iterator[list[PostgresServer]]:
    """A Postgres server that keeps what it commits, or none where its wheel is not installed."""
    package = found()
    if package is None:
        yield []
        return
    server = PostgresServer(package, is_durable=True)
    try:
        server.start()
        yield [server]
    finally:
        server.remove()


def main() -> None:
    """Measure and print."""
    counts = (200, 1000, 4000) if len(sys.argv) == 1 else tuple(map(int, sys.argv[1:]))
    with servers() as running:
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                print(f"file    {measure(Path(folder) / 'penstock.db', count)}")
            for server in running:
                print(f"server  {measure(server.database(), count)}")


if __name__ == "__main__":
    main()
