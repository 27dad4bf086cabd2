"""Bodies of requests, read strictly: what no database and no client can hold is refused before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from penstock.domain import strict_json


class StrictRequest(Request):
    """A request whose JSON every database and every client can hold."""

    async def json(self) -> Any:  # Any: whatever JSON holds
        """The body."""
        if not hasattr(self, "_json"):
            self._json = parsed(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route whose bodies are read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


def parsed(body: bytes) -> Any:  # Any: whatever JSON holds
    """The value, or HTTPException 400 with a sentence."""
    try:
        return strict_json.parsed(body.decode("utf-8"))
    except ValueError as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:200]
        raise HTTPException(400, f"the body is not JSON as it can be taken: {why}") from None
