"""Listings over what Views answer: runs, errors, events, and the graph of a run with its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from penstock.reports.notes import line, spoken
from penstock.reports.plain import columns, counted, one_line
from penstock.reports.run import moment, why

View = Mapping[str, Any]


def runs_text(runs: Sequence[View]) -> str:
    """The runs, newest first."""
    rows = [(run["run_id"], run["status"], _tally(run), _when(run.get("created_at")), *why(run)[:1]) for run in runs]
    return "\n".join(columns([("run", "state", "workstreams", "created (UTC)"), *rows]))


def _tally(run: View) -> str:
    counts = run.get("counts") or {}
    return f"{counts.get('done', 0)} of {sum(counts.values())} done"


def _when(text: object) -> str:
    at = moment(text)
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def errors_text(errors: Sequence[View]) -> str:
    """What went wrong, latest first, each with the first lines of its message."""
    lines: list[str] = []
    for error in errors:
        times = f"{error['count']} times, last" if error["count"] > 1 else "once,"
        lines.append(
            one_line(f"{error['ws_id'] or '-'}  {error['step']}  {error['error_code']}  ")
            + f"  {times} {_when(error['last_seen_at'])}  [{one_line(error['signature'], 12)}]"
        )
        message = [one_line(text, 200) for text in str(error["message"]).splitlines() if text.strip()]
        lines += [f"    {text}" for text in message[:6]]
        if len(message) > 6:
            lines.append(f"    … and {counted(len(message) - 6, 'more line')} (--json has all)")
    return "\n".join(lines)


def event_line(event: View, *, clock: str = "%H:%M:%S", everything: bool = False) -> tuple[str, str] | None:
    """One event as a line with its tone; None for one that says nothing new, unless everything is asked for."""
    at, refused = moment(event.get("timestamp")), event.get("refused")
    words = None if event.get("is_input") else spoken(str(event["event_type"]), event.get("payload") or {})
    shown = f"{_local(at):{clock}}" if at else "?"
    if words is not None:
        return line(shown, event.get("ws_id") or "", words), words.tone
    if refused:
        result = f"refused: {one_line(refused, 200)}"
    elif everything:
        result = _brief(event.get("payload") or {})
    else:
        return None
    return f"{shown}  {event.get('ws_id') or '-':<16}  {one_line(event['event_type'])}  {result}".rstrip(), ""


def _local(at: datetime) -> datetime:
    return at.astimezone()


def _brief(payload: View) -> str:
    plain = {key: value for key, value in payload.items() if value and not isinstance(value, dict | list)}
    return one_line(", ".join(f"{key} {value}" for key, value in plain.items()), 200)


def dag_text(run: View) -> str:
    """The graph in levels: everything in a level may begin once the levels above have ended."""
    rows: Sequence[View] = run.get("workstreams") or ()
    levels = _levels(rows)
    lines = [f"run {run['run_id']}: {run['status']}"]
    for level in range(1 + max(levels.values(), default=-1)):
        members = [row for row in rows if levels[row["ws_id"]] == level]
        lines += ["", f"level {level + 1}"]
        lines += columns([(row["ws_id"], row["status"], _needs(row)) for row in members], indent="  ")
    return "\n".join(lines)


def _needs(row: View) -> str:
    needs = f"needs {', '.join(row['depends_on'])}" if row.get("depends_on") else ""
    after = f"after {', '.join(row['after'])}" if row.get("after") else ""
    gate = f"gate {row['gate']}" if row.get("gate", 1) > 1 else ""
    return "; ".join(part for part in (needs, after, gate) if part)


def _levels(rows: Sequence[View]) -> dict[str, int]:
    """How many steps of the graph are above each workstream. The rows are in an order in which that is known."""
    before = {row["ws_id"]: [*row.get("depends_on", ()), *row.get("after", ())] for row in rows}
    levels: dict[str, int] = {}
    to_visit = list(reversed(before))
    while to_visit:
        name = to_visit[-1]
        missing = [other for other in before[name] if other in before and other not in levels]
        if name in levels or not missing:
            to_visit.pop()
            levels.setdefault(name, 1 + max((levels[other] for other in before[name] if other in levels), default=-1))
        else:
            to_visit.extend(missing)
    return levels
