"""The outermost layer: gives each request its id, adds the headers of safety, logs one line, and turns what nobody
caught into an answer that tells nothing. Never logs bodies, questions or keys.
"""

from __future__ import annotations

import logging
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock.api.problems import internal
from penstock.api.wire import REQUEST_ID, BrokenOff, refuse

LOG = logging.getLogger("penstock.api")

NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_SAFETY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", NOTHING_ALLOWED.encode()),
    (b"cache-control", b"no-store"),
)


class Tracing:
    """Follows a request from its first to its last byte."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, begun, status = f"req_{secrets.token_hex(8)}", time.monotonic(), 0
        scope[REQUEST_ID] = request_id

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_safety(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except BrokenOff as broken:
            LOG.warning("answer_broken_off request=%s: %s", request_id, broken)
            raise
        except Exception:
            LOG.exception("request_failed request=%s method=%s", request_id, scope["method"])
            if status:
                raise
            await refuse(internal(), scope, receive, noting)
        finally:
            took = round(1000 * (time.monotonic() - begun))
            operation = getattr(scope.get("route"), "operation_id", None) or "-"
            LOG.info(
                "request request=%s method=%s operation=%s status=%s ms=%s",
                *(request_id, scope["method"], operation, status, took),
            )


def _with_safety(headers: list[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """What the answer says of itself stays."""
    given = {name.lower() for name, _ in headers}
    own = (*_SAFETY, (b"x-request-id", request_id.encode()))
    return [*headers, *((name, value) for name, value in own if name not in given)]
