"""What a call may cost at most, and what it did cost. Pure but for the list of prices, which is handed in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from penstock.domain.budget import Amount
from penstock.domain.usage import NO_TOKENS, CallEnd, CallStatus, ModelCall, Tokens
from penstock.gateway.wire import Reader
from penstock.ports.models import Prices

BYTES_PER_TOKEN = 2
"""Of a request, for the worst case: text has three to four, and so has JSON with its signs."""
BYTES_PER_TOKEN_SEEN = 3
"""Of an answer that broke off, for an estimate."""
_KEEPS_LONG = b'"1h"'


def family(protocol: str) -> str:
    """What an upstream is said to speak that speaks this protocol of the wire: `openai` for `openai_chat`."""
    return protocol.partition("_")[0]


def worst_tokens(*, size: int, counted: int | None, limit: int, answers: int) -> Tokens:
    """The most that a request of so many bytes may use; `counted`: what the upstream says that it will read."""
    read = -(-size // BYTES_PER_TOKEN) if counted is None else counted + counted // 20 + 64
    return Tokens(input=read, output=limit * answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How a call was sent and what came back, as far as it came."""

    status: CallStatus
    tries: int = 0
    http_status: int | None = None
    reader: Reader | None = None
    """None where no answer began."""
    is_in_flight: bool = False
    """It was sent and nothing came back: the upstream may have read it."""
    error: str = ""
    first_byte: float | None = None
    """Seconds after its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Prices calls."""

    prices: Prices

    def worst(self, call: ModelCall, tokens: Tokens, leaving: bytes) -> Amount:
        """What is reserved; reading costs more where the request asks a cache to keep it for an hour."""
        way = Tokens(cache_write_long=tokens.input, output=tokens.output) if _KEEPS_LONG in leaving else tokens
        micros = self.prices.worst(call.upstream, family(call.protocol), call.model, way, call.at)
        return Amount(tokens=tokens.total, micros=micros)

    def end(self, call: ModelCall, worst: Tokens, sent: Sent, *, at: datetime, seconds: float) -> CallEnd:
        """The end of a call: what its answer says that it used; where it does not say, what must be assumed."""
        tokens, estimated = _used(worst, sent)
        micros: int | None = 0
        unit_prices = ""
        if tokens != NO_TOKENS:
            micros, rate = self.prices.cost(call.upstream, family(call.protocol), call.model, tokens, call.at)
            unit_prices = json.dumps(dict(rate.unit_prices), sort_keys=True) if rate.unit_prices else ""
        has_extras = sent.reader is not None and sent.reader.has_extras
        return CallEnd(
            status=sent.status,
            at=at,
            tokens=tokens,
            micros=None if has_extras else micros,
            least_micros=micros or 0,
            unit_prices=unit_prices,
            estimated=estimated,
            http_status=sent.http_status,
            stop_reason=sent.reader.stop_reason if sent.reader else "",
            error=sent.error[:500],
            tries=sent.tries,
            latency_ms=round(seconds * 1000),
            first_byte_ms=None if sent.first_byte is None else round(sent.first_byte * 1000),
        )


def _used(worst: Tokens, sent: Sent) -> tuple[Tokens, bool]:
    reader = sent.reader
    if reader is None:
        return (Tokens(input=worst.input), True) if sent.is_in_flight else (NO_TOKENS, False)
    if reader.has_usage:
        return reader.tokens, False
    seen = reader.tokens
    shown = Tokens(output=min(-(-reader.output_seen // BYTES_PER_TOKEN_SEEN), worst.output))
    read = NO_TOKENS if seen.all_input else Tokens(input=worst.input)
    return seen.at_least(shown).at_least(read), True
