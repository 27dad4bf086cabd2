"""Server-sent events, cut out of a stream that may come in any pieces. The bytes themselves are never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_PENDING = 16 * 1024 * 1024
"""An event that grows beyond this is passed on unread: no model says so much at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: its bytes as they came, the blank line included, and what its data lines hold."""

    raw: bytes
    data: bytes

    def json(self) -> dict[str, Any] | None:
        """The data as a JSON object; None if it is none."""
        return object_of(self.data)


def object_of(data: bytes) -> dict[str, Any] | None:
    """A JSON object; None for anything else, however strange."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class Splitter:
    """Takes pieces, gives whole events."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._looked = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that are complete by now."""
        self._pending += piece
        while (end := self._end_of_event()) is not None:
            raw = bytes(self._pending[:end])
            del self._pending[:end]
            self._looked = 0
            yield Event(raw=raw, data=_data(raw))
        if len(self._pending) > MOST_PENDING:
            yield self.rest()

    def rest(self) -> Event:
        """What is left, complete or not."""
        raw = bytes(self._pending)
        self._pending.clear()
        self._looked = 0
        return Event(raw=raw, data=b"" if len(raw) > MOST_PENDING else _data(raw))

    def _end_of_event(self) -> int | None:
        """Where the first blank line ends. A carriage return at the very end may still be half of a line's end."""
        text = self._pending
        at = max(self._looked - 3, 0)
        while (at := text.find(b"\n", at)) >= 0:
            if text[at + 1 : at + 2] == b"\n":
                return at + 2
            if text[at + 1 : at + 3] == b"\r\n":
                return at + 3
            at += 1
        self._looked = len(text)
        return None


def _data(raw: bytes) -> bytes:
    lines = (line[5:].removeprefix(b" ") for line in raw.splitlines() if line.startswith(b"data:"))
    return b"\n".join(lines)


def event(data: object, name: str = "") -> bytes:
    """One event of our own."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {text}\n\n".encode("utf-8", "surrogatepass")
