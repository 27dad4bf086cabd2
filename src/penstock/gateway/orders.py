"""From the bytes of a request to an order: what is asked of which model, and the request as it leaves. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.bounds import answers_wanted, refuse_unbounded
from penstock.gateway.denial import Denied
from penstock.gateway.directory import Destination
from penstock.gateway.incoming import INFLATES
from penstock.gateway.metering import worst_tokens
from penstock.gateway.protocols.untrusted import DECODER
from penstock.gateway.wire import Asked, Refusal, RequestUnfit, Wire

LARGEST_REQUEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in by HTTP."""

    headers: Mapping[str, str]
    """By names in lower case."""
    query: str = ""
    body: bytes = b""

    @property
    def kept_query(self) -> str:
        """What of the query is passed on: the one wish that Anthropic's clients put there."""
        return "?beta=true" if "beta=true" in self.query.split("&") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request that was understood."""

    wire: Wire
    asked: Asked
    asked_for_usage: bool
    body: Mapping[str, Any]
    """As it was asked."""
    leaving: bytes
    """As it leaves."""
    limit: int
    """The most tokens that each of its answers may have."""
    answers: int

    def worst(self, counted: int | None) -> Tokens:
        """The most that it may use."""
        return worst_tokens(size=len(self.leaving), counted=counted, limit=self.limit, answers=self.answers)


def inflated(request: Request) -> bytes:
    """The body as it was before it was packed for the way."""
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing in {"", "identity"}:
        return request.body
    if packing not in INFLATES:
        raise RequestUnfit(f'the request is packed by "{packing[:40]}"; possible are gzip and deflate')
    unpacker = zlib.decompressobj(INFLATES[packing])
    try:
        body = unpacker.decompress(request.body, LARGEST_REQUEST)
    except zlib.error as error:
        raise RequestUnfit("the request can't be unpacked") from error
    if unpacker.unconsumed_tail:
        raise RequestUnfit("the request is too large")
    return body


def parsed(request: Request) -> dict[str, Any]:
    """The body as a JSON object, or RequestUnfit."""
    try:
        body = DECODER.decode(inflated(request).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RequestUnfit("the request is not JSON") from error
    if not isinstance(body, dict):
        raise RequestUnfit("the request is not a JSON object")
    return body


def written(body: Mapping[str, Any]) -> bytes:
    """The body of a request as it leaves: always written anew, so that what was judged is what is sent."""
    try:
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    except RecursionError as error:
        raise RequestUnfit("the request is nested too deep") from error


def read_order(wire: Wire, request: Request, destination: Destination, alias: str) -> Order:
    """What is asked, and how it leaves. RequestUnfit, or Denied for a model that is not this visit's."""
    body = parsed(request)
    asked = wire.asked(body)
    if asked.model not in {alias, destination.model}:
        raise Denied(
            Refusal.NO_SUCH_MODEL,
            f'there is no model "{asked.model[:100]}" here; this key is good for "{destination.model}" only',
        )
    refuse_unbounded(body)
    most = destination.default_output if asked.max_output is None else destination.max_output
    rewritten = wire.rewritten(body, model=destination.model, max_output=most)
    return Order(
        wire=wire,
        asked=asked,
        asked_for_usage=wire.asked_for_usage(body),
        body=body,
        leaving=written(rewritten),
        limit=most if asked.max_output is None else min(most, asked.max_output),
        answers=answers_wanted(body),
    )
