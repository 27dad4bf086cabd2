"""What models were used for, added up for people: from the rollups, so that it does not grow with what is not asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, func, select, tuple_

from penstock.adapters.store.asking import Asking, on_the_wire
from penstock.adapters.store.codec import storable
from penstock.adapters.store.library_tables import pipelines
from penstock.adapters.store.pipelines import known_pipeline
from penstock.adapters.store.rollup_tables import SUMS, usage_by_pipeline
from penstock.adapters.store.usage_cells import Part, combinations, grouped, parts_of
from penstock.adapters.store.usage_rows import known_cost, told
from penstock.adapters.store.usage_tables import pipeline_prompt_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Row, Select

    from penstock.ports.library import UsageFilter

PAGE = 2000
"""How many records are read at once."""

MOST_ALERTS = 1000
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Used:
    """What some calls add up to, in the order of SUMS; the money of those whose price is known."""

    calls: int = 0
    input: int = 0
    output: int = 0
    micros: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, row: Any) -> Self:
        """From the sums of a row; those of nothing are null."""
        return cls(*(int(getattr(row, name) or 0) for name in SUMS))

    def __add__(self, other: Used) -> Used:
        return Used(
            self.calls + other.calls,
            self.input + other.input,
            self.output + other.output,
            self.micros + other.micros,
            self.unknown + other.unknown,
        )

    def __sub__(self, other: Used) -> Used:
        return self + Used(-other.calls, -other.input, -other.output, -other.micros, -other.unknown)

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.input + self.output

    @property
    def cost(self) -> float | None:
        """Dollars of the calls whose price is known; null where they cost nothing and there are others."""
        return known_cost(self.micros, self.unknown)

    def entry(self, key: str) -> dict[str, Any]:
        """One line of a report."""
        return {
            "key": key,
            "calls": self.calls,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cost_usd": self.cost,
            "price_unknown": self.unknown,
        }


class SqlUsageReports(Asking):
    """Reports over all usage, and its records piece by piece."""

    def token_report(self, wanted: UsageFilter, *, most_pipelines: int = 100) -> dict[str, Any]:
        """What is wanted, in the shape that the port tells; each line has price_unknown (calls) besides."""
        with self._connected() as connection:
            if wanted.pipeline:
                must_be_known(connection, wanted.pipeline)
            parts = parts_of(connection, wanted, by_pipeline=False)
            by_day = {row.day: Used.of(row) for row in connection.execute(grouped(parts, "day"))}
            kinds = connection.execute(grouped(parts, "phase_name", "role_name", "model", "agent", "of_pipeline")).all()
            total = sum(by_day.values(), Used())
            apart = parts_of(connection, wanted, by_pipeline=True)
            return {
                "total_input_tokens": total.input,
                "total_output_tokens": total.output,
                "total_tokens": total.tokens,
                "total_cost_usd": total.cost,
                "price_unknown": total.unknown,
                "by_pipeline": _by_pipeline(connection, apart, total, most_pipelines),
                **{f"by_{name}": _lines(_folded(kinds, column)) for name, column in _COLUMNS.items()},
                "by_day": [by_day[day].entry(day) for day in sorted(by_day)],
                "average_tokens_per_phase": _averages(connection, apart, kinds),
                "trend": [
                    {"date": day, "tokens": by_day[day].tokens, "cost_usd": by_day[day].cost} for day in sorted(by_day)
                ],
                "alerts": [_alert(row) for row in connection.execute(_alerted(wanted))],
            }

    def usage_rows(self, wanted: UsageFilter) -> Iterator[dict[str, Any]]:
        """The record of each call in order of time, as `usage` tells it; no question stays open between two pieces."""
        column = pipeline_prompt_usage.c
        asked = {
            column.project: wanted.project,
            column.pipeline_id: wanted.pipeline,
            column.phase_name: wanted.phase,
            column.role_name: wanted.role,
        }
        conditions = [name == storable(value) for name, value in asked.items() if value]
        conditions += [] if wanted.since is None else [column.used_at >= wanted.since]
        conditions += [] if wanted.until is None else [column.used_at < wanted.until]
        query = select(pipeline_prompt_usage).where(*conditions).order_by(column.used_at, column.id).limit(PAGE)
        page = self._page(query)
        while page:
            yield from map(told, page)
            last = page[-1]
            page = self._page(query.where(tuple_(column.used_at, column.id) > (last["used_at"], last["id"])))

    def pipeline_tokens(self, pipeline_id: str) -> int:
        """All tokens of a pipeline until now, those of its runs too."""
        column = usage_by_pipeline.c
        query = select(func.sum(column.input_tokens + column.output_tokens)).where(
            column.pipeline_id == storable(pipeline_id)
        )
        with self._connected() as connection:
            return int(connection.scalar(query) or 0)

    def _page(self, query: Select[Any]) -> list[dict[str, Any]]:
        with self._connected() as connection:
            return [row._asdict() for row in connection.execute(query)]


_COLUMNS: Mapping[str, str] = {"phase": "phase_name", "role": "role_name", "model": "model", "agent": "agent"}


def must_be_known(connection: Connection, pipeline_id: str) -> None:
    """An error for a pipeline that is not stored and has used nothing."""
    column = usage_by_pipeline.c
    if (
        connection.execute(select(column.day).where(column.pipeline_id == storable(pipeline_id)).limit(1)).first()
        is None
    ):
        known_pipeline(connection, pipeline_id)


def _folded(rows: Iterable[Row[Any]], column: str, having: Callable[[Any], bool] = lambda _: True) -> dict[str, Used]:
    found: dict[str, Used] = {}
    for row in filter(having, rows):
        key = getattr(row, column)
        found[key] = found.get(key, Used()) + Used.of(row)
    return found


def _lines(found: Mapping[str, Used]) -> list[dict[str, Any]]:
    """The dearest first."""
    ordered = sorted(found.items(), key=lambda one: (-one[1].micros, -one[1].tokens, one[0]))
    return [used.entry(key) for key, used in ordered]


def _by_pipeline(connection: Connection, parts: list[Part], total: Used, most: int) -> list[dict[str, Any]]:
    whole = grouped(parts, "pipeline_id").subquery()
    tokens = whole.c.input_tokens + whole.c.output_tokens
    dearest = select(whole).order_by(whole.c.cost_usd.desc(), tokens.desc(), whole.c.pipeline_id).limit(most)
    found = {row.pipeline_id: Used.of(row) for row in connection.execute(dearest)}
    rest = total - sum(found.values(), Used())
    lines = [used.entry(key) for key, used in found.items()]
    return [*lines, rest.entry(OTHER)] if rest.calls else lines


def _averages(connection: Connection, parts: list[Part], kinds: Sequence[Row[Any]]) -> dict[str, float]:
    """What each pipeline that went through a phase used in it."""
    each = combinations(parts, "pipeline_id", "phase_name").subquery()
    counting = select(each.c.phase_name, func.count()).where(each.c.pipeline_id != "").group_by(each.c.phase_name)
    counts: dict[str, int] = {phase: count for phase, count in connection.execute(counting)}  # noqa: C416 - not tuples
    used = _folded(kinds, "phase_name", lambda row: bool(row.of_pipeline))
    return {phase: round(used[phase].tokens / counts[phase], 1) for phase in sorted(used)}


def _alerted(wanted: UsageFilter) -> Select[Any]:
    column = pipelines.c
    query = select(column.pipeline_id, column.token_budget, column.alerted_tokens, column.alerted_at)
    query = query.where(column.alerted_at.is_not(None))
    if wanted.project:
        query = query.where(column.project == storable(wanted.project))
    if wanted.pipeline:
        query = query.where(column.pipeline_id == storable(wanted.pipeline))
    if wanted.since is not None:
        query = query.where(column.alerted_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(column.alerted_at < wanted.until)
    return query.order_by(column.alerted_at.desc(), column.pipeline_id).limit(MOST_ALERTS)


def _alert(row: Row[Any]) -> dict[str, Any]:
    return {
        "pipeline_id": row.pipeline_id,
        "budget_tokens": row.token_budget,
        "used_tokens": row.alerted_tokens,
        "at": on_the_wire(row.alerted_at),
    }
