"""The tables of the library: what roles are told, the phases, pipelines and all that comes of them.

What is never changed has a `place`, its number in the order of being stored: a clock may tell the same time twice.
JSON is kept as text.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from penstock.adapters.store.tables import Moment, metadata


def _place() -> Column[int]:
    return Column("place", Integer, primary_key=True)


def _pipeline() -> Column[str]:
    return Column("pipeline_id", String, ForeignKey("pipelines.pipeline_id"), nullable=False)


role_prompts = Table(
    "role_prompts",
    metadata,
    _place(),
    Column("id", String, nullable=False, unique=True),
    Column("role_name", String, nullable=False),
    Column("version", String, nullable=False),
    Column("starting_prompt", Text, nullable=False),
    Column("bootstrapper", Text, nullable=False),
    Column("instructions", Text, nullable=False),
    Column("working_schema", Text),
    Column("template", String, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("created_by", String, nullable=False),
    Column("notes", Text, nullable=False),
    UniqueConstraint("role_name", "version", name="uq_role_prompts_version"),
)
Index(
    "uq_role_prompts_active",
    role_prompts.c.role_name,
    unique=True,
    sqlite_where=text("is_active = 1"),
    postgresql_where=text("is_active"),
)

phase_configurations = Table(
    "phase_configurations",
    metadata,
    _place(),
    Column("id", String, nullable=False, unique=True),
    Column("phase_name", String, nullable=False, unique=True),
    Column("role_name", String, nullable=False),
    Column("artifact_type", String, nullable=False),
    Column("next_phase", String),
    Column("is_active", Boolean, nullable=False),
    Column("config", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

# `state` follows from status and phase; it stands here for people who read the table.
pipelines = Table(
    "pipelines",
    metadata,
    Column("pipeline_id", String, primary_key=True),
    Column("project", String, ForeignKey("projects.id"), nullable=False, index=True),
    Column("epic_id", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("initial_context", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("current_phase", String, nullable=False),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("sentence", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("returns", Integer, nullable=False),
    Column("replans", Integer, nullable=False),
    Column("approved", Text, nullable=False),
    Column("branch", String, nullable=False),
    Column("base", String, nullable=False),
    Column("head", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("wanted", String, nullable=False),
    Column("token_budget", BigInteger, nullable=False),
    Column("alerted_at", Moment),
    Column("alerted_tokens", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("created_at", Moment, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False),
    Column("completed_at", Moment),
)
Index("ix_pipelines_status", pipelines.c.status, pipelines.c.created_at)
Index(
    "ix_pipelines_wanted",
    pipelines.c.created_at,
    sqlite_where=pipelines.c.wanted != "",
    postgresql_where=pipelines.c.wanted != "",
)
Index(
    "ix_pipelines_alerted",
    pipelines.c.alerted_at,
    sqlite_where=pipelines.c.alerted_at.is_not(None),
    postgresql_where=pipelines.c.alerted_at.is_not(None),
)

artifacts = Table(
    "artifacts",
    metadata,
    _place(),
    Column("artifact_id", String, nullable=False, unique=True),
    _pipeline(),
    Column("artifact_type", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("mentor_role", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("prompt_id", String, nullable=False),
    Column("attempt", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("validation_status", String, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("markdown", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_artifacts_pipeline", "pipeline_id", "artifact_type"),
)

phase_transitions = Table(
    "phase_transitions",
    metadata,
    Column("transition_id", Integer, primary_key=True),
    _pipeline(),
    Column("from_state", String, nullable=False),
    Column("to_state", String, nullable=False),
    Column("timestamp", Moment, nullable=False),
    Column("reason", String, nullable=False),
    Index("ix_phase_transitions_pipeline", "pipeline_id"),
)

phase_attempts = Table(
    "phase_attempts",
    metadata,
    _place(),
    Column("id", String, nullable=False, unique=True),
    _pipeline(),
    Column("phase", String, nullable=False),
    Column("role_name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("prompt_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("stable", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("run_id", String, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Index("ix_phase_attempts_pipeline", "pipeline_id"),
)

phase_answers = Table(
    "phase_answers",
    metadata,
    _place(),
    Column("attempt", String, ForeignKey("phase_attempts.id"), nullable=False),
    Column("voice", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("stop", String, nullable=False),
    Column("model", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("errors", Text, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("attempt", "voice", "number", name="uq_phase_answers"),
)

pipeline_notes = Table(
    "pipeline_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    _pipeline(),
    Column("type", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_pipeline_notes_pipeline", "pipeline_id", "id"),
)

# A finding may outlive its pipeline and its run.
issues = Table(
    "issues",
    metadata,
    _place(),
    Column("id", String, nullable=False, unique=True),
    Column("project", String, nullable=False),
    Column("pipeline_id", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("category", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("location", String, nullable=False),
    Column("fix_required", Boolean, nullable=False),
    Column("is_debt", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("closed_at", Moment),
    Index("ix_issues_project", "project"),
    Index("ix_issues_pipeline", "pipeline_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("begun_at", Moment, nullable=False, index=True),
)
