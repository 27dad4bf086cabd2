"""A database as the Combine left it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

SCHEMA = """
create table pipelines (pipeline_id text primary key, epic_id text, state varchar(32), current_phase varchar(32),
  canon_version varchar(16), created_at datetime, updated_at datetime, completed_at datetime, initial_context json);
create table artifacts (artifact_id text primary key, pipeline_id text, artifact_type text, phase text,
  mentor_role text, validation_status text, payload json, created_at datetime);
"""
EPIC = {
    "epic_id": "EPIC-1",
    "title": "Basic stats",
    "goal": "See what it does.",
    "success_criteria": ["It answers"],
    "stories": [
        {
            "id": "STORY-1",
            "title": "Answer",
            "user_story": "As an operator, I want numbers.",
            "acceptance_criteria": ["GET answers 200"],
            "estimate_hours": 2,
            "priority": "high",
        }
    ],
    "total_estimate_hours": 2,
}


def combine_store(path: Path, artifacts: list[tuple[str, str, Any]], pipelines: list[tuple[str, str]]) -> Path:
    """Pipelines as (id, state), artifacts as (pipeline, type, payload)."""
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA)
    for name, state in pipelines:
        connection.execute(
            "insert into pipelines values (?, ?, ?, ?, '1', '2025-01-02 03:04:05.678', '2025-01-02', ?, ?)",
            (name, f"EPIC-{name}", state, state, "2025-02-01T00:00:00" if state == "complete" else None,
             json.dumps({"epic_description": f"The wish of {name}"})),
        )  # fmt: skip
    for number, (pipeline, kind, payload) in enumerate(artifacts):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        connection.execute(
            "insert into artifacts values (?, ?, ?, 'pm_phase', 'pm', 'valid', ?, ?)",
            (f"art_{number}", pipeline, kind, text, f"2025-01-0{1 + number % 9} 00:00:00"),
        )
    connection.commit()
    connection.close()
    return path
