"""What is said of the world loses its secrets before the core hears it: so nothing that follows can hold one.

Only texts that people or agents read are touched, never a name, a hash or a command, by which things are found again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Redact = Callable[[str], str]
Value = TypeVar("Value")

TEXTS = frozenset(
    ("text", "output", "sentence", "rule", "path", "paths", "litter", "not_checked", "note", "by", "weakened_tests")
)
"""The fields, of whatever value, that hold a text."""


def redacted(value: Value, redact: Redact) -> Value:
    """The same value, with the texts in it redacted; itself if there was nothing to take out."""
    kind: Any = type(value)
    changes = {}
    for name in _telling(kind):
        old = getattr(value, name)
        if old:  # nothing can stand in what is empty
            new = _part(old, redact, is_text=name in TEXTS)
            if new is not old:
                changes[name] = new
    return cast("Value", replace(cast("Any", value), **changes)) if changes else value


@cache
def _telling(kind: Any) -> tuple[str, ...]:
    """The fields of a type in which a text can stand at any depth: most events hold only names and hashes."""
    if not is_dataclass(kind):
        return ()
    hints = get_type_hints(kind)
    return tuple(one.name for one in fields(kind) if one.name in TEXTS or _can_hold(hints[one.name]))


def _can_hold(hint: Any) -> bool:  # whatever stands in an annotation
    if hint is Any or Mapping in (hint, get_origin(hint)):
        return True
    parts = get_args(hint)
    return any(map(_can_hold, parts)) if parts else isinstance(hint, type) and bool(_telling(hint))


def _part(value: Any, redact: Redact, *, is_text: bool) -> Any:  # the value of any field of any event
    if isinstance(value, str):
        new = redact(value) if is_text and value else value
        return value if new == value else new
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, tuple):
        parts = tuple(_part(part, redact, is_text=is_text) for part in value)
        return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
    if isinstance(value, Mapping):
        items = {key: _anything(item, redact) for key, item in value.items()}
        return value if items == value else items
    return redacted(value, redact)


def _anything(value: Any, redact: Redact) -> Any:  # what somebody outside claims may have any shape
    """A value that JSON can hold, with every text in it redacted."""
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact(str(key)): _anything(item, redact) for key, item in value.items()}
        case list() | tuple():
            return [_anything(item, redact) for item in value]
        case _:
            return value
