"""Server-sent events, and the pieces that a long text comes in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

PIECE = 160


def event(data: Any, name: str = "") -> bytes:
    """One event; a string goes as it is."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {text}\n\n".encode()


def slices(text: str) -> Iterable[str]:
    """A text in pieces."""
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def argument_text(arguments: Any) -> str:
    """A tool's arguments as they are written on the wire."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
