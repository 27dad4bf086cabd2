"""Usage of models, budgets, and what is reserved of them; indexes that every event paid for and few questions used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = ("reservations", "budgets", "pipeline_prompt_usage")
UNUSED = {
    "runs": "ix_runs_status",
    "workstreams": "ix_workstreams_status",
    "step_attempts": "ix_step_attempts_status",
    "events": "ix_events_workstream",
}


def upgrade() -> None:
    """Make the tables, drop the indexes."""
    _usage()
    _budgets()
    _reservations()
    for table, index in UNUSED.items():
        op.drop_index(index, table_name=table)


def downgrade() -> None:
    """Take the tables away again, with all that is in them, and make the indexes."""
    for table, index in UNUSED.items():
        first = [] if table == "runs" else ["run_id"]
        second = "ws_id" if table == "events" else "status"
        op.create_index(index, table, [*first, second])
    for table in TABLES:
        op.drop_table(table)


def _usage() -> None:
    op.create_table(
        "pipeline_prompt_usage",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("prompt_id", sa.String()),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("pipeline_id", sa.String()),
        sa.Column("run_id", sa.String()),
        sa.Column("ws_id", sa.String()),
        sa.Column("attempt", sa.String()),
        sa.Column("role_name", sa.String()),
        sa.Column("phase_name", sa.String()),
        sa.Column("agent", sa.String()),
        sa.Column("ordinal", sa.Integer()),
        sa.Column("protocol", sa.String()),
        sa.Column("upstream", sa.String()),
        sa.Column("model", sa.String()),
        sa.Column("alias", sa.String()),
        sa.Column("streamed", sa.Boolean(), nullable=False),
        sa.Column("used_at", sa.String(length=27), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("cache_write_long_tokens", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("cost_usd", sa.BigInteger()),
        sa.Column("price_unknown", sa.Boolean(), nullable=False),
        sa.Column("unit_prices", sa.Text()),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("http_status", sa.Integer()),
        sa.Column("stop_reason", sa.String()),
        sa.Column("error", sa.Text()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("execution_time_ms", sa.Integer()),
        sa.Column("first_byte_ms", sa.Integer()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_usage_role", "pipeline_prompt_usage", ["role_name", "phase_name"])
    op.create_index("ix_usage_pipeline", "pipeline_prompt_usage", ["pipeline_id", "phase_name"])
    op.create_index("ix_usage_run", "pipeline_prompt_usage", ["run_id", "ws_id"])


def _budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("cap_tokens", sa.BigInteger()),
        sa.Column("cap_micros", sa.BigInteger()),
        sa.Column("settled_tokens", sa.BigInteger(), nullable=False),
        sa.Column("settled_micros", sa.BigInteger(), nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("level", "key"),
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("pipeline_id", sa.String()),
        sa.Column("run_id", sa.String()),
        sa.Column("ws_id", sa.String()),
        sa.Column("attempt", sa.String()),
        sa.Column("role_name", sa.String()),
        sa.Column("phase_name", sa.String()),
        sa.Column("agent", sa.String()),
        sa.Column("ordinal", sa.Integer()),
        sa.Column("protocol", sa.String()),
        sa.Column("upstream", sa.String()),
        sa.Column("model", sa.String()),
        sa.Column("alias", sa.String()),
        sa.Column("streamed", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("call_id"),
    )
    op.create_index("ix_reservations_run", "reservations", ["run_id"])
