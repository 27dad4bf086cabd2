"""Prompts, phases, pipelines and what comes of them; for which pipeline a run is, and by which prompt a call asks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MOMENT = sa.String(length=27)
TABLES = (
    *("idempotency_keys", "issues", "pipeline_notes", "phase_answers", "phase_attempts"),
    *("usage_by_pipeline", "usage_by_day"),
    *("artifacts", "phase_transitions", "pipelines", "phase_configurations", "role_prompts"),
)


def upgrade() -> None:
    """Make the tables, add the columns."""
    _prompts()
    _pipelines()
    _attempts()
    _replies()
    op.add_column("runs", sa.Column("pipeline_id", sa.String()))
    op.create_index("ix_runs_pipeline_id", "runs", ["pipeline_id"])
    op.add_column("reservations", sa.Column("prompt_id", sa.String()))
    op.create_index("ix_usage_used_at", "pipeline_prompt_usage", ["used_at"])
    _sums_of_usage()


def downgrade() -> None:
    """Take them away again, with all that is in them."""
    op.drop_index("ix_usage_used_at", table_name="pipeline_prompt_usage")
    op.drop_column("reservations", "prompt_id")
    op.drop_index("ix_runs_pipeline_id", table_name="runs")
    op.drop_column("runs", "pipeline_id")
    for table in TABLES:
        op.drop_table(table)


def _prompts() -> None:
    # What roles are told, and the phases.
    op.create_table(
        "role_prompts",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("role_name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("starting_prompt", sa.Text(), nullable=False),
        sa.Column("bootstrapper", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("working_schema", sa.Text()),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("role_name", "version", name="uq_role_prompts_version"),
    )
    op.create_index(
        "uq_role_prompts_active",
        "role_prompts",
        ["role_name"],
        unique=True,
        sqlite_where=sa.text("is_active = 1"),
        postgresql_where=sa.text("is_active"),
    )
    op.create_table(
        "phase_configurations",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("phase_name", sa.String(), nullable=False),
        sa.Column("role_name", sa.String(), nullable=False),
        sa.Column("artifact_type", sa.String(), nullable=False),
        sa.Column("next_phase", sa.String()),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("phase_name"),
        sa.UniqueConstraint("id"),
    )


def _pipelines() -> None:
    # Pipelines, and what comes of them.
    op.create_table(
        "pipelines",
        sa.Column("pipeline_id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("epic_id", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("initial_context", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("current_phase", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("replans", sa.Integer(), nullable=False),
        sa.Column("approved", sa.Text(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("token_budget", sa.BigInteger(), nullable=False),
        sa.Column("alerted_at", MOMENT),
        sa.Column("alerted_tokens", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("completed_at", MOMENT),
        sa.ForeignKeyConstraint(["project"], ["projects.id"]),
        sa.PrimaryKeyConstraint("pipeline_id"),
    )
    op.create_index(
        "ix_pipelines_alerted",
        "pipelines",
        ["alerted_at"],
        sqlite_where=sa.text("alerted_at IS NOT NULL"),
        postgresql_where=sa.text("alerted_at IS NOT NULL"),
    )
    op.create_index("ix_pipelines_created_at", "pipelines", ["created_at"])
    op.create_index("ix_pipelines_project", "pipelines", ["project"])
    op.create_index("ix_pipelines_status", "pipelines", ["status", "created_at"])
    op.create_index(
        "ix_pipelines_wanted",
        "pipelines",
        ["created_at"],
        sqlite_where=sa.text("wanted != ''"),
        postgresql_where=sa.text("wanted != ''"),
    )
    op.create_table(
        "phase_transitions",
        sa.Column("transition_id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("timestamp", MOMENT, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.pipeline_id"]),
        sa.PrimaryKeyConstraint("transition_id"),
    )
    op.create_index("ix_phase_transitions_pipeline", "phase_transitions", ["pipeline_id"])
    op.create_table(
        "artifacts",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.String(), nullable=False),
        sa.Column("pipeline_id", sa.String(), nullable=False),
        sa.Column("artifact_type", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("mentor_role", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("prompt_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("validation_status", sa.String(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.pipeline_id"]),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("artifact_id"),
    )
    op.create_index("ix_artifacts_pipeline", "artifacts", ["pipeline_id", "artifact_type"])


def _attempts() -> None:
    # What was asked and answered, what happened, what was found.
    op.create_table(
        "phase_attempts",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("pipeline_id", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("role_name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("stable", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.pipeline_id"]),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_phase_attempts_pipeline", "phase_attempts", ["pipeline_id"])
    op.create_table(
        "phase_answers",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.String(), nullable=False),
        sa.Column("voice", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stop", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["attempt"], ["phase_attempts.id"]),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("attempt", "voice", "number", name="uq_phase_answers"),
    )
    op.create_table(
        "pipeline_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.pipeline_id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_pipeline_notes_pipeline", "pipeline_notes", ["pipeline_id", "id"])
    op.create_table(
        "issues",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("pipeline_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("fix_required", sa.Boolean(), nullable=False),
        sa.Column("is_debt", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_issues_pipeline", "issues", ["pipeline_id"])
    op.create_index("ix_issues_project", "issues", ["project"])


def _replies() -> None:
    # Answers to requests that may be repeated.
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_idempotency_keys_begun_at", "idempotency_keys", ["begun_at"])


SUMS = ("calls", "input_tokens", "output_tokens", "cost_usd", "price_unknown")
FILL_DAYS = """
INSERT INTO usage_by_day
SELECT coalesce(phase_name, ''), coalesce(role_name, ''), coalesce(model, ''), coalesce(agent, ''),
       pipeline_id IS NOT NULL, project, substr(used_at, 1, 10), count(*), sum(input_tokens), sum(output_tokens),
       coalesce(sum(cost_usd), 0), sum(CASE WHEN price_unknown THEN 1 ELSE 0 END)
FROM pipeline_prompt_usage GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
FILL_PIPELINES = """
INSERT INTO usage_by_pipeline
SELECT coalesce(pipeline_id, ''), coalesce(phase_name, ''), substr(used_at, 1, 10), coalesce(role_name, ''),
       coalesce(model, ''), coalesce(agent, ''), project, count(*), sum(input_tokens), sum(output_tokens),
       coalesce(sum(cost_usd), 0), sum(CASE WHEN price_unknown THEN 1 ELSE 0 END),
       coalesce(sum(execution_time_ms), 0), max(used_at)
FROM pipeline_prompt_usage GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def _sums_of_usage() -> None:
    # What the records that are there add up to; from now on each is added when it is written.
    op.create_table(
        "usage_by_day",
        *_keys("phase_name", "role_name", "model", "agent"),
        sa.Column("of_pipeline", sa.Boolean(), nullable=False),
        *_keys("project", "day"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint("phase_name", "role_name", "model", "agent", "of_pipeline", "project", "day"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_usage_by_day_day", "usage_by_day", ["day"])
    op.create_table(
        "usage_by_pipeline",
        *_keys("pipeline_id", "phase_name", "day", "role_name", "model", "agent", "project"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.Column("execution_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("pipeline_id", "phase_name", "day", "role_name", "model", "agent", "project"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_usage_by_pipeline_day", "usage_by_pipeline", ["day"])
    op.execute(FILL_DAYS)
    op.execute(FILL_PIPELINES)


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]
