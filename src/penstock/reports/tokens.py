"""What models were used for: the report as lines for people, and as CSV that a spreadsheet takes for values alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from penstock.reports.plain import columns, counted
from penstock.reports.spending import money

Report = Mapping[str, Any]

BY = ("pipeline", "phase", "role", "model", "agent", "day")
ENTRY = ("key", "calls", "input_tokens", "output_tokens", "cost_usd", "price_unknown")
_SHOWN = ("pipeline", "phase", "role", "model")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
MOST_TREND = 14


def as_lines(report: Report, by: str = "") -> list[str]:
    """The totals, then a table for each way of adding up that is asked for, and the alerts."""
    lines = [_totals(report)]
    for name in (by,) if by else _SHOWN:
        lines += ["", *_table(name, report[f"by_{name}"])]
    if not by:
        lines += _averages(report)
        lines += _trend(report)
    for alert in report["alerts"]:
        lines += ["", f"over its budget: {alert['pipeline_id']} with {alert['used_tokens']:,} tokens of "]
        lines[-1] += f"{alert['budget_tokens']:,}, seen {alert['at']}"
    return lines


def _totals(report: Report) -> str:
    read, written = report["total_input_tokens"], report["total_output_tokens"]
    cost = cost_of(report["total_cost_usd"], report.get("price_unknown") or 0)
    return f"{report['total_tokens']:,} tokens: {read:,} read, {written:,} written; {cost}"


def cost_of(usd: float | None, unknown: int) -> str:
    """What calls cost besides so many without a known price, as people read it; that is never a silent 0."""
    if usd is None:
        return "price unknown"
    return f"{money(usd)} besides {counted(unknown, 'call')} without a known price" if unknown else money(usd)


def _table(name: str, entries: Sequence[Report]) -> list[str]:
    head = (name, "calls", "read", "written", "cost")
    rows = [
        (
            entry["key"] or "-",
            f"{entry['calls']:,}",
            f"{entry['input_tokens']:,}",
            f"{entry['output_tokens']:,}",
            cost_of(entry["cost_usd"], entry["price_unknown"]),
        )
        for entry in entries
    ]
    return columns([head, *rows]) if rows else [f"by {name}: nothing"]


def _averages(report: Report) -> list[str]:
    averages = report["average_tokens_per_phase"]
    rows = [(phase or "-", f"{number:,.0f}") for phase, number in averages.items()]
    return ["", *columns([("phase", "tokens per pipeline"), *rows])] if rows else []


def _trend(report: Report) -> list[str]:
    rows = [
        (
            day["key"],
            f"{day['input_tokens'] + day['output_tokens']:,}",
            cost_of(day["cost_usd"], day["price_unknown"]),
        )
        for day in report["by_day"][-MOST_TREND:]
    ]
    return ["", *columns([("day (UTC)", "tokens", "cost"), *rows])] if rows else []


def csv_lines(rows: Iterable[Mapping[str, Any]], names: Sequence[str] = ()) -> Iterator[str]:
    """Lines of CSV with their ends, one at a time, under the names; without names those of the first row are taken."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    known = list(names)
    if known:
        writer.writerow(known)
    for row in rows:
        if not known:
            known = list(row)
            writer.writerow(known)
        writer.writerow([cell(row.get(name)) for name in known])
        yield _taken(held)
    yield _taken(held)


def _taken(held: io.StringIO) -> str:
    text = held.getvalue()
    held.seek(0)
    held.truncate()
    return text


def cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula: a text that begins like one gets an apostrophe before it."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
