"""Cuts a stream of server-sent events into its events, wherever its chunks were cut. It never changes a byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST_EVENT = 16 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")
_EVENT_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n){2}")
_MARGIN = 3
"""The end of an event may have begun so many bytes before the end of what was searched."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, or a piece of one that is too large to be read."""

    raw: bytes
    """As it came, with the blank line that ends it."""
    data: bytes | None
    """None where it has none: a comment, blank lines, or a piece."""
    is_piece: bool = False


class Splitter:
    """Takes chunks, gives events. Joined, the raw bytes of all events are the bytes of all chunks."""

    def __init__(self, largest: int = LARGEST_EVENT) -> None:
        self._largest = largest
        self._held = bytearray()
        self._searched = 0
        self._is_passing = False
        """Within an event that is too large: all of it goes through in pieces."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are whole now. It must be used up before the next chunk comes."""
        self._held += chunk
        while (end := self._end()) is not None:
            yield self._cut(end)
        if self._is_passing or len(self._held) > self._largest:
            yield from self._pass_on()

    def finish(self) -> Iterator[Event]:
        """What is left when no more will come; an event at the end counts without its blank line, too."""
        if end := self._end(is_last=True):
            yield self._cut(end)
        if self._held:
            yield self._cut(len(self._held))

    def _end(self, *, is_last: bool = False) -> int | None:
        found = _EVENT_END.search(self._held, self._searched)
        if found is None:
            self._searched = max(0, len(self._held) - _MARGIN)
            return None
        end = found.end()
        if end == len(self._held) and self._held[-1] == 0x0D and not is_last:
            return None  # its line feed may be on the way
        return end

    def _cut(self, end: int) -> Event:
        raw = bytes(self._held[:end])
        del self._held[:end]
        self._searched = 0
        is_piece, self._is_passing = self._is_passing or len(raw) > self._largest, False
        return Event(raw=raw, data=None if is_piece else data_of(raw), is_piece=is_piece)

    def _pass_on(self) -> Iterator[Event]:
        self._is_passing = True
        length = len(self._held) - _MARGIN  # what may be the beginning of its end stays
        if length > 0:
            yield Event(raw=bytes(self._held[:length]), data=None, is_piece=True)
            del self._held[:length]
            self._searched = 0


def data_of(raw: bytes) -> bytes | None:
    """The data of an event, its lines joined; None if it has none."""
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    lines = []
    for line in _LINE_END.split(raw):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines) if lines else None


def written(data: bytes, name: str = "") -> bytes:
    """An event as it is sent; the data must be one line."""
    head = b"event: " + name.encode("ascii") + b"\n" if name else b""
    return head + b"data: " + data + b"\n\n"
