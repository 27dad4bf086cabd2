"""What a transfer would do or has done, for people and as JSON."""

from __future__ import annotations

from typing import Any

from penstock.older.keeping import Kept, Transfer
from penstock.reports.plain import columns, counted, one_line


def as_json(transfer: Transfer, *, is_stored: bool) -> dict[str, Any]:
    """Everything, as values."""
    return {"stored": is_stored, "pipelines": [_row(one) for one in transfer.kept], "unread": list(transfer.unread)}


def as_lines(transfer: Transfer, *, is_stored: bool) -> list[str]:
    """A line for each pipeline, then what could not be taken."""
    new = sum(not one.is_there for one in transfer.kept)
    rows = [
        (row["pipeline_id"], row["epic_id"], row["state"], ", ".join(row["artifacts"]) or "no artifact", row["remark"])
        for row in map(_row, transfer.kept)
    ]
    done = "stored" if is_stored else "would be stored"
    lines = columns([("pipeline", "epic", "phase", "artifacts", ""), *rows]) if rows else []
    lines.append(f"{counted(new, 'pipeline')} {done}; {counted(len(transfer.unread), 'thing')} could not be taken")
    return [*lines, *(f"  not taken: {one_line(text, 400)}" for text in transfer.unread)]


def _row(one: Kept) -> dict[str, Any]:
    pipeline = one.progress.pipeline
    return {
        "pipeline_id": pipeline.id,
        "epic_id": pipeline.epic_id,
        "state": pipeline.state,
        "artifacts": [artifact.type for artifact in one.progress.artifacts],
        "remark": "there already" if one.is_there else "",
    }
