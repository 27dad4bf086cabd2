"""Writes with an `Idempotency-Key`: the same request again gets the answer of the first one, for a day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock.api.problems import Problem
from penstock.api.wire import SAFE_METHODS, header_of, headers_of, refuse, whole_body
from penstock.parts import Parts
from penstock.ports.library import KeptReply

HEADER = "idempotency-key"
LONGEST_KEY = 255
REPLAYED = "Idempotent-Replayed"


@dataclass(slots=True)
class _Recording:
    """An answer, kept as it passes."""

    status: int = 0
    content_type: str = "application/json"
    parts: list[bytes] = field(default_factory=list)

    def note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            found = (value for name, value in message["headers"] if name == b"content-type")
            self.content_type = next(found, b"application/json").decode("latin-1")
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))


class Idempotency:
    """Keeps answers that changed something, and gives them again."""

    def __init__(self, app: ASGIApp, *, parts: Parts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or not header_of(scope, HEADER):
            await self._app(scope, receive, send)
            return
        keys = headers_of(scope, HEADER)
        if len(keys) > 1 or len(keys[0]) > LONGEST_KEY or not (keys[0].isascii() and keys[0].isprintable()):
            said = f"an Idempotency-Key is one text of at most {LONGEST_KEY} plain characters"
            await refuse(Problem(status=400, code="bad_request", message=said), scope, receive, send)
            return
        body, is_whole = await whole_body(receive)
        if is_whole:
            await self._once(scope, keys[0], body, receive, send)

    async def _once(self, scope: Scope, key: str, body: bytes, receive: Receive, send: Send) -> None:
        digest, kept_as = _digest(scope, body), f"http:{hashlib.sha256(key.encode()).hexdigest()}"
        known = await self._parts.replies.begin(kept_as, digest, self._parts.clock.now())
        if known is None:
            await self._first(scope, kept_as, digest, body, receive, send)
        elif known.digest != digest:
            await refuse(_other_body(), scope, receive, send)
        elif not known.status:
            await refuse(_under_way(), scope, receive, send)
        else:
            headers = {**known.headers, REPLAYED: "true"}
            await Response(known.body, known.status, headers=headers)(scope, receive, send)

    async def _first(self, scope: Scope, key: str, digest: str, body: bytes, receive: Receive, send: Send) -> None:
        recording, is_given = _Recording(), False

        async def replaying() -> Message:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def noting(message: Message) -> None:
            recording.note(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await self._keep(key, digest, recording)  # before the client can know of it
            await send(message)

        try:
            await self._app(scope, replaying, noting)
        except BaseException:
            await self._parts.replies.forget(key)
            raise

    async def _keep(self, key: str, digest: str, said: _Recording) -> None:
        if said.status >= 400:  # nothing was changed: it may be tried again
            await self._parts.replies.forget(key)
            return
        text = b"".join(said.parts).decode("utf-8", "replace")
        headers = {"content-type": said.content_type}
        await self._parts.replies.finish(key, KeptReply(digest=digest, status=said.status, body=text, headers=headers))


def _digest(scope: Scope, body: bytes) -> str:
    target = scope.get("raw_path") or scope["path"].encode()
    told = b"\0".join((scope["method"].encode(), target, scope["query_string"], body))
    return hashlib.sha256(told).hexdigest()


def _other_body() -> Problem:
    return Problem(
        status=422,
        code="idempotency_key_reused",
        message="this Idempotency-Key was used for another request; nothing was done",
        hint="a new request needs a new key",
    )


def _under_way() -> Problem:
    return Problem(
        status=409,
        code="idempotency_in_progress",
        message="a request with this Idempotency-Key is under way, or was when the server ended",
        hint="look at what it was about, then ask again with another key if need be",
    )
