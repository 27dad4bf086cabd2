"""The door on HTTP: who may come in and where to. Plain ASGI, because every call pays for what stands before it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.gateway.answering import JSON, Answer, ClientGone, Receive, Send, TooLarge, read_body, until_gone
from penstock.gateway.counting import COUNT_PATH, Counting
from penstock.gateway.denial import Denied
from penstock.gateway.forwarding import Forwarder, say
from penstock.gateway.headers import named
from penstock.gateway.orders import LARGEST_REQUEST, Request
from penstock.gateway.visits import AttemptVisit, VisitBook
from penstock.gateway.wire import Refusal, RequestUnfit, Wire

MODELS_PATH = "/v1/models"
MOST_AT_ONCE = 32
"""Calls of one attempt; each may hold a large request in memory."""
_ANTHROPIC, _PLAIN = "/v1/messages", "/v1/chat/completions"
_KEY_IS_WRONG = "the key opens nothing here: it is made for one attempt and ends with it"


def route_of(wire: Wire) -> str:
    """Where a protocol is served; what an OpenAI client is told as its base address ends in `/v1`."""
    return wire.path if wire.family == "anthropic" else f"/v1{wire.path}"


@dataclass(kw_only=True)
class Door:
    """The application. Belongs to the gateway's thread."""

    book: VisitBook
    wires: Mapping[str, Wire]
    """By route."""
    forwarder: Forwarder
    counting: Counting
    troubled: Callable[[BaseException], None]

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = Answer(send)
        try:
            await self._serve(scope, receive, answer)
        except ClientGone:
            return  # what it cost is on its way to the ledger
        except asyncio.CancelledError:  # the visit was closed, or the gateway is
            if not answer.has_begun:
                await say(answer, self._wire(scope["path"]), Denied(Refusal.UPSTREAM, "the attempt has ended"))
        except Exception as error:  # noqa: BLE001 - one request served: whatever is wrong with it ends here
            self.troubled(error)
            if not answer.has_begun:
                await say(answer, self._wire(scope["path"]), Denied(Refusal.UPSTREAM, "the gateway itself failed"))

    def _wire(self, path: str) -> Wire:
        return self.wires.get(path) or self.wires[_ANTHROPIC if path == COUNT_PATH else _PLAIN]

    async def _serve(self, scope: Mapping[str, Any], receive: Receive, answer: Answer) -> None:
        path, method = scope["path"], scope["method"]
        if path == "/" and method in {"GET", "HEAD"}:
            await answer.whole(200, JSON, b"{}")
            return
        headers = named(scope["headers"])
        visit = self.book.find(_key_of(headers))
        wire = self._wire(path)
        if visit is None:
            await say(answer, wire, Denied(Refusal.BAD_KEY, _KEY_IS_WRONG))
        elif method in {"GET", "HEAD"} and (path == MODELS_PATH or path.startswith(f"{MODELS_PATH}/")):
            await answer.whole(*_models(visit, path))
        elif method == "POST" and (path in self.wires or path == COUNT_PATH):
            await self._call(visit, wire, scope, headers, receive, answer)
        else:
            await answer.whole(404, JSON, b'{"error":{"type":"not_found_error","message":"nothing is here"}}')

    async def _call(
        self,
        visit: AttemptVisit,
        wire: Wire,
        scope: Mapping[str, Any],
        headers: Mapping[str, str],
        receive: Receive,
        answer: Answer,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has one
        visit.tasks.add(task)
        try:
            if visit.is_closed:
                raise ClientGone
            if len(visit.tasks) > MOST_AT_ONCE:
                sentence = f"an attempt may have {MOST_AT_ONCE} calls under way at once"
                await say(answer, wire, Denied(Refusal.RATE_LIMITED, sentence))
                return
            body = await read_body(receive, str(headers.get("content-length", "")))
            query = scope.get("query_string", b"").decode("latin-1")
            request = Request(headers=headers, query=query, body=body)
            async with until_gone(receive):
                if scope["path"] == COUNT_PATH:
                    await self._count(visit, wire, request, answer)
                elif wire.family != visit.terms.destination.protocol and not visit.terms.destination.is_replay:
                    sentence = f"this key's model speaks {visit.terms.destination.protocol} only"
                    await say(answer, wire, Denied(Refusal.NO_SUCH_MODEL, sentence))
                else:
                    await self.forwarder.serve(visit, wire, request, answer)
        except TooLarge:
            sentence = f"the request is larger than {LARGEST_REQUEST // 1024 // 1024} MB"
            await say(answer, wire, Denied(Refusal.BAD_REQUEST, sentence))
        finally:
            visit.tasks.discard(task)

    async def _count(self, visit: AttemptVisit, wire: Wire, request: Request, answer: Answer) -> None:
        try:
            await self.counting.pass_on(visit, request, answer)
        except RequestUnfit as unfit:
            await say(answer, wire, Denied(Refusal.BAD_REQUEST, unfit.sentence))
        except Denied as denied:
            if denied.stop is not None:
                visit.end(denied.stop)
            await say(answer, wire, denied)


def _key_of(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else headers.get("x-api-key", "").strip()


def _models(visit: AttemptVisit, path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """The one model of a visit, in a shape that holds what either provider's clients look for."""
    name = visit.access.model
    model = {
        "id": name,
        "type": "model",
        "object": "model",
        "display_name": name,
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "owned_by": visit.terms.destination.upstream,
    }
    if path == MODELS_PATH:
        told = {"object": "list", "data": [model], "has_more": False, "first_id": name, "last_id": name}
        return 200, JSON, json.dumps(told).encode("ascii")
    if path.removeprefix(f"{MODELS_PATH}/") in {name, visit.terms.alias}:
        return 200, JSON, json.dumps(model).encode("ascii")
    return 404, JSON, b'{"error":{"type":"not_found_error","message":"this key is good for another model"}}'
