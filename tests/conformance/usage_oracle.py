"""What a report on usage must say, added up from the records one by one: slow and plain, without its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journal_driving import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from penstock.ports.library import UsageFilter

Record = dict[str, Any]


def is_meant(record: Record, wanted: UsageFilter) -> bool:
    """Whether a record is within what is wanted; times are compared as they are told."""
    asked = {
        "project": wanted.project,
        "pipeline_id": wanted.pipeline,
        "phase_name": wanted.phase,
        "role_name": wanted.role,
    }
    if any(value and record[name] != value for name, value in asked.items()):
        return False
    at = START.fromisoformat(record["used_at"])
    return _is_between(at, wanted.since, wanted.until)


def _is_between(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


def summed(records: Iterable[Record], key: Callable[[Record], str]) -> dict[str, Record]:
    """An entry for each key."""
    found: dict[str, Record] = {}
    for record in records:
        entry = found.setdefault(
            key(record),
            {"key": key(record), "calls": 0, "input_tokens": 0, "output_tokens": 0, "micros": 0, "price_unknown": 0},
        )
        entry["calls"] += 1
        entry["input_tokens"] += record["input_tokens"]
        entry["output_tokens"] += record["output_tokens"]
        entry["micros"] += round((record["cost_usd"] or 0) * 1_000_000)
        entry["price_unknown"] += record["price_unknown"]
    for entry in found.values():
        micros = entry.pop("micros")
        entry["cost_usd"] = None if entry["price_unknown"] and not micros else round(micros / 1_000_000, 6)
    return found


def report_of(records: Iterable[Record], wanted: UsageFilter) -> dict[str, Any]:
    """The parts of a report that follow from records alone; lines by key."""
    meant = [record for record in records if is_meant(record, wanted)]
    (total,) = summed(meant, lambda _: "").values() or (
        {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "price_unknown": 0},
    )
    by_day = summed(meant, lambda record: record["used_at"][:10])
    of_pipelines = [record for record in meant if record["pipeline_id"]]
    averages = {
        phase: round((entry["input_tokens"] + entry["output_tokens"]) / _pipelines(of_pipelines, phase), 1)
        for phase, entry in summed(of_pipelines, lambda record: record["phase_name"] or "").items()
    }
    return {
        "total_input_tokens": total["input_tokens"],
        "total_output_tokens": total["output_tokens"],
        "total_tokens": total["input_tokens"] + total["output_tokens"],
        "total_cost_usd": total["cost_usd"],
        "price_unknown": total["price_unknown"],
        "by_pipeline": summed(meant, lambda record: record["pipeline_id"] or ""),
        "by_phase": summed(meant, lambda record: record["phase_name"] or ""),
        "by_role": summed(meant, lambda record: record["role_name"] or ""),
        "by_model": summed(meant, lambda record: record["model"] or ""),
        "by_agent": summed(meant, lambda record: record["agent"] or ""),
        "by_day": by_day,
        "average_tokens_per_phase": averages,
        "trend": [
            {"date": day, "tokens": one["input_tokens"] + one["output_tokens"], "cost_usd": one["cost_usd"]}
            for day, one in sorted(by_day.items())
        ],
    }


def _pipelines(records: list[Record], phase: str) -> int:
    return len({record["pipeline_id"] for record in records if (record["phase_name"] or "") == phase})


def by_key(report: dict[str, Any]) -> dict[str, Any]:
    """A report whose lines stand under their keys, without alerts."""
    told = {
        name: {line["key"]: line for line in value} if name.startswith("by_") else value
        for name, value in report.items()
    }
    del told["alerts"]
    return told
