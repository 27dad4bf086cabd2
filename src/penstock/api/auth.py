"""Who may call: the names of the server against rebinding, the page's own origin against other sites' scripts, and a
key as soon as one is configured. Without a key nothing is changed for a process that may be a confined one. Decides by
headers and by who has the connection open; knows no route but the open ones.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from penstock.api.problems import Problem
from penstock.api.wire import SAFE_METHODS, header_of, headers_of, refuse

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
WILDCARDS = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 - nothing is bound here
OPEN_PATHS = frozenset({"/", "/health", "/docs", "/redoc", "/openapi.json"})
OPEN_FOLDER = "/assets/"
Doubt = Callable[[tuple[str, int], tuple[str, int]], str]
"""Why the one at the first end of a connection may not change anything at the second; empty if it may."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)


class Guard:
    """Lets a request in, or answers it."""

    def __init__(
        self, app: ASGIApp, *, host: str, allowed_hosts: Iterable[str], keys: Iterable[str], doubt: Doubt
    ) -> None:
        own = {bracketed(name.strip().lower()) for name in (*allowed_hosts, host)}
        self._app = app
        self._hosts = LOOPBACK_NAMES | (own - WILDCARDS)
        self._keys = tuple(key.encode() for key in keys)
        self._doubt = doubt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        problem = self._fault_of_host(scope) or _fault_of_origin(scope) or self._fault_of_key(scope)
        if problem is None and not self._keys and scope["method"] not in SAFE_METHODS:
            problem = await self._fault_of_caller(scope)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await refuse(problem, scope, receive, send)

    def _fault_of_host(self, scope: Scope) -> Problem | None:
        hosts = headers_of(scope, "host")
        found = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if found is None:
            return Problem(status=400, code="bad_host", message="the request names no server, or none that can be read")
        if found[1] in self._hosts:
            return None
        return Problem(
            status=403,
            code="forbidden_host",
            message=f"this server is not called {found[1][:100]!r}",
            hint="call it localhost, or put the name into ALLOWED_HOSTS before it is started",
        )

    def _fault_of_key(self, scope: Scope) -> Problem | None:
        path = scope["path"]
        if not self._keys or path in OPEN_PATHS or path.startswith(OPEN_FOLDER):
            return None
        given = _key_of(scope).encode("utf-8", "surrogateescape")
        # every key is compared, so that the time tells nothing
        if any([hmac.compare_digest(given, key) for key in self._keys]):  # noqa: C419
            return None
        return Problem(
            status=401,
            code="unauthorized",
            message="this server wants a key, and the request brings none that it knows",
            hint="send `X-API-Key: KEY` or `Authorization: Bearer KEY`; the keys are in API_KEYS of the server",
            headers={"WWW-Authenticate": "Bearer"},
        )

    async def _fault_of_caller(self, scope: Scope) -> Problem | None:
        if not scope.get("client"):
            return None
        why = await asyncio.to_thread(self._doubt, tuple(scope["client"]), tuple(scope["server"]))
        if not why:
            return None
        return Problem(
            status=403,
            code="forbidden_caller",
            message=f"an agent must not change anything here, and this caller may be one: {why}",
            hint="give the server a key (API_KEYS) and send it; without one stay connected until the answer comes, and"
            " call from this machine itself, not through a tunnel or from a sandbox",
        )


def bracketed(name: str) -> str:
    """A name as it stands in a Host header: addresses with colons in brackets."""
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def _fault_of_origin(scope: Scope) -> Problem | None:
    """A browser says which page asks. A page of another origin may follow a link here and nothing more."""
    method, site = scope["method"], header_of(scope, "sec-fetch-site")
    origins = headers_of(scope, "origin")
    if any(not _is_own(origin, header_of(scope, "host")) for origin in origins):
        shown = origins[0][:100]
        return Problem(status=403, code="forbidden_origin", message=f"a page of {shown!r} may not call this server")
    if site in {"cross-site", "same-site"} and method not in SAFE_METHODS:
        return Problem(status=403, code="forbidden_origin", message="a page of another origin may not call this server")
    return None


def _is_own(origin: str, host: str) -> bool:
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    return found.scheme in {"http", "https"} and found.netloc.lower() == host.lower()


def _key_of(scope: Scope) -> str:
    direct = header_of(scope, "x-api-key")
    if direct:
        return direct
    scheme, _, key = header_of(scope, "authorization").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
