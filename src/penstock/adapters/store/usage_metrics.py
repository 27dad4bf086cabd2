"""The few numbers that people look at often: of all pipelines, of one, of the latest, of the last days."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from penstock.adapters.store.asking import Asking, on_the_wire
from penstock.adapters.store.codec import storable
from penstock.adapters.store.library_tables import pipelines
from penstock.adapters.store.pipelines import known_pipeline
from penstock.adapters.store.rollup_tables import SUMS, usage_by_day, usage_by_pipeline
from penstock.adapters.store.usage_reports import Used
from penstock.domain.states import PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table

MOST_DAYS = 3660


class SqlMetrics(Asking):
    """Sums for a page that is looked at again and again."""

    def metrics_summary(self) -> dict[str, Any]:
        """How many pipelines there are and how they ended, and what all calls used: total_pipelines, total_cost_usd,
        total_input_tokens, total_output_tokens, price_unknown (calls), success_count, failure_count.
        """
        by_status = select(pipelines.c.status, func.count()).group_by(pipelines.c.status)
        with self._connected() as connection:
            counts: dict[str, int] = {status: count for status, count in connection.execute(by_status)}  # noqa: C416
            used = Used.of(connection.execute(select(*_sums(usage_by_day))).one())
        return {
            "total_pipelines": sum(counts.values()),
            **_totals(used),
            "success_count": counts.get(PipelineStatus.COMPLETE, 0),
            "failure_count": counts.get(PipelineStatus.FAILED, 0),
        }

    def metrics_of(self, pipeline_id: str) -> dict[str, Any]:
        """What one pipeline used, by phase and role in the order of their last call.

        Besides what the port tells: state, calls and price_unknown. execution_time_ms (null: none is known) adds up
        that of the calls; timestamp is the time of the last one.
        """
        column = usage_by_pipeline.c
        last = func.max(column.last_used_at)
        query = select(
            column.phase_name,
            column.role_name,
            *_sums(usage_by_pipeline),
            func.sum(column.execution_time_ms).label("execution_time_ms"),
            last.label("last_used_at"),
        )
        query = query.where(column.pipeline_id == storable(pipeline_id)).group_by(column.phase_name, column.role_name)
        with self._connected() as connection:
            pipeline = known_pipeline(connection, pipeline_id)
            rows = connection.execute(query.order_by(last, column.phase_name, column.role_name)).all()
        total = sum(map(Used.of, rows), Used())
        return {**_shown(pipeline), **_totals(total), "phase_breakdown": [_breakdown(row) for row in rows]}

    def metrics_recent(self, limit: int = 20) -> list[dict[str, Any]]:
        """The latest pipelines, newest first, with what they have used: as `metrics_of` tells it, without phases."""
        column = pipelines.c
        query = select(pipelines).order_by(column.created_at.desc(), column.pipeline_id.desc()).limit(limit)
        with self._connected() as connection:
            rows = connection.execute(query).all()
            used = _used_by(connection, [row.pipeline_id for row in rows])
        return [{**_shown(row), **_totals(used.get(row.pipeline_id, Used()))} for row in rows]

    def daily_costs(self, days: int = 7) -> list[dict[str, Any]]:
        """date, calls, input_tokens, output_tokens, cost_usd and price_unknown of each of the last days, and today."""
        today = self._clock.now().astimezone(UTC).date()
        dates = [str(today - timedelta(days=back)) for back in reversed(range(min(days, MOST_DAYS)))]
        if not dates:
            return []
        day = usage_by_day.c.day
        query = select(day, *_sums(usage_by_day)).where(day >= dates[0], day <= dates[-1]).group_by(day)
        with self._connected() as connection:
            used = {row.day: Used.of(row) for row in connection.execute(query)}
        entries = [(one, used.get(one, Used()).entry(one)) for one in dates]
        return [{"date": one, **{name: entry[name] for name in entry if name != "key"}} for one, entry in entries]


def _sums(table: Table) -> list[Any]:
    return [func.sum(table.c[name]).label(name) for name in SUMS]


def _used_by(connection: Connection, pipeline_ids: Sequence[str]) -> dict[str, Used]:
    column = usage_by_pipeline.c
    query = select(column.pipeline_id, *_sums(usage_by_pipeline)).where(column.pipeline_id.in_(pipeline_ids))
    return {row.pipeline_id: Used.of(row) for row in connection.execute(query.group_by(column.pipeline_id))}


def _shown(pipeline: Any) -> dict[str, Any]:
    same = ("pipeline_id", "epic_id", "status", "state", "current_phase")
    return {
        **{name: getattr(pipeline, name) for name in same},
        "epic_description": pipeline.description,
        "created_at": on_the_wire(pipeline.created_at),
    }


def _totals(used: Used) -> dict[str, Any]:
    return {
        "total_cost_usd": used.cost,
        "total_input_tokens": used.input,
        "total_output_tokens": used.output,
        "calls": used.calls,
        "price_unknown": used.unknown,
    }


def _breakdown(row: Any) -> dict[str, Any]:
    used = Used.of(row)
    return {
        "phase_name": row.phase_name,
        "role_name": row.role_name,
        "calls": used.calls,
        "input_tokens": used.input,
        "output_tokens": used.output,
        "cost_usd": used.cost,
        "price_unknown": used.unknown,
        "execution_time_ms": int(row.execution_time_ms) or None,
        "timestamp": on_the_wire(row.last_used_at),
    }
