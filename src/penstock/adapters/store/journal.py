"""The journal on a database: each method is one transaction in the writer's thread, durable when it returns."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from penstock.adapters.store import tables
from penstock.adapters.store.batches import batch_of
from penstock.adapters.store.codec import REQUESTS, RESULT, storable
from penstock.adapters.store.failures import DatabaseUnreadable
from penstock.adapters.store.loading import insert_run, read_run, replace_plan, unknown_run
from penstock.adapters.store.statements import statements, waiting_requests, write_batch
from penstock.domain.refusals import EventRefused
from penstock.ports import Clock, Entry, Loaded, NewRun, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.adapters.store.owned import Owned
    from penstock.adapters.store.site import Watch
    from penstock.adapters.store.writer import Writer
    from penstock.domain.checks import CheckResult
    from penstock.domain.events import Request
    from penstock.domain.run import Run


class SqlJournal:
    """Runs, events, commands and the inbox in tables."""

    def __init__(self, writer: Writer, watch: Watch, owned: Owned, clock: Clock) -> None:
        self._writer = writer
        self._watch = watch
        self._owned = owned
        self._clock = clock

    async def create(self, new: NewRun) -> None:
        """Store a run before its first event."""
        now = self._clock.now()
        await self._writer.write(lambda connection: insert_run(connection, new, now))

    async def replan(self, run: Run, generation: int, documents: Sequence[Mapping[str, Any]]) -> None:
        """Store the plan that a run now has which has not begun; `OwnershipLost` for an old generation."""
        now = self._clock.now()
        await self._writer.write(lambda connection: replace_plan(connection, run, generation, documents, now))

    async def claim(self, run_id: str) -> Loaded:
        """Raise the run's generation and load it."""
        self._owned.check(run_id)
        now = self._clock.now()

        def work(connection: Connection) -> Loaded:
            raised = update(tables.runs).where(tables.runs.c.run_id == run_id)
            connection.execute(raised.values(generation=tables.runs.c.generation + 1, updated_at=now))
            return read_run(connection, run_id)

        return await self._writer.write(work)

    async def load(self, run_id: str) -> Loaded:
        """Read a run without claiming it."""
        return await self._writer.read(lambda connection: read_run(connection, run_id))

    async def commit(
        self, run_id: str, generation: int, entries: Sequence[Entry], acknowledged: Sequence[str] = ()
    ) -> None:
        """Everything that follows from these events, in one transaction; `OwnershipLost` for an old generation."""
        self._owned.check(run_id)
        now = self._clock.now()

        def work(connection: Connection) -> None:
            write_batch(connection, batch_of(run_id, entries, acknowledged, now), generation)

        await self._writer.write(work)

    async def post(self, run_id: str, request: Request) -> int:
        """Put a request into the inbox of whoever owns the run."""
        row = {
            "run_id": run_id,
            "type": REQUESTS.name_of(request),
            "payload": _readable(request),
            "version": REQUESTS.version,
            "created_at": self._clock.now(),
        }

        def work(connection: Connection) -> int:
            known = select(tables.runs.c.run_id).where(tables.runs.c.run_id == storable(run_id))
            if connection.scalar(known) is None:
                raise unknown_run(connection, run_id)
            return int(connection.execute(insert(tables.inbox).returning(tables.inbox.c.id), row).scalar_one())

        return await self._writer.write(work)

    async def waiting(self, run_id: str) -> tuple[Waiting, ...]:
        """The requests that the owner has not taken, oldest first; `OwnershipLost` if it is no owner any more."""
        self._owned.check(run_id)

        def work(connection: Connection) -> tuple[Waiting, ...]:
            return tuple(
                Waiting(id=id_, request=REQUESTS.read(type_, version, payload))
                for id_, type_, version, payload in connection.execute(waiting_requests(), {"run": run_id})
            )

        return await self._writer.read(work)

    async def change_count(self) -> int:
        """A number that differs when somebody has written, this journal included, or when a run of ours was lost."""
        return await self._watch.count() + self._owned.lost()

    async def known_result(self, tree: str, command: str, environment: str) -> CheckResult | None:
        """What a check said about exactly this tree before, if it was run."""
        column = tables.check_results.c
        query = select(column.result_json).where(
            column.tree == tree, column.command == _as_key(command), column.environment == environment
        )
        stored = await self._writer.read(lambda connection: connection.scalar(query))
        return None if stored is None else RESULT.read(stored)

    async def keep_result(self, result: CheckResult) -> None:
        """Remember what a check said; what it said before is replaced."""
        row = {
            "tree": result.tree,
            "command": _as_key(result.command),
            "environment": result.environment,
            "passed": result.passed,
            "exit_code": result.exit_code,
            "result_json": RESULT.write(result),
            "created_at": self._clock.now(),
        }
        await self._writer.write(
            lambda connection: connection.execute(statements(connection.dialect.name).keep_result, row)
        )


def _readable(request: Request) -> str:
    """A request as JSON that its owner can read again: one that he can't would keep the run from ever going on."""
    try:
        text = REQUESTS.write(request)
        REQUESTS.read(REQUESTS.name_of(request), REQUESTS.version, text)
    except (DatabaseUnreadable, ValueError, RecursionError):
        raise EventRefused("what is said can't be kept: it is nested too deeply, or is no JSON") from None
    return text


LONGEST_KEY = 1000
"""Bytes of a command that stands in its key as it is: an index of Postgres takes no more than 2,700 for a whole key."""


def _as_key(command: str) -> str:
    raw = command.encode("utf-8", "surrogatepass")
    return command if len(raw) <= LONGEST_KEY else f"sha256:{hashlib.sha256(raw).hexdigest()}"
