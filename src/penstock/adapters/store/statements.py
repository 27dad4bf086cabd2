"""The statements of the journal, each one object so that SQLAlchemy compiles it once; and how a batch is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Insert, Update, bindparam, case, func, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from penstock.adapters.store import tables
from penstock.adapters.store.codec import RUN_PROGRESS, run_progress, storable
from penstock.ports import OwnershipLost

if TYPE_CHECKING:
    from penstock.adapters.store.batches import Batch, Row
    from penstock.domain.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What the journal sends, for one kind of database."""

    touch_run: Update
    change_run: Update
    change_workstream: Update
    end_attempt: Update
    command_done: Update
    request_taken: Update
    see_error: Insert
    keep_result: Insert
    keep_project: Insert


@cache
def statements(dialect: str) -> Statements:
    """The statements for a kind of database."""
    return Statements(
        touch_run=_owned().values(updated_at=bindparam("updated_at")),
        change_run=_change_run(),
        change_workstream=_where(tables.workstreams, run_id="b_run", ws_id="b_ws"),
        end_attempt=_where(
            tables.step_attempts,
            **{name: f"b_{name}" for name in ("run_id", "ws_id", "step", "round", "attempt", "retry")},
        ),
        command_done=_where(tables.commands, run_id="b_run", key="b_key"),
        request_taken=_where(tables.inbox, run_id="b_run", id="b_id"),
        see_error=_see_error(dialect),
        keep_result=_replacing(dialect, tables.check_results, ["tree", "command", "environment"]),
        keep_project=_replacing(dialect, tables.projects, ["id"], kept="created_at"),
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
    return _owned().values(
        **{
            name: bindparam(name) for name in ("status", "reason", "sentence", "base", "head", "progress", "updated_at")
        },
        started_at=func.coalesce(column.started_at, bindparam("b_started_at", type_=tables.Moment)),
        completed_at=kept_end,
    )


def _upsert(dialect: str) -> Any:
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def _see_error(dialect: str) -> Insert:
    statement = _upsert(dialect)(tables.errors)
    again: Insert = statement.on_conflict_do_update(
        index_elements=["run_id", "ws_id", "step", "signature"],
        set_={
            "count": tables.errors.c.count + 1,
            "last_seen_at": statement.excluded.last_seen_at,
            "message": statement.excluded.message,
        },
    )
    return again


def _replacing(dialect: str, table: Any, key: list[str], kept: str = "") -> Insert:
    statement = _upsert(dialect)(table)
    others = [column.name for column in table.columns if column.name not in (*key, kept)]
    replacing: Insert = statement.on_conflict_do_update(
        index_elements=key, set_={name: statement.excluded[name] for name in others}
    )
    return replacing


_INSERT_EVENTS = insert(tables.events)
_INSERT_ATTEMPTS = insert(tables.step_attempts)
_INSERT_VERDICTS = insert(tables.verdicts)
_INSERT_INTEGRATIONS = insert(tables.integrations)
_INSERT_APPROVALS = insert(tables.approvals)
_INSERT_COMMANDS = insert(tables.commands)


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
        (_INSERT_EVENTS, batch.events),
        (known.change_workstream, batch.workstreams),
        (_INSERT_ATTEMPTS, batch.attempts_begun),
        (known.end_attempt, batch.attempts_ended),
        (known.see_error, batch.errors),
        (_INSERT_VERDICTS, batch.verdicts),
        (_INSERT_INTEGRATIONS, batch.integrations),
        (_INSERT_APPROVALS, batch.approvals),
        (_INSERT_COMMANDS, batch.commands),
        (known.command_done, batch.done),
        (known.request_taken, batch.taken),
    ):
        if rows:
            connection.execute(statement, rows)


def _write_run(connection: Connection, known: Statements, batch: Batch, generation: int) -> None:
    owner = {"b_run": batch.run_id, "b_generation": generation, "updated_at": batch.at}
    if batch.run is not None and batch.run_changed:
        times = {"b_started_at": batch.started_at, "b_ended_at": batch.ended_at}
        kept = {"b_kept_status": "" if batch.moved else batch.run.state.value}
        touched = connection.execute(known.change_run, {**owner, **run_columns(batch.run), **times, **kept})
    else:
        touched = connection.execute(known.touch_run, owner)
    if touched.rowcount == 0:
        raise OwnershipLost(
            f"the run {batch.run_id} was taken over by another process while this one worked on it",
            hint="nothing is lost: follow it with `penstock show-run`",
        )
