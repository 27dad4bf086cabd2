"""Lines to one upstream: kept connections, each with a transport of its own.

One pool of many connections looks through all of them for every request; with fifty clients that took longer than all
else. Here the line that was used last is taken. There are no cookies, no redirects and no proxies on this way.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2

from penstock.gateway.headers import Headers
from penstock.gateway.settings import UpstreamSettings

MOST_FREE = 64
KEPT = 60.0
"""Seconds that a free line is kept."""
BROKEN = (httpx2.TransportError, httpx2.DecodingError)
"""What a line may come to."""


class Reply:
    """An answer that has begun; its line is free again when it is closed."""

    def __init__(self, lines: Lines, transport: httpx2.AsyncHTTPTransport, response: httpx2.Response) -> None:
        self._lines = lines
        self._transport: httpx2.AsyncHTTPTransport | None = transport
        self._response = response
        self.status = response.status_code
        self.named = {name.lower(): value for name, value in response.headers.items()}

    @property
    def headers(self) -> Headers:
        """As they came."""
        return self._response.headers.raw

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, unpacked if the upstream packed it unasked."""
        return self._response.aiter_bytes()

    async def close(self) -> None:
        """Done with it; closing twice is closing once."""
        transport, self._transport = self._transport, None
        if transport is not None:
            try:
                await self._response.aclose()
            finally:
                await self._lines.give_back(transport)


@dataclass(kw_only=True)
class Lines:
    """All lines to one upstream. Belongs to the gateway's thread."""

    settings: UpstreamSettings
    _free: list[httpx2.AsyncHTTPTransport] = field(default_factory=list)
    _context: ssl.SSLContext | None = None

    async def post(self, url: str, headers: dict[str, str], body: bytes, *, patience: float | None = None) -> Reply:
        """Send a request; its answer's beginning, or one of `BROKEN`."""
        settings = self.settings
        limits = httpx2.Timeout(patience or settings.idle_timeout, connect=settings.connect_timeout, pool=None)
        extensions = {"timeout": limits.as_dict()}
        request = httpx2.Request("POST", url, headers=headers, content=body, extensions=extensions)
        transport = self._free.pop() if self._free else self._transport()
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            await self.give_back(transport)  # what broke is closed by now, the transport itself is whole
            raise
        return Reply(self, transport, response)

    async def give_back(self, transport: httpx2.AsyncHTTPTransport) -> None:
        """A line is free."""
        if len(self._free) < MOST_FREE:
            self._free.append(transport)
        else:
            await transport.aclose()

    async def close(self) -> None:
        """Close the lines that are free."""
        while self._free:
            await self._free.pop().aclose()

    def _transport(self) -> httpx2.AsyncHTTPTransport:
        if self._context is None:
            is_plain = self.settings.base_url.startswith("http:")
            # plain http needs no certificates, and to read them takes a while
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else _certified()
        return httpx2.AsyncHTTPTransport(
            verify=self._context,
            trust_env=False,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT),
        )


def _certified() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)
