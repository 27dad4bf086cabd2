"""The client's side of a call: what is sent back over ASGI, and the moment at which the client goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from penstock.gateway.headers import Headers
from penstock.gateway.orders import LARGEST_REQUEST

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
JSON = [(b"content-type", b"application/json")]


class ClientGone(Exception):
    """The one who asked has hung up."""


class TooLarge(Exception):
    """A request of more bytes than any model reads."""


class Answer:
    """One answer, whole or piece by piece."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """All of it at once."""
        length = (b"content-length", str(len(body)).encode("ascii"))
        await self.begin(status, [*headers, length])
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, status: int, headers: Headers) -> None:
        """Status and headers; pieces will follow."""
        self.has_begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def pass_on(self, piece: bytes) -> None:
        """A piece."""
        if piece:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """There is no more. An answer that is not ended breaks off for the client, too."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def read_body(receive: Receive, length: str = "") -> bytes:
    """The whole request; ClientGone if it does not come whole, TooLarge if there is too much of it."""
    if length.isascii() and length.isdigit() and int(length[:20]) > LARGEST_REQUEST:
        raise TooLarge
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > LARGEST_REQUEST:
            raise TooLarge
        if not message.get("more_body", False):
            return b"".join(parts)


@contextlib.asynccontextmanager
async def until_gone(receive: Receive) -> AsyncIterator[None]:
    """What is done within is cancelled when the client hangs up; ClientGone is what comes of it."""
    task = asyncio.current_task()
    has_gone = False

    async def watch() -> None:
        nonlocal has_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        has_gone = True
        if task is not None:
            task.cancel()

    watcher = asyncio.ensure_future(watch())
    try:
        yield
    except asyncio.CancelledError:
        if has_gone and task is not None and task.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        watcher.cancel()
