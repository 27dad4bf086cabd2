"""The statements of the journal, each one object so that SQLAlchemy compiles it once; and how a batch is written."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Insert, Select, Update, bindparam, case, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from penstock.adapters.store import batches, tables
from penstock.adapters.store.codec import RUN_PROGRESS, run_progress, storable
from penstock.ports import OwnershipLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Dialect, Table

    from penstock.adapters.store.batches import Batch, Row
    from penstock.domain.run import Run


class Prepared:
    """A statement that SQLAlchemy compiles once, sent through the driver's own cursor with rows as they are.

    SQLAlchemy's execution of a statement would cost several times what SQLite needs for it. The transaction stays its.
    """

    def __init__(self, statement: Insert | Update, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = names
        """What stands where in a row."""
        self._compiled: tuple[str, Callable[[Row], Row] | None] | None = None

    def send(self, cursor: Any, dialect: Dialect, rows: Sequence[Row]) -> int:
        """Write rows; how many rows of the database they met."""
        if self._compiled is None:
            self._compiled = self._compile(dialect)
        text, in_order = self._compiled
        if in_order is not None:
            rows = [in_order(row) for row in rows]
        if len(rows) == 1:
            cursor.execute(text, rows[0])
        else:
            cursor.executemany(text, rows)
        return int(cursor.rowcount)

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Row], Row] | None]:
        kind: Any = type(dialect)  # each of those that we use takes the style of its parameters
        by_place: Dialect = dialect if dialect.positional else kind(paramstyle="format")
        columns = [name for name in self._names if not name.startswith("b_")]
        compiled: Any = self._statement.compile(dialect=by_place, column_keys=columns)
        order = tuple(map(self._names.index, compiled.positiontup))
        return str(compiled), None if order == tuple(range(len(self._names))) else itemgetter(*order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What the journal sends, for one kind of database."""

    touch_run: Prepared
    change_run: Prepared
    insert_events: Prepared
    change_workstreams: Prepared
    begin_attempts: Prepared
    end_attempts: Prepared
    see_errors: Prepared
    insert_verdicts: Prepared
    insert_integrations: Prepared
    insert_approvals: Prepared
    insert_commands: Prepared
    commands_done: Prepared
    requests_taken: Prepared
    keep_result: Insert
    keep_project: Insert
    insert_run: ReturningInsert[tuple[str]]
    """Stores nothing, and so answers nothing, where the run is there already."""


@cache
def statements(dialect: str) -> Statements:
    """The statements for a kind of database."""
    attempt = {name: f"b_{name}" for name in ("run_id", "ws_id", "step", "round", "attempt", "retry")}
    return Statements(
        touch_run=Prepared(_owned(), TOUCHED),
        change_run=Prepared(_change_run(), CHANGED),
        insert_events=Prepared(insert(tables.events).inline(), batches.EVENT),
        change_workstreams=Prepared(_where(tables.workstreams, run_id="b_run", ws_id="b_ws"), batches.WORKSTREAM),
        begin_attempts=Prepared(insert(tables.step_attempts).inline(), batches.ATTEMPT_BEGUN),
        end_attempts=Prepared(_where(tables.step_attempts, **attempt), batches.ATTEMPT_ENDED),
        see_errors=Prepared(_see_error(dialect), batches.ERROR),
        insert_verdicts=Prepared(insert(tables.verdicts).inline(), batches.VERDICT),
        insert_integrations=Prepared(insert(tables.integrations).inline(), batches.INTEGRATION),
        insert_approvals=Prepared(insert(tables.approvals).inline(), batches.APPROVAL),
        insert_commands=Prepared(insert(tables.commands).inline(), batches.COMMAND),
        commands_done=Prepared(_where(tables.commands, run_id="b_run", key="b_key"), batches.COMMAND_DONE),
        requests_taken=Prepared(_where(tables.inbox, run_id="b_run", id="b_id"), batches.REQUEST_TAKEN),
        keep_result=replacing(dialect, tables.check_results, "tree", "command", "environment"),
        keep_project=replacing(dialect, tables.projects, "id", kept=("created_at",)),
        insert_run=upsert(dialect)(tables.runs)
        .on_conflict_do_nothing(index_elements=["run_id"])
        .returning(tables.runs.c.run_id),
    )


