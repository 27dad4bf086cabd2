"""What is said of the world loses its secrets before the core hears it: so nothing that follows can hold one.

Only texts that people or agents read are touched, never a name, a hash or a command, by which things are found again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

Redact = Callable[[str], str]
Value = TypeVar("Value")

TEXTS = frozenset(("text", "output", "sentence", "rule", "path", "paths", "litter", "not_checked", "note", "by"))
"""The fields, of whatever value, that hold a text."""


def redacted(value: Value, redact: Redact) -> Value:
    """The same value, with the texts in it redacted; itself if there was nothing to take out."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {}
    for item in fields(value):
        old = getattr(value, item.name)
        new = _part(old, redact, is_text=item.name in TEXTS)
        if new is not old:
            changes[item.name] = new
    return replace(value, **changes) if changes else value


def _part(value: Any, redact: Redact, *, is_text: bool) -> Any:  # the value of any field of any event
    if isinstance(value, str):
        new = redact(value) if is_text else value
        return value if new == value else new
    if isinstance(value, tuple):
        parts = tuple(_part(part, redact, is_text=is_text) for part in value)
        return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
    return redacted(value, redact)
