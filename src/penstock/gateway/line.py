"""One connection to an upstream: a request out, an answer in, and again, without a word of what either says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Self

from penstock.gateway.failures import (
    AnswerUnreadable,
    LineBroken,
    LineWasOver,
    UpstreamHungUp,
    UpstreamSilent,
    UpstreamUnreachable,
)
from penstock.gateway.incoming import Incoming

MOST_WAITING = 256 * 1024
"""Bytes of an answer that are kept for a client who reads slower than the upstream writes."""
AT_ONCE = 1.0
"""Seconds within which it shows that a connection was given up at the other end before a request came there."""
SECOND_ADDRESS = 0.25
"""Seconds after which a host's next address is tried besides the first."""


class Line(asyncio.Protocol):
    """A connection, used for one call at a time. Belongs to the gateway's thread."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._incoming: Incoming | None = None
        self._failure: LineBroken | None = None
        self._patience = 0.0
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._free_since = self._asked_at = self._loop.time()
        self._has_served = False
        self._is_unanswered = False

    @classmethod
    async def open(cls, host: str, port: int, context: ssl.SSLContext | None, *, patience: float) -> Self:
        """A new connection, or UpstreamUnreachable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(patience):
                _, line = await loop.create_connection(
                    cls, host, port, ssl=context, happy_eyeballs_delay=SECOND_ADDRESS
                )
        except TimeoutError as error:
            raise UpstreamUnreachable(f"it did not take a connection for {patience:.0f} s") from error
        except OSError as error:
            raise UpstreamUnreachable(error.strerror or str(error) or type(error).__name__) from error
        return line

    def is_fresh(self, seconds: float) -> bool:
        """Whether it can be used again and has not been free for longer."""
        stands = self._failure is None and not self._transport.is_closing()
        return stands and self._loop.time() - self._free_since < seconds

    async def ask(self, head: bytes, body: bytes, *, patience: float) -> Incoming:
        """Send a request; its answer, of which the head has come. `patience`: seconds that may pass without a byte."""
        self._incoming, self._patience = Incoming(), patience
        self._asked_at, self._is_unanswered = self._loop.time(), True
        self._transport.writelines((head, body))  # in one piece: the upstream is woken once
        while not self._incoming.has_begun:
            await self._more()
        return self._incoming

    async def pieces(self, incoming: Incoming) -> AsyncIterator[bytes]:
        """The body of the answer as it comes."""
        while True:
            if piece := incoming.take():
                yield piece
            elif incoming.is_complete:
                return
            else:
                await self._more()

    def release(self) -> bool:
        """Done with the answer; whether another can come this way. Else the connection is closed."""
        incoming, self._incoming = self._incoming, None
        self._free_since = self._loop.time()
        if incoming is not None and incoming.is_complete and not incoming.is_last and self._failure is None:
            self._transport.resume_reading()  # or it would not be seen to end
            self._has_served = True
            return True
        self.close()
        return False

    def close(self) -> None:
        """End it at once."""
        self._transport.abort()

    async def _more(self) -> None:
        """Wait until something has happened; raises where nothing more will."""
        if self._failure is not None:
            raise self._failure
        self._news.clear()
        self._transport.resume_reading()
        try:
            async with asyncio.timeout(self._patience):
                await self._news.wait()
        except TimeoutError as error:
            raise UpstreamSilent(f"nothing came for {self._patience:.0f} s") from error

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream is given
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Something has come; where no answer is awaited it belongs to none, and no later one may begin with it."""
        if self._incoming is None:
            self._fail(AnswerUnreadable("it spoke unasked"))
            return
        self._is_unanswered = False
        try:
            self._incoming.feed(data)
        except AnswerUnreadable as error:
            self._fail(error)
        if self._incoming.waiting > MOST_WAITING:
            self._transport.pause_reading()
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        if self._incoming is not None:
            self._incoming.end()
        was_over = self._has_served and self._is_unanswered and self._loop.time() - self._asked_at < AT_ONCE
        self._fail((LineWasOver if was_over else UpstreamHungUp)(str(exc or "") or "it hung up"))

    def _fail(self, failure: LineBroken) -> None:
        if self._failure is None:
            self._failure = failure
            self._transport.abort()
        self._news.set()
