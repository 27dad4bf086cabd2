"""JSON as every database and every client can hold it: no NaN, no half of a character, no NUL, no depth without end."""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 60


def parsed(text: str) -> Any:  # Any: whatever JSON holds
    """The value, or ValueError with what is wrong with the text."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
        _check(value, 0)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


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
