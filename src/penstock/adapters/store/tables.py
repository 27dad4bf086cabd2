"""The tables, as this version of the code sees them. The migrations make them; a test compares the two.

Those of usage and budgets are in `usage_tables`, those of pipelines in `library_tables`. Here every table but
`projects`, `check_results` and `schema_meta` is keyed by its run. JSON is kept as text. What is written at every event
has only the indexes by which it is found again then: who asks for more reads through the run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import UserDefinedType

from penstock.domain.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA_VERSION = 5
"""The number of the last migration."""


@lru_cache(maxsize=256)  # one event makes many rows of one time
def as_text(moment: datetime) -> str:
    """A time as its column holds it: in UTC, and sorting as time does."""
    if moment.tzinfo is None:
        raise Bug(f"the time {moment} does not say its zone")
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class Moment(UserDefinedType[datetime]):
    """An aware time, kept as text. It is not a `TypeDecorator`, which would cost three calls for every row."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type of the column."""
        return "VARCHAR(27)"

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        """From a time to its column."""
        return lambda moment: None if moment is None else as_text(moment)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], datetime | None]:
        """From its column to an aware time."""
        return lambda text: None if text is None else datetime.fromisoformat(text)


metadata = MetaData()


def _run() -> Column[str]:
    return Column("run_id", String, ForeignKey("runs.run_id"), nullable=False)


projects = Table(
    "projects",
    metadata,
    Column("id", String, primary_key=True),
    Column("path", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("project", String, ForeignKey("projects.id"), nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("sentence", Text, nullable=False),
    Column("branch", String, nullable=False),
    Column("base", String, nullable=False),
    Column("head", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("progress", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("pipeline_id", String, index=True),
    Column("created_at", Moment, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("completed_at", Moment),
)

# What a run was made from never changes and is long: in a row of its own, since SQLite writes a changed row whole.
plans = Table("plans", metadata, _run(), Column("content", Text, nullable=False), PrimaryKeyConstraint("run_id"))

workstreams = Table(
    "workstreams",
    metadata,
    _run(),
    Column("ws_id", String, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("depends_on", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    PrimaryKeyConstraint("run_id", "ws_id"),
)

step_attempts = Table(
    "step_attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("ws_id", String, nullable=False),
    Column("step", String, nullable=False),
    Column("round", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("retry", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("completed_at", Moment),
    Column("start_commit", String, nullable=False),
    Column("candidate", String),
    Column("tree", String),
    Column("confined", Boolean),
    Column("result_json", Text),
    ForeignKeyConstraint(["run_id", "ws_id"], ["workstreams.run_id", "workstreams.ws_id"]),
    UniqueConstraint("run_id", "ws_id", "step", "round", "attempt", "retry", name="uq_step_attempts"),
)

verdicts = Table(
    "verdicts",
    metadata,
    _run(),
    Column("id", String, nullable=False),
    Column("branch", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("commit_id", String, nullable=False),
    Column("tree", String, nullable=False),
    Column("members", Text, nullable=False),
    Column("checks", Text, nullable=False),
    Column("known_failures", Text, nullable=False),
    Column("unchecked", Boolean, nullable=False),
    Column("confined", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("run_id", "id"),
    UniqueConstraint("run_id", "id", "tree", name="uq_verdicts_tree"),
)

# The foreign key is the promise that the branch moves to no tree but the one that the verdict speaks of.
integrations = Table(
    "integrations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("ws_id", String, nullable=False),
    Column("verdict_id", String, nullable=False),
    Column("tree", String, nullable=False),
    Column("commit_id", String, nullable=False),
    Column("at", Moment, nullable=False),
    ForeignKeyConstraint(["run_id", "ws_id"], ["workstreams.run_id", "workstreams.ws_id"]),
    ForeignKeyConstraint(
        ["run_id", "verdict_id", "tree"],
        ["verdicts.run_id", "verdicts.id", "verdicts.tree"],
        name="fk_integrations_verdict",
    ),
    UniqueConstraint("run_id", "ws_id", "verdict_id", name="uq_integrations"),
)

check_results = Table(
    "check_results",
    metadata,
    Column("tree", String, nullable=False),
    Column("command", Text, nullable=False),
    Column("environment", String, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("exit_code", Integer),
    Column("result_json", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("tree", "command", "environment"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("timestamp", Moment, nullable=False),
    _run(),
    Column("ws_id", String),
    Column("event_type", String, nullable=False),
    Column("payload_json", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("is_input", Boolean, nullable=False),
    Column("refused", Text),
    Index("ix_events_run", "run_id", "id"),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("key", String, nullable=False),
    Column("type", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("not_before", Moment),
    Column("done_at", Moment),
    UniqueConstraint("run_id", "key", name="uq_commands_key"),
)
Index(
    "ix_commands_open",
    commands.c.run_id,
    sqlite_where=commands.c.done_at.is_(None),
    postgresql_where=commands.c.done_at.is_(None),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("type", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("taken_at", Moment),
    Column("refused", Text),
    Index("ix_inbox_run", "run_id", "taken_at"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("ws_id", String),
    Column("gate", Integer, nullable=False),
    Column("decision", String, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_approvals_run", "run_id", "ws_id"),
)

errors = Table(
    "errors",
    metadata,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("ws_id", String, nullable=False),
    Column("step", String, nullable=False),
    Column("error_code", String, nullable=False),
    Column("signature", String, nullable=False),
    Column("count", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    UniqueConstraint("run_id", "ws_id", "step", "signature", name="uq_errors_signature"),
)

schema_meta = Table(
    "schema_meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)
