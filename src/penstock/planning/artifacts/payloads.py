"""Bounds of a payload before its type is judged: how long, wide and deep JSON from outside may be. Changes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 10 * 1024 * 1024
LONGEST_TEXT = 5 * 1024 * 1024
LONGEST_KEY = 200
MOST_ITEMS = 5_000
"""In one list or object."""
MOST_VALUES = 200_000
DEEPEST = 40
LARGEST_NUMBER = 2**53
"""Beyond it, JSON's readers disagree on which number is meant."""


Place = tuple[Any, ...]
"""Where a value stands: the place of what holds it, and its key; a text is made of it only for a fault."""


def payload_fault(payload: object) -> str | None:
    """Why a payload is refused whatever its type, in words that begin with the place; None for a good one."""
    if not isinstance(payload, Mapping):
        return "the payload: is no object"
    waiting: list[tuple[Place, int, Any]] = [((), 0, payload)]
    characters = values = 0
    while waiting:
        place, depth, value = waiting.pop()
        values += 1
        characters += len(value) if isinstance(value, str) else 8
        fault = _fault_of(value) or (f"is nested deeper than {DEEPEST} levels" if depth > DEEPEST else None)
        if fault is not None:
            return f"{_told(place)}: {fault}"
        if values > MOST_VALUES:
            return f"the payload: holds more than {MOST_VALUES} values"
        if isinstance(value, Mapping):
            characters += sum(map(len, value))
            waiting.extend(((place, key), depth + 1, item) for key, item in reversed(list(value.items())))
        elif isinstance(value, list | tuple):
            waiting.extend(((place, number), depth + 1, value[number]) for number in reversed(range(len(value))))
        if characters > MOST_CHARACTERS:
            return f"the payload: is longer than {MOST_CHARACTERS} characters"
    return None


def _fault_of(value: Any) -> str | None:  # noqa: PLR0911 - one line for each thing that JSON can hold
    match value:
        case None | bool():
            return None
        case str():
            return _fault_of_text(value)
        case int():
            return None if abs(value) <= LARGEST_NUMBER else "is a number that JSON can't carry safely"
        case float():
            return None if math.isfinite(value) else "is not a number"
        case Mapping():
            return _fault_of_keys(value)
        case list() | tuple():
            return None if len(value) <= MOST_ITEMS else f"holds more than {MOST_ITEMS} items"
        case _:
            return f"is no JSON but a {type(value).__name__}"


def _fault_of_text(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"is longer than {LONGEST_TEXT} characters"
    if "\0" in text:
        return "holds a NUL character"
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "holds half a character (a lone surrogate)"
    return None


def _fault_of_keys(value: Mapping[Any, Any]) -> str | None:
    if len(value) > MOST_ITEMS:
        return f"holds more than {MOST_ITEMS} fields"
    for key in value:
        if not isinstance(key, str):
            return f"has a field whose name is a {type(key).__name__}"
        if len(key) > LONGEST_KEY:
            return f"has a field whose name is longer than {LONGEST_KEY} characters"
        fault = _fault_of_text(key)
        if fault is not None:
            return f"has a field whose name {fault}"
    return None


def _told(place: Place) -> str:
    told = ""
    while place:
        place, key = place
        told = f"[{key}]{told}" if isinstance(key, int) else f".{key}{told}"
    return told.removeprefix(".") or "the payload"
