"""JSON as every database and every client can hold it: what can't be is refused before anything is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

DEEPEST = 60


class StrictRequest(Request):
    """A request whose JSON has no NaN, no half of a character, no NUL, no number of thousands of digits."""

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
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        _check(value, 0)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON as it can be taken: {_why(error)}") from None
    return value


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)[:200]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON knows")


def _check(value: object, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("a text holds a NUL character")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("a text holds half of a character")
