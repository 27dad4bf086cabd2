"""What people may ask about usage and budgets. Money is in dollars with up to six decimals, null if unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, case, func, select

from penstock.adapters.store.asking import Asking
from penstock.adapters.store.codec import storable
from penstock.adapters.store.loading import known_run
from penstock.adapters.store.usage_rows import in_dollars, known_cost, told
from penstock.adapters.store.usage_tables import budgets, pipeline_prompt_usage
from penstock.domain.budget import Level, micros_of

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement


class SqlUsageViews(Asking):
    """Calls, what they add up to, and the accounts."""

    def usage(
        self, *, run: str | None = None, project: str | None = None, limit: int = 1000, offset: int = 0
    ) -> list[dict[str, Any]]:
        """The record of each call, oldest first.

        id, prompt_id, project, pipeline_id, run_id, ws_id, attempt, role_name, phase_name, agent, ordinal, protocol,
        upstream, model, alias, streamed, used_at, input_tokens (all that was read, from caches too), output_tokens,
        cache_read_tokens, cache_write_tokens, cache_write_long_tokens, cost_usd, price_unknown, unit_prices, estimated,
        claimed, status, http_status, stop_reason, error, tries, execution_time_ms, first_byte_ms.
        """
        column = pipeline_prompt_usage.c
        query = select(pipeline_prompt_usage).order_by(column.used_at, column.id).limit(limit).offset(offset)
        if project is not None:
            query = query.where(column.project == storable(project))
        with self._connected() as connection:
            if run is not None:
                known_run(connection, run)
                query = query.where(column.run_id == run)
            return [told(row._asdict()) for row in connection.execute(query)]

    def usage_totals(self, run: str) -> dict[str, dict[str, Any]]:
        """What a run used, by workstream ("" for calls of none).

        calls, input_tokens, output_tokens, cost_usd of the calls whose price is known (null where those cost nothing
        and there are others),
        price_unknown and estimated (how many calls are so).
        """
        column = pipeline_prompt_usage.c
        query = select(
            column.ws_id,
            func.count().label("calls"),
            func.sum(column.input_tokens).label("input_tokens"),
            func.sum(column.output_tokens).label("output_tokens"),
            func.sum(column.cost_usd).label("cost_usd"),
            _how_many(column.price_unknown).label("price_unknown"),
            _how_many(column.estimated).label("estimated"),
        )
        query = query.where(column.run_id == run).group_by(column.ws_id).order_by(column.ws_id)
        with self._connected() as connection:
            known_run(connection, run)
            return {row.ws_id or "": _totals(row) for row in connection.execute(query)}

    def _used(self, run: str) -> dict[str, Any]:
        """What all of a run used together, in the shape of its parts."""
        parts = list(self.usage_totals(run).values())
        counts = ("calls", "input_tokens", "output_tokens", "price_unknown", "estimated")
        used = {name: sum(part[name] for part in parts) for name in counts}
        micros = sum(micros_of(part["cost_usd"]) or 0 for part in parts)
        return {**used, "cost_usd": known_cost(micros, used["price_unknown"]) if parts else None}

    def budgets(self) -> list[dict[str, Any]]:
        """Every account with its cap (null: none) and what was spent, the widest first.

        level, key, cap_tokens, cap_usd, settled_tokens, settled_usd, reserved_tokens, reserved_usd.
        """
        widest_first = case({level.value: place for place, level in enumerate(Level)}, value=budgets.c.level)
        with self._connected() as connection:
            found = connection.execute(select(budgets).order_by(widest_first, budgets.c.key))
            return [_account(row) for row in found]


def _how_many(column: Column[bool]) -> ColumnElement[int]:
    return func.sum(case((column, 1), else_=0))


def _totals(row: Row[Any]) -> dict[str, Any]:
    counts = ("calls", "input_tokens", "output_tokens", "price_unknown", "estimated")
    # Postgres adds up to a decimal number; here all are whole.
    cost = known_cost(int(row.cost_usd or 0), int(row.price_unknown))
    return {**{name: int(getattr(row, name)) for name in counts}, "cost_usd": cost}


def _account(row: Row[Any]) -> dict[str, Any]:
    return {
        "level": row.level,
        "key": row.key,
        "cap_tokens": row.cap_tokens,
        "cap_usd": in_dollars(row.cap_micros),
        "settled_tokens": row.settled_tokens,
        "settled_usd": in_dollars(row.settled_micros),
        "reserved_tokens": row.reserved_tokens,
        "reserved_usd": in_dollars(row.reserved_micros),
    }
