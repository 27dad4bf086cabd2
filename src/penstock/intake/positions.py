"""Text read into plain values whose places are known. Nothing is built but text, numbers, lists and objects."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.domain.errors import UserError

DEEPEST = 64
LARGEST = 8 * 1024 * 1024
MOST_STEPS = 3_000_000
"""So long may all places of a file be together: a small one can hold millions of deep ones, of half a kilobyte each."""

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something beside the values: a comment, or a key given twice."""

    line: int
    place: Place
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The value of a file, the line of each of its places, its comments, and the keys that stand twice."""

    value: object
    lines: Mapping[Place, int]
    comments: tuple[Remark, ...] = ()
    twice: tuple[Remark, ...] = ()

    def line_of(self, place: Place) -> int | None:
        """The line of a place, or of the nearest one that holds it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place)


class Unreadable(UserError, ValueError):
    """The text is not what its file's name promises."""

    def __init__(self, fault: str, line: int | None = None) -> None:
        self.fault, self.line = fault, line
        super().__init__(fault if line is None else f"line {line}: {fault}")


class Lines(dict[Place, int]):
    """The line of each place of one text, as far as that bears."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def __setitem__(self, place: Place, line: int) -> None:
        """Note the line of a place; `Unreadable` where there are too many."""
        self._steps += len(place)
        if self._steps > MOST_STEPS:
            raise Unreadable("the file holds too many values to be read: part it, or nest them less deeply", line)
        super().__setitem__(place, line)


class LineIndex:
    """Which line a place in a text is on."""

    def __init__(self, text: str) -> None:
        self._ends = [found.start() for found in re.finditer("\n", text)]

    def at(self, place: int) -> int:
        """The line, counted from 1."""
        return bisect_right(self._ends, place - 1) + 1


def decode(content: bytes) -> str:
    """The text of a file; `Unreadable` unless it is UTF-8 of a bearable size."""
    if len(content) > LARGEST:
        raise Unreadable(f"the file has {len(content)} bytes; at most {LARGEST} are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable("the file is not UTF-8 text", line) from None


def pointer(place: Place) -> str:
    """A place as RFC 6901 writes it."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)
