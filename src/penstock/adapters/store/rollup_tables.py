"""What usage adds up to, kept beside its records: by day, and by pipeline and day. It is never the only copy.

A text that does not apply is empty here, since it is part of the key. `cost_usd` adds up the calls whose price is
known, in millionths of a dollar; of how many it is not, `price_unknown` tells.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, String, Table

from penstock.adapters.store.tables import Moment, metadata

SUMS = ("calls", "input_tokens", "output_tokens", "cost_usd", "price_unknown")


def _key(name: str) -> Column[str]:
    return Column(name, String, nullable=False)


def _sums() -> tuple[Column[int], ...]:
    return tuple(Column(name, BigInteger, nullable=False) for name in SUMS)


# Each is kept in the order in which all of it is added up; a few days are found by an index. The first does not grow
# with the number of pipelines: what all of them used on a day is a handful of rows.
usage_by_day = Table(
    "usage_by_day",
    metadata,
    *map(_key, ("phase_name", "role_name", "model", "agent")),
    Column("of_pipeline", Boolean, nullable=False),
    *map(_key, ("project", "day")),
    *_sums(),
    PrimaryKeyConstraint("phase_name", "role_name", "model", "agent", "of_pipeline", "project", "day"),
    Index("ix_usage_by_day_day", "day"),
    sqlite_with_rowid=False,
)

usage_by_pipeline = Table(
    "usage_by_pipeline",
    metadata,
    *map(_key, ("pipeline_id", "phase_name", "day", "role_name", "model", "agent", "project")),
    *_sums(),
    Column("execution_time_ms", BigInteger, nullable=False),
    Column("last_used_at", Moment, nullable=False),
    PrimaryKeyConstraint("pipeline_id", "phase_name", "day", "role_name", "model", "agent", "project"),
    Index("ix_usage_by_pipeline_day", "day"),
    sqlite_with_rowid=False,
)
