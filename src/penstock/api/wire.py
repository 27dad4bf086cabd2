"""What the layers around the application share: headers of a request, and the way to answer one early."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope, Send

from penstock.api.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_ID = "penstock.request_id"
MAY_BE_DONE = "penstock.may_be_done"
"""Stands in the scope of a request that failed though what was asked goes on, or may have been done."""


class BrokenOff(Exception):
    """An answer that had begun can't be brought to its end: its connection ends without one, so that nobody takes it
    for whole.
    """


def headers_of(scope: Scope, name: str) -> list[str]:
    """All values of a header, in their order."""
    wanted = name.encode("latin-1")
    return [value.decode("latin-1") for found, value in scope["headers"] if found == wanted]


def header_of(scope: Scope, name: str) -> str:
    """The value of a header, empty if it is not there."""
    found = headers_of(scope, name)
    return found[0] if found else ""


def request_id_of(scope: Scope) -> str:
    """The id under which the log knows a request."""
    return str(scope.get(REQUEST_ID, ""))


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request before the application has seen it."""
    await problem.answer(request_id_of(scope))(scope, receive, send)


async def whole_body(receive: Receive) -> tuple[bytes, bool]:
    """The body, and whether it came to its end before the client went."""
    parts: list[bytes] = []
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts), False
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts), True
