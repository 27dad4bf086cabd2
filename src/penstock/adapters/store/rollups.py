"""Adds a record of usage to what is kept of all together, in the transaction that writes the record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Insert, Table, case

from penstock.adapters.store.named import Named
from penstock.adapters.store.rollup_tables import SUMS, usage_by_day, usage_by_pipeline
from penstock.adapters.store.statements import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = len("2026-11-20")
"""How much of a time as text is its day."""

_TEXTS = ("project", "phase_name", "role_name", "model", "agent")


def add_to_rollups(connection: Connection, row: Mapping[str, Any]) -> None:
    """Add one record, whose time is text, to all that it is part of. The wider sum is always written first, so that no
    two transactions wait for each other.
    """
    known = _statements(connection.dialect.name)
    common = {
        "day": row["used_at"][:DAY],
        **{name: row[name] or "" for name in _TEXTS},
        "calls": 1,
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "cost_usd": row["cost_usd"] or 0,
        "price_unknown": int(row["price_unknown"]),
    }
    known.by_day.send(connection, {**common, "of_pipeline": row["pipeline_id"] is not None})
    of_pipeline = {
        "pipeline_id": row["pipeline_id"] or "",
        "execution_time_ms": row["execution_time_ms"] or 0,
        "last_used_at": row["used_at"],
    }
    known.by_pipeline.send(connection, {**common, **of_pipeline})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    by_day: Named
    by_pipeline: Named


@cache
def _statements(dialect: str) -> _Statements:
    return _Statements(
        by_day=Named(_adding(dialect, usage_by_day, SUMS)),
        by_pipeline=Named(_adding(dialect, usage_by_pipeline, (*SUMS, "execution_time_ms"))),
    )


def _adding(dialect: str, table: Table, sums: tuple[str, ...]) -> Insert:
    new = upsert(dialect)(table)
    values: dict[str, Any] = {name: table.c[name] + new.excluded[name] for name in sums}
    if "last_used_at" in table.c:
        last, other = table.c.last_used_at, new.excluded.last_used_at
        values["last_used_at"] = case((other > last, other), else_=last)
    adding: Insert = new.on_conflict_do_update(
        index_elements=[column.name for column in table.primary_key.columns], set_=values
    )
    return adding
