"""Text that is safe to show: what others wrote can't steer a terminal, break a line or shift a column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    # OSC, DCS …: titles, links, clipboard; none goes on over the beginning of the next, so none is looked at twice
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\x90\x98\x9d-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile("\r\n|\u2028|\u2029|\x85")


def clean(text: str) -> str:
    """The text without escape sequences, control characters and marks that turn its direction; lines stay lines."""
    return _UNSEEN.sub("", _ESCAPES.sub("", _BREAKS.sub("\n", text))).replace("\t", "    ")


def one_line(text: object, limit: int = 0) -> str:
    """A clean text on one line, cut to a limit of characters if one is given."""
    line = " ".join(clean(str(text)).split())
    return line if not limit or len(line) <= limit else f"{line[: max(1, limit - 1)]}…"


def said_first(text: object, limit: int = 0) -> str:
    """What a text says before it goes into details on further lines."""
    first, _, details = clean(str(text)).strip().partition("\n")
    return one_line(first.rstrip().removesuffix(":") if details else first, limit)


def details_of(text: object, limit: int = 0) -> list[str]:
    """The further lines of a text, at most so many."""
    lines = [line.rstrip() for line in clean(str(text)).strip().splitlines()[1:] if line.strip()]
    if not limit or len(lines) <= limit:
        return lines
    return [*lines[: limit - 1], f"… and {len(lines) - limit + 1} more lines"]


def sentence_and_hint(text: object) -> tuple[str, str]:
    """What a failure says, and its hint (empty where it has none), each on one line."""
    sentence, _, hint = str(text).partition("\nhint: ")
    return one_line(sentence), one_line(hint)


def width(text: str) -> int:
    """How many columns of a terminal a clean text takes."""
    if text.isascii():
        return len(text)
    wide = {"W", "F"}
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in wide else 1 for char in text
    )


def columns(rows: Iterable[Sequence[object]], *, indent: str = "", gap: str = "  ") -> list[str]:
    """Rows as lines with aligned columns; the last column is not padded."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    count = max((len(row) for row in cells), default=0)
    widths = [max((width(row[place]) for row in cells if place < len(row)), default=0) for place in range(count)]
    return [_aligned(row, widths, indent, gap) for row in cells]


def _aligned(row: Sequence[str], widths: Sequence[int], indent: str, gap: str) -> str:
    padded = [cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=False)]
    return f"{indent}{gap.join(padded)}".rstrip()


def duration(seconds: float) -> str:
    """A time span in words: `7 s`, `3 min 12 s`, `2 h 5 min`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, word: str) -> str:
    """`1 workstream`, `2 workstreams`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def markdown(text: object) -> str:
    """A clean text on one line in which Markdown and HTML see no marks of theirs."""
    return re.sub(r"([\\`*_{}\[\]()<>#|~!&])", r"\\\1", one_line(text))