RUN = ("status", "reason", "sentence", "base", "head", "progress")
TOUCHED = ("updated_at", "b_run", "b_generation")
CHANGED = (*TOUCHED, *RUN, "b_started_at", "b_ended_at", "b_kept_status")


@cache
def waiting_requests() -> Select[int, str, int, str]:
    """What of a run's inbox was not taken, oldest first: an owner asks after everything that anybody has written."""
    column = tables.inbox.c
    query = select(column.id, column.type, column.version, column.payload).order_by(column.id)
    return query.where(column.run_id == bindparam("run"), column.taken_at.is_(None))


def _where(table: Any, **names: str) -> Update:
    statement = update(table)
    for column, parameter in names.items():
        statement = statement.where(table.c[column] == bindparam(parameter))
    return statement


def _owned() -> Update:
    return _where(tables.runs, run_id="b_run", generation="b_generation")


def _change_run() -> Update:
    column = tables.runs.c
    ended_at = bindparam("b_ended_at", type_=tables.Moment)
    kept_end = case((column.status == bindparam("b_kept_status"), column.completed_at), else_=ended_at)
    begun = func.coalesce(column.started_at, bindparam("b_started_at", type_=tables.Moment))
    return _owned().values(started_at=begun, completed_at=kept_end)


def upsert(dialect: str) -> Any:
    """The insert of a kind of database that can say what to do where the row is there."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def _see_error(dialect: str) -> Insert:
    statement = upsert(dialect)(tables.errors)
    again: Insert = statement.on_conflict_do_update(
        index_elements=["run_id", "ws_id", "step", "signature"],
        set_={
            "count": tables.errors.c.count + literal_column("1"),
            "last_seen_at": statement.excluded.last_seen_at,
            "message": statement.excluded.message,
        },
    )
    return again


@cache
def replacing(dialect: str, table: Table, *key: str, kept: tuple[str, ...] = ()) -> Insert:
    """The insert that takes the place of the row with this key, but for the columns that are kept."""
    statement = upsert(dialect)(table)
    others = [column.name for column in table.columns if column.name not in (*key, *kept)]
    replaced: Insert = statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in others}
    )
    return replaced


def run_columns(run: Run) -> dict[str, Any]:
    """The columns of a run that change as it goes on."""
    return {
        "status": run.state.value,
        "reason": None if run.reason is None else run.reason.value,
        "sentence": storable(run.sentence),
        "base": run.base,
        "head": run.head,
        "progress": RUN_PROGRESS.write(run_progress(run)),
    }


def write_batch(connection: Connection, batch: Batch, generation: int) -> None:
    """Write a batch in the transaction that is under way; OwnershipLost, and nothing written, for an old generation."""
    dialect = connection.dialect
    known = statements(dialect.name)
    with closing(connection.connection.cursor()) as cursor:
        if _run_sent(cursor, dialect, batch, generation) == 0:
            raise OwnershipLost(
                f"the run {batch.run_id} was taken over by another process while this one worked on it",
                hint="nothing is lost: follow it with `penstock show-run`",
            )
        for statement, rows in (
            (known.insert_events, batch.events),
            (known.change_workstreams, batch.workstreams),
            (known.begin_attempts, batch.attempts_begun),
            (known.end_attempts, batch.attempts_ended),
            (known.see_errors, batch.errors),
            (known.insert_verdicts, batch.verdicts),
            (known.insert_integrations, batch.integrations),
            (known.insert_approvals, batch.approvals),
            (known.insert_commands, batch.commands),
            (known.commands_done, batch.done),
            (known.requests_taken, batch.taken),
        ):
            if rows:
                statement.send(cursor, dialect, rows)


def _run_sent(cursor: Any, dialect: Dialect, batch: Batch, generation: int) -> int:
    """Write the run's own row; 0 if it is no longer ours."""
    known, run = statements(dialect.name), batch.run
    touched = (batch.at, batch.run_id, generation)
    if run is None or not batch.run_changed:
        return known.touch_run.send(cursor, dialect, [touched])
    kept, columns = "" if batch.moved else run.state.value, run_columns(run)
    changed = (*touched, *(columns[name] for name in RUN), batch.started_at, batch.ended_at, kept)
    return known.change_run.send(cursor, dialect, [changed])
