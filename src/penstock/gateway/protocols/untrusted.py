"""Reads what an upstream says without believing it: every value may be missing, absurd or of another kind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

MOST_TOKENS = 100_000_000
"""No call uses more."""
LARGEST = 32 * 1024 * 1024
"""So many bytes of JSON are read at once."""
MOST_BRACKETS = 1_000_000
"""Each may become an object of many times its own size."""
DEEPEST = 100
LONGEST_SENTENCE = 500


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
"""Reads JSON; ValueError for numbers that could not be written again."""


def parsed(data: bytes | str) -> dict[str, Any] | None:
    """The object that the bytes say in JSON; None for anything else, and for what is too large or too deep."""
    if len(data) > LARGEST:
        return None
    try:
        content = data if isinstance(data, str) else data.decode("utf-8")
        brackets = content.count("[") + content.count("{")
        value = DECODER.decode(content) if brackets <= MOST_BRACKETS else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or (brackets > DEEPEST and is_deep(value)):
        return None
    return value


def is_deep(value: object) -> bool:
    """Whether a value is nested deeper than anything that is meant to be read."""
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    return [inner for inner in value if isinstance(inner, dict | list)] if isinstance(value, list) else ()


def is_count(value: object) -> TypeGuard[int | float]:
    """Whether a value can be a number of tokens."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= 0  # no comparison with what is no number holds


def count(value: object) -> int:
    """A number of tokens: 0 for what is none, and never more than can be stored."""
    return int(min(value, MOST_TOKENS)) if is_count(value) else 0


def text(value: object) -> str:
    """A text, or the empty one."""
    return value if isinstance(value, str) else ""


def word(value: object) -> str:
    """A short text that every database takes."""
    return text(value)[:LONGEST_SENTENCE].encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def mapping(value: object) -> Mapping[str, Any]:
    """An object, or the empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def weight(value: str) -> int:
    """How many bytes a text has."""
    return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))


def error_of(body: Mapping[str, Any]) -> str:
    """What an error says, in any provider's shape; empty if there is none."""
    error = body.get("error")
    if isinstance(error, str):
        return word(error)
    inside = mapping(error)
    said = word(inside.get("message")) or word(inside.get("type")) or word(inside.get("code"))
    return said or ("an error without words" if error else "")
