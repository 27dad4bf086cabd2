"""The page of metrics: plain HTML that refreshes itself. Every text of others is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

from penstock.api.assets import page
from penstock.reports.plain import counted
from penstock.reports.tokens import cost_of

REFRESH = 30
Row = Mapping[str, Any]


def metrics_page(summary: Row, recent: Sequence[Row], days: Sequence[Row]) -> HTMLResponse:
    """What pipelines used: all together, the latest, and day by day."""
    body = [
        "<h1>Metrics</h1>",
        _totals(summary),
        "<h2>Latest pipelines</h2>",
        _table(("pipeline", "state", "tokens", "cost"), [_recent(row) for row in recent]),
        "<h2>Days</h2>",
        _table(("day (UTC)", "calls", "tokens", "cost"), [_day(row) for row in days]),
        '<p><a href="/docs">All operations</a></p>',
    ]
    return page(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="refresh" content="{REFRESH}">\n<title>Penstock: metrics</title>\n'
        '<link rel="stylesheet" href="/assets/penstock.css">\n</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _totals(row: Row) -> str:
    tokens = row["total_input_tokens"] + row["total_output_tokens"]
    ended = f"{row['success_count']:,} complete and {row['failure_count']:,} failed"
    cost = escape(cost_of(row["total_cost_usd"], row["price_unknown"]))
    return f"<p>{counted(row['total_pipelines'], 'pipeline')}, {ended}; {tokens:,} tokens; {cost}</p>"


def _recent(row: Row) -> tuple[str, ...]:
    return (
        str(row["pipeline_id"]),
        str(row.get("status", "")),
        f"{_tokens(row):,}",
        cost_of(row["total_cost_usd"], row["price_unknown"]),
    )


def _day(row: Row) -> tuple[str, ...]:
    return (
        str(row["date"]),
        f"{row['calls']:,}",
        f"{row['input_tokens'] + row['output_tokens']:,}",
        cost_of(row["cost_usd"], row["price_unknown"]),
    )


def _tokens(row: Row) -> int:
    return int(row.get("total_input_tokens") or 0) + int(row.get("total_output_tokens") or 0)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>None yet.</p>"
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>\n<tr>{names}</tr>\n{lines}\n</table>"
