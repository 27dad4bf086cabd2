"""What stands in a validated artifact, read field by field: whatever has another shape is as if it were not there.

Bounded in count and length, and without letters that nobody sees: what is read here ends in plans and prompts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 4000
MOST_ITEMS = 300
MOST_PATHS = 10 * MOST_ITEMS
"""More than any list may hold: who judges them must see that there are too many."""
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Payload = Mapping[str, Any]


def text_in(payload: Payload, name: str, *, most: int = LONGEST_TEXT) -> str:
    """A text, without blanks around it; empty where there is none."""
    return _text(payload.get(name), most)


def texts_in(payload: Payload, name: str, *, most: int = MOST_ITEMS, longest: int = LONGEST_TEXT) -> tuple[str, ...]:
    """The texts of a list that say something, in their order."""
    found = (_text(item, longest) for item in _items(payload.get(name)))
    return tuple(item for item in found if item)[:most]


def paths_in(payload: Payload, name: str, *, most: int = MOST_PATHS) -> tuple[str, ...]:
    """The paths of a list as they are written: who judges them must see what is wrong with them."""
    found = (item.strip() for item in _items(payload.get(name)) if isinstance(item, str))
    return tuple(item for item in found if item)[:most]


def rows_in(payload: Payload, name: str, *, most: int = MOST_ITEMS) -> tuple[Payload, ...]:
    """The objects of a list."""
    return tuple(item for item in _items(payload.get(name)) if isinstance(item, Mapping))[:most]


def one_line(text: str, most: int = 200) -> str:
    """A text on one line, cut with a sign that it was."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        return ""
    text = _UNSEEN.sub("", value[: most * 2]).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"
