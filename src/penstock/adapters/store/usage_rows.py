"""What is kept of a model call: the columns of its two rows, and how a row is told. Pure; all ledgers keep the same.

Names, reasons and errors come from agents and upstreams: they are cut, made storable, and errors lose their secrets.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.adapters.store.asking import on_the_wire
from penstock.adapters.store.codec import storable
from penstock.domain.budget import MILLION, Amount
from penstock.domain.usage import Caller, CallStatus, ModelCall, reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.domain.usage import CallEnd

LONGEST_NAME = 200
LONGEST_ERROR = 2000


def call_columns(call: ModelCall) -> dict[str, Any]:
    """Whom a call is for and where it goes."""
    caller = call.caller
    return {
        "project": storable(caller.project),
        "pipeline_id": _kept(caller.pipeline),
        "run_id": _kept(caller.run),
        "ws_id": _kept(caller.workstream),
        "attempt": _kept(caller.attempt),
        "role_name": _kept(caller.role),
        "phase_name": _kept(caller.phase),
        "agent": _kept(caller.agent),
        "prompt_id": _kept(caller.prompt),
        "ordinal": call.ordinal,
        "protocol": _name(call.protocol),
        "upstream": _name(call.upstream),
        "model": _name(call.model),
        "alias": _name(call.alias),
        "streamed": call.streamed,
    }


def usage_row(call: ModelCall, end: CallEnd, redact: Callable[[str], str]) -> dict[str, Any]:
    """The one record of a call."""
    tokens = end.tokens
    return {
        "id": call.id,
        **call_columns(call),
        "used_at": call.at,
        "input_tokens": tokens.all_input,
        "output_tokens": tokens.output,
        "cache_read_tokens": tokens.cache_read,
        "cache_write_tokens": tokens.cache_write,
        "cache_write_long_tokens": tokens.cache_write_long,
        "cost_usd": end.micros,
        "price_unknown": end.micros is None,
        "unit_prices": end.unit_prices or None,
        "estimated": end.estimated,
        "claimed": False,
        "status": end.status.value,
        "http_status": end.http_status,
        "stop_reason": _name(end.stop_reason),
        "error": storable(redact(end.error))[:LONGEST_ERROR] or None,
        "tries": end.tries,
        "execution_time_ms": None if end.status is CallStatus.LOST else end.latency_ms,
        "first_byte_ms": end.first_byte_ms,
    }


def reservation_row(call: ModelCall) -> dict[str, Any]:
    """What must be known to settle a call without its maker."""
    worst = reservation(call)
    return {
        "call_id": call.id,
        **call_columns(call),
        "made_at": call.at,
        "tokens": worst.tokens,
        "micros": worst.micros,
    }


def reserved_call(row: Mapping[str, Any]) -> ModelCall:
    """The call that a reservation was made for."""
    caller = Caller(
        project=row["project"],
        pipeline=row["pipeline_id"] or "",
        run=row["run_id"] or "",
        workstream=row["ws_id"] or "",
        attempt=row["attempt"] or "",
        role=row["role_name"] or "",
        phase=row["phase_name"] or "",
        agent=row["agent"] or "",
        prompt=row["prompt_id"] or "",
    )
    return ModelCall(
        id=row["call_id"],
        caller=caller,
        ordinal=row["ordinal"],
        protocol=row["protocol"] or "",
        upstream=row["upstream"] or "",
        model=row["model"] or "",
        alias=row["alias"] or "",
        streamed=row["streamed"],
        at=row["made_at"],
        worst=Amount(tokens=row["tokens"], micros=row["micros"]),
    )


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A record as others read it."""
    prices = row["unit_prices"]
    return {
        **row,
        "used_at": on_the_wire(row["used_at"]),
        "cost_usd": in_dollars(row["cost_usd"]),
        "unit_prices": None if prices is None else json.loads(prices),
    }


def in_dollars(micros: int | None) -> float | None:
    """Money as a number of JSON, with at most six decimals."""
    return None if micros is None else round(micros / MILLION, 6)


def known_cost(micros: int, unknown: int) -> float | None:
    """What calls cost in dollars; null where that is nothing besides so many calls whose price nobody knows."""
    return None if unknown and not micros else in_dollars(micros)


def _kept(text: str) -> str | None:
    return storable(text) or None


def _name(text: str) -> str | None:
    return storable(text)[:LONGEST_NAME] or None
