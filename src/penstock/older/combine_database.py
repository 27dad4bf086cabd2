"""A database of the Combine: its pipelines with their artifacts. Only a copy is opened, and only to be read."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock.domain.errors import UserError
from penstock.older.found import MOST_BYTES, FoundArtifact, FoundPipeline, Reading

HEADER = b"SQLite format 3\x00"
MOST_PIPELINES, MOST_ARTIFACTS = 20_000, 200_000
_BESIDE = ("-wal", "-journal")
"""What its last writer has not yet put into the file itself, and what undoes what a killed one had begun."""
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_PRAGMA})
_NEEDED = {"pipelines": "pipeline_id", "artifacts": "artifact_type"}


def read_database(path: Path) -> Reading:
    """Everything in it; UserError where it is no database of the Combine."""
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        copy = Path(folder) / "copy.db"
        shutil.copyfile(path, copy)
        for end in _BESIDE:
            beside = path.with_name(f"{path.name}{end}")
            if beside.is_file():
                shutil.copyfile(beside, copy.with_name(f"{copy.name}{end}"))
        try:
            with closing(sqlite3.connect(copy)) as connection:
                return _read(connection, path.name)
        except sqlite3.Error as error:
            raise UserError(f"{path} can't be read as a database: {error}") from None


def _read(connection: sqlite3.Connection, source: str) -> Reading:
    connection.row_factory = sqlite3.Row
    connection.execute("pragma trusted_schema = off")
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    for table, column in _NEEDED.items():
        known = {row["name"] for row in connection.execute(f"pragma table_info({table})")} if table in tables else {}
        if column not in known:
            raise UserError(f"{source} is no database of the Combine: it has no table {table} with the column {column}")
    unread: list[str] = []
    artifacts: dict[str, list[FoundArtifact]] = {}
    for row in _rows(connection, "artifacts", MOST_ARTIFACTS):
        found = _artifact(row, source)
        if isinstance(found, str):
            unread.append(found)
        else:
            artifacts.setdefault(_text(row, "pipeline_id"), []).append(found)
    pipelines = [_pipeline(row, source, artifacts) for row in _rows(connection, "pipelines", MOST_PIPELINES)]
    lost = sorted({*artifacts} - {one.id for one in pipelines})
    unread += [f"{source}: artifacts of {name or 'no pipeline'}, which is not in it" for name in lost]
    return Reading(pipelines=tuple(pipelines), unread=tuple(unread))


def _rows(connection: sqlite3.Connection, table: str, most: int) -> Iterator[Mapping[str, Any]]:
    for row in connection.execute(f"select * from {table} limit {most}"):  # noqa: S608 - the names are our own
        yield dict(row)


def _artifact(row: Mapping[str, Any], source: str) -> FoundArtifact | str:
    place = f"{source}: artifact {_text(row, 'artifact_id') or '?'}"
    payload = row.get("payload")
    if isinstance(payload, str | bytes):
        if len(payload) > MOST_BYTES:
            return f"{place} has more than {MOST_BYTES:,} bytes"
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            return f"{place} is no JSON"
    if not isinstance(payload, dict):
        return f"{place} is no JSON object"
    return FoundArtifact(
        type=_text(row, "artifact_type"),
        payload=payload,
        source=place,
        phase=_text(row, "phase"),
        role=_text(row, "mentor_role"),
        at=_moment(row.get("created_at")),
    )


def _pipeline(row: Mapping[str, Any], source: str, artifacts: Mapping[str, list[FoundArtifact]]) -> FoundPipeline:
    name = _text(row, "pipeline_id")
    return FoundPipeline(
        source=f"{source}: pipeline {name}",
        id=name,
        epic_id=_text(row, "epic_id") or name,
        description=_description(row.get("initial_context")),
        state=_text(row, "state") or _text(row, "current_phase"),
        created_at=_moment(row.get("created_at")),
        completed_at=_moment(row.get("completed_at")),
        artifacts=tuple(sorted(artifacts.get(name, ()), key=lambda one: one.at or datetime.min.replace(tzinfo=UTC))),
    )


def _description(context: object) -> str:
    """What was wished, as far as it was kept: the context that the pipeline was made with."""
    try:
        found = json.loads(context) if isinstance(context, str) else context
    except (ValueError, RecursionError):
        return ""
    text = found.get("epic_description") or found.get("description") if isinstance(found, dict) else None
    return text if isinstance(text, str) else ""


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value[:256] if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    """A time as it was written there: without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found and (found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))
    except (ValueError, OverflowError):  # the first or the last day of all, elsewhere on earth
        return None
