"""The statements of the journal, each one object so that SQLAlchemy compiles it once; and how a batch is written."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Delete, Insert, Select, Update, bindparam, case, func, insert, literal_column, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from penstock.adapters.store import tables
from penstock.adapters.store.codec import RUN_PROGRESS, run_progress, storable
from penstock.ports import OwnershipLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.adapters.store.batches import Batch, Row
    from penstock.domain.run import Run


class Prepared:
    """A statement that SQLAlchemy compiles once, sent through the driver's own cursor with rows as they are.

    SQLAlchemy's execution of a statement would cost several times what SQLite needs for it. The transaction stays its.
    """

    def __init__(self, statement: Insert | Update | Delete | Select[Any]) -> None:
        self._statement = statement
        self._compiled: tuple[str, Callable[[Row], tuple[Any, ...]] | None] | None = None

    def send(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Write rows that all have the same names; how many rows of the database they met."""
        text, in_order = self._ready(connection, rows[0])
        # A driver that takes names takes the rows; the others want them in the order of the statement.
        parameters: Any = rows if in_order is None else [in_order(row) for row in rows]
        with closing(connection.connection.cursor()) as cursor:
            if len(rows) == 1:
                cursor.execute(text, parameters[0])
            else:
                cursor.executemany(text, parameters)
            return int(cursor.rowcount)

    def ask(self, connection: Connection, row: Row) -> list[tuple[Any, ...]]:
        """Send one row; what the statement returns."""
        text, in_order = self._ready(connection, row)
        parameters: Any = row if in_order is None else in_order(row)
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(text, parameters)
            return list(cursor.fetchall())

    def _ready(self, connection: Connection, row: Row) -> tuple[str, Callable[[Row], tuple[Any, ...]] | None]:
        if self._compiled is None:
            self._compiled = self._compile(connection, [name for name in row if not name.startswith("b_")])
        return self._compiled

    def _compile(self, connection: Connection, columns: list[str]) -> Any:
        compiled = self._statement.compile(dialect=connection.dialect, column_keys=columns)
        order = getattr(compiled, "positiontup", None)
        return str(compiled), None if order is None else _in_order(order)


def _in_order(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


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
        touch_run=Prepared(_owned()),
        change_run=Prepared(_change_run()),
        insert_events=Prepared(insert(tables.events).inline()),
        change_workstreams=Prepared(_where(tables.workstreams, run_id="b_run", ws_id="b_ws")),
        begin_attempts=Prepared(insert(tables.step_attempts).inline()),
        end_attempts=Prepared(_where(tables.step_attempts, **attempt)),
        see_errors=Prepared(_see_error(dialect)),
        insert_verdicts=Prepared(insert(tables.verdicts).inline()),
        insert_integrations=Prepared(insert(tables.integrations).inline()),
        insert_approvals=Prepared(insert(tables.approvals).inline()),
        insert_commands=Prepared(insert(tables.commands).inline()),
        commands_done=Prepared(_where(tables.commands, run_id="b_run", key="b_key")),
        requests_taken=Prepared(_where(tables.inbox, run_id="b_run", id="b_id")),
        keep_result=_replacing(dialect, tables.check_results, ["tree", "command", "environment"]),
        keep_project=_replacing(dialect, tables.projects, ["id"], kept="created_at"),
        insert_run=upsert(dialect)(tables.runs)
        .on_conflict_do_nothing(index_elements=["run_id"])
        .returning(tables.runs.c.run_id),
    )


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


def _replacing(dialect: str, table: Any, key: list[str], kept: str = "") -> Insert:
    statement = upsert(dialect)(table)
    others = [column.name for column in table.columns if column.name not in (*key, kept)]
    replacing: Insert = statement.on_conflict_do_update(
        index_elements=key, set_={name: statement.excluded[name] for name in others}
    )
    return replacing


def run_columns(run: Run) -> Row:
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
    known = statements(connection.dialect.name)
    _write_run(connection, known, batch, generation)
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
            statement.send(connection, rows)


def _write_run(connection: Connection, known: Statements, batch: Batch, generation: int) -> None:
    owner = {"b_run": batch.run_id, "b_generation": generation, "updated_at": batch.at}
    if batch.run is not None and batch.run_changed:
        times = {"b_started_at": batch.started_at, "b_ended_at": batch.ended_at}
        kept = {"b_kept_status": "" if batch.moved else batch.run.state.value}
        touched = known.change_run.send(connection, [{**owner, **run_columns(batch.run), **times, **kept}])
    else:
        touched = known.touch_run.send(connection, [owner])
    if touched == 0:
        raise OwnershipLost(
            f"the run {batch.run_id} was taken over by another process while this one worked on it",
            hint="nothing is lost: follow it with `penstock show-run`",
        )
