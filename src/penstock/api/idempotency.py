"""Writes with an `Idempotency-Key`: the same request again gets the answer of the first one, for a day."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock.api.problems import Problem, problem_of
from penstock.api.wire import MAY_BE_DONE, SAFE_METHODS, headers_of, refuse, request_id_of, whole_body
from penstock.domain.errors import WorldError
from penstock.parts import Parts
from penstock.ports.library import KeptReply

LOG = logging.getLogger("penstock.api")
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

    def reply(self, digest: str) -> KeptReply:
        """The same to be given again."""
        text = b"".join(self.parts).decode("utf-8", "replace")
        return KeptReply(digest=digest, status=self.status, body=text, headers={"content-type": self.content_type})


class Idempotency:
    """Keeps answers that changed something, and gives them again."""

    def __init__(self, app: ASGIApp, *, parts: Parts) -> None:
        self._app, self._parts = app, parts
        self._under_way: set[str] = set()
        """The keys of the requests that this server works on: a kept one without an answer may have lost its server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keys = headers_of(scope, HEADER) if scope["type"] == "http" and scope["method"] not in SAFE_METHODS else []
        if not any(keys):
            await self._app(scope, receive, send)
            return
        if len(keys) > 1 or len(keys[0]) > LONGEST_KEY or not (keys[0].isascii() and keys[0].isprintable()):
            said = f"an Idempotency-Key is one text of at most {LONGEST_KEY} plain characters"
            await refuse(Problem(status=400, code="bad_request", message=said), scope, receive, send)
            return
        body, is_whole = await whole_body(receive)
        if is_whole:
            await self._once(scope, keys[0], body, receive, send)

    async def _once(self, scope: Scope, key: str, body: bytes, receive: Receive, send: Send) -> None:
        digest, kept_as = _digest(scope, body), f"http:{hashlib.sha256(key.encode()).hexdigest()}"
        try:
            known = await self._parts.replies.begin(kept_as, digest, self._parts.clock.now())
        except WorldError as error:  # the application, which would tell of it, has not begun
            await refuse(problem_of(error), scope, receive, send)
            return
        if known is None:
            await self._first(scope, kept_as, digest, body, receive, send)
        elif known.digest != digest:
            await refuse(_other_body(), scope, receive, send)
        elif not known.status:
            problem = _under_way() if kept_as in self._under_way else _without_an_answer()
            await refuse(problem, scope, receive, send)
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
                await self._settle(scope, key, digest, recording)  # before the client can know of it
            await send(message)

        self._under_way.add(key)
        try:
            await self._app(scope, replaying, noting)  # who ends without an answer may have done it: it stays taken
        finally:
            self._under_way.discard(key)

    async def _settle(self, scope: Scope, key: str, digest: str, said: _Recording) -> None:
        """Keep the answer, or free the key. Where the store takes neither, the key stays under way: the answer counts,
        and nothing is done twice.
        """
        try:
            if said.status < 400:
                await self._parts.replies.finish(key, said.reply(digest))
            elif not scope.get(MAY_BE_DONE):
                await self._parts.replies.forget(key)
        except WorldError as error:
            LOG.warning("reply_not_kept request=%s: %s", request_id_of(scope), error.sentence)


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
        message="a request with this Idempotency-Key is under way",
        hint="ask again in a while: the same request then gets its answer",
    )


def _without_an_answer() -> Problem:
    return Problem(
        status=409,
        code="idempotency_unknown",
        message="a request with this Idempotency-Key was begun and left no answer, and this server does not work on it:"
        " its server was killed, or what was asked goes on without it, or another server works on it",
        hint="look at what it was about, then ask again with another key if need be; this one is free after a day",
    )
