"""Lines to one upstream: connections that are kept between calls.

A client for everybody builds an address, a request, an answer and a pool around each call: with one of those the
gateway spent more on it than on all else. Here the line that was used last is taken. There are no cookies, no
redirects and no proxies on this way.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from httpx2 import create_ssl_context

from penstock.gateway.headers import Headers
from penstock.gateway.incoming import Incoming
from penstock.gateway.line import Line
from penstock.gateway.settings import UpstreamSettings

MOST_FREE = 64
KEPT = 60.0
"""Seconds that a free line is kept."""
_PLAIN_IN_A_PATH = "/%:@!$&'()*+,;=~"


class Reply:
    """An answer that has begun; its line is free again when it is closed."""

    def __init__(self, lines: Lines, line: Line, incoming: Incoming) -> None:
        self._lines = lines
        self._line: Line | None = line
        self.status = incoming.status
        self.headers: Headers = incoming.headers
        """As they came."""
        self.named = incoming.named
        """The same by their names in lower case."""
        self.chunks: AsyncIterator[bytes] = line.pieces(incoming)
        """The body as it comes, unpacked if the upstream packed it unasked."""

    def close(self) -> None:
        """Done with it; closing twice is closing once."""
        line, self._line = self._line, None
        if line is not None:
            self._lines.give_back(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an upstream is."""

    host: str
    port: int
    path: str
    """What stands before the path of every call."""
    named: str
    """Host and port as an upstream is told them."""
    context: ssl.SSLContext | None
    """How its certificate is judged; None for plain http."""

    @classmethod
    def of(cls, base_url: str) -> Place:
        """The place that an address names. For https this reads all certificates, which takes a while."""
        parts = urlsplit(base_url)
        host, is_plain = parts.hostname or "", parts.scheme == "http"
        shown = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
        return cls(
            host=host,
            port=parts.port or (80 if is_plain else 443),
            path=quote(parts.path.rstrip("/"), safe=_PLAIN_IN_A_PATH),
            named=shown if parts.port is None else f"{shown}:{parts.port}",
            context=None if is_plain else _context(),
        )

    def head(self, path: str, headers: Mapping[str, str], size: int) -> bytes:
        """The head of a request that brings a body of so many bytes."""
        fields = {"host": self.named, **headers, "content-length": str(size)}
        lines = [f"POST {self.path}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join((*lines, "", "")).encode("ascii")


def _nobody_asks() -> None:
    """For who need not know when a request leaves."""


@dataclass(kw_only=True)
class Lines:
    """All lines to one upstream. Belongs to the gateway's thread."""

    settings: UpstreamSettings
    _place: Place = field(init=False)
    _free: list[Line] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._place = Place.of(self.settings.base_url)

    async def post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        patience: float | None = None,
        leaves: Callable[[], None] = _nobody_asks,
    ) -> Reply:
        """Send a request; its answer's beginning, or LineBroken. `leaves` is called once there is a line for it."""
        head = self._place.head(path, headers, len(body))
        line = await self._line()
        leaves()
        try:
            incoming = await line.ask(head, body, patience=patience or self.settings.idle_timeout)
        except BaseException:
            line.close()
            raise
        return Reply(self, line, incoming)

    def give_back(self, line: Line) -> None:
        """A line is done with its call."""
        if not line.release():
            return
        if len(self._free) < MOST_FREE:
            self._free.append(line)
        else:
            line.close()

    def close(self) -> None:
        """Close the lines that are free."""
        while self._free:
            self._free.pop().close()

    async def _line(self) -> Line:
        while self._free:
            line = self._free.pop()
            if line.is_fresh(KEPT):
                return line
            line.close()
        place = self._place
        return await Line.open(place.host, place.port, place.context, patience=self.settings.connect_timeout)


def _context() -> ssl.SSLContext:
    context = create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context
