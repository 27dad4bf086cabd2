"""The tables of usage and budgets: one row per model call, one per account, one per call that is under way.

None refers to a run by a foreign key: what was paid stays counted, whoever asked for it. What does not apply is NULL.
Money is in millionths of a dollar.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    text,
)

from penstock.adapters.store.tables import Moment, metadata


def _caller() -> tuple[Column[str], ...]:
    """Whom a call is for."""
    return (
        Column("project", String, nullable=False),
        Column("pipeline_id", String),
        Column("run_id", String),
        Column("ws_id", String),
        Column("attempt", String),
        Column("role_name", String),
        Column("phase_name", String),
        Column("agent", String),
        Column("prompt_id", String),
    )


def _destination() -> tuple[Column[str] | Column[int] | Column[bool], ...]:
    """Where a call goes."""
    return (
        Column("ordinal", Integer),
        Column("protocol", String),
        Column("upstream", String),
        Column("model", String),
        Column("alias", String),
        Column("streamed", Boolean, nullable=False),
    )


def _tokens(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


# `input_tokens` is everything that the model read; the three `cache_…` columns are the parts of it that a cache had a
# part in. Input and output add up to what is counted against a cap.
pipeline_prompt_usage = Table(
    "pipeline_prompt_usage",
    metadata,
    Column("id", String, primary_key=True),
    *_caller(),
    *_destination(),
    Column("used_at", Moment, nullable=False),
    _tokens("input_tokens"),
    _tokens("output_tokens"),
    _tokens("cache_read_tokens"),
    _tokens("cache_write_tokens"),
    _tokens("cache_write_long_tokens"),
    Column("cost_usd", BigInteger),
    Column("price_unknown", Boolean, nullable=False),
    Column("unit_prices", Text),
    Column("estimated", Boolean, nullable=False),
    Column("claimed", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("http_status", Integer),
    Column("stop_reason", String),
    Column("error", Text),
    Column("tries", Integer, nullable=False),
    Column("execution_time_ms", Integer),
    Column("first_byte_ms", Integer),
    Index("ix_usage_role", "role_name", "phase_name"),
    Index("ix_usage_pipeline", "pipeline_id", "phase_name"),
    Index("ix_usage_run", "run_id", "ws_id"),
    Index("ix_usage_used_at", "used_at"),
)

# What a person has set of a cap (`by_hand_…`) no settings change. Of its marks all up to `told_mark` were told.
budgets = Table(
    "budgets",
    metadata,
    Column("level", String, nullable=False),
    Column("key", String, nullable=False),
    Column("cap_tokens", BigInteger),
    Column("cap_micros", BigInteger),
    Column("settled_tokens", BigInteger, nullable=False),
    Column("settled_micros", BigInteger, nullable=False),
    Column("reserved_tokens", BigInteger, nullable=False),
    Column("reserved_micros", BigInteger, nullable=False),
    Column("by_hand_tokens", Boolean, nullable=False, server_default=false()),
    Column("by_hand_micros", Boolean, nullable=False, server_default=false()),
    Column("told_mark", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("level", "key"),
)

# Everything that is needed to settle a call whose maker died.
reservations = Table(
    "reservations",
    metadata,
    Column("call_id", String, primary_key=True),
    *_caller(),
    *_destination(),
    Column("made_at", Moment, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False),
    Index("ix_reservations_run", "run_id"),
)
