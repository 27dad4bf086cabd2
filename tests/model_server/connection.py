"""One connection, as ASGI hands it over: the request that came by it, and the answer in pieces."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

from .choosing import split_path
from .issuing import Seen

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = "application/json"


class Gone(Exception):
    """The one who asked has hung up, or the server ends."""


class Call:
    """One connection's answer."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """A whole answer."""
        await self.begin(status, {"content-type": JSON, "content-length": str(len(body)), **headers})
        await self.piece(body, last=True)

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The status and the headers."""
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def piece(self, body: bytes, *, last: bool = False) -> None:
        """A piece of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})

    async def pause(self, seconds: float) -> None:
        """Wait, unless the one who asked goes away."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone(), seconds)
            raise Gone

    async def until(self, gate: asyncio.Event) -> None:
        """Wait for a gate to open, unless the one who asked goes away."""
        opened, gone = asyncio.ensure_future(gate.wait()), asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait((opened, gone), return_when=asyncio.FIRST_COMPLETED)
            if not opened.done():
                raise Gone
        finally:
            opened.cancel()
            gone.cancel()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def arrived(scope: Mapping[str, Any], receive: Receive) -> Seen:
    """The whole request."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    raw = b"".join(parts)
    play, path = split_path(scope["path"])
    return Seen(
        method=scope["method"],
        path=path,
        play=play,
        query=scope["query_string"].decode(),
        headers=headers,
        raw=gzip.decompress(raw) if headers.get("content-encoding") == "gzip" else raw,
    )
