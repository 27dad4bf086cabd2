"""Writes recorded messages as answers: the pieces that texts are cut into, and events."""

from __future__ import annotations

import json
from collections.abc import Iterator

from penstock.gateway.protocols.sse import written
from penstock.gateway.wire import Json

PIECE = 400
"""So many characters of a text go into one event."""


def whole(message: Json) -> bytes:
    """A message as one body. Nothing but ASCII: a lone surrogate in a text can't break it."""
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def event(content: Json, name: str = "") -> bytes:
    """One event of a stream."""
    return written(whole(content), name)


def pieces(text: str) -> Iterator[str]:
    """A text in pieces; none of an empty one."""
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))
