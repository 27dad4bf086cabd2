"""How large a request may be: counted as it comes, whatever it says of itself."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock.api.problems import Problem
from penstock.api.wire import header_of, refuse

LONGEST_TARGET = 8_000


class TooLarge(HTTPException):
    """More of the body came than may. The application lets it through as what it is."""

    def __init__(self) -> None:
        super().__init__(413)


class BodyLimit:
    """Refuses bodies beyond the limit with 413, and targets that no path or question of ours can be."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        target = scope.get("raw_path", b"") + scope.get("query_string", b"")
        if len(target) > LONGEST_TARGET or "\x00" in scope["path"] or b"%00" in target:
            bad = Problem(status=400, code="bad_request", message="the address of the request can't be one of ours")
            await refuse(bad, scope, receive, send)
            return
        said = header_of(scope, "content-length")
        if said.isdecimal() and int(said[:20]) > self._limit:
            await refuse(self._problem(), scope, receive, send)
            return
        await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen, has_begun = 0, False

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise TooLarge
            return message

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, counting, noting)
        except TooLarge:
            if has_begun:
                raise
            await refuse(self._problem(), scope, receive, send)

    def _problem(self) -> Problem:
        return Problem(
            status=413,
            code="too_large",
            message=f"the body of the request has more than {self._limit} bytes, which are the most",
            hint="MAX_REQUEST_BODY_SIZE says how many may be",
            headers={"Connection": "close"},
        )
