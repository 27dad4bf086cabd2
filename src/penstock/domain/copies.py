"""A changed copy of a frozen value, many times faster than `dataclasses.replace`: a run is copied at every event.

For dataclasses with slots and without `__post_init__`, whose fields need no check of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, TypeAlias, TypeVar

Value = TypeVar("Value")
Setter: TypeAlias = Callable[[Any, Any], None]


def changed(value: Value, changes: dict[str, Any]) -> Value:
    """The value with some fields changed; KeyError for a field that it has not."""
    kind: Any = type(value)
    copied, setters = _copying(kind)
    copy: Value = copied(value)
    for name, new in changes.items():
        setters[name](copy, new)
    return copy


@cache
def _copying(kind: Any) -> tuple[Callable[[Any], Any], dict[str, Setter]]:
    """What copies a value of this type, and what writes each of its fields.

    The copier is made as text, as dataclasses make their own methods: a loop over the fields would take three times as
    long as the lines that it stands for.
    """
    setters: dict[str, Setter] = {one.name: vars(kind)[one.name].__set__ for one in fields(kind)}
    lines = [f"    set_{name}(copy, value.{name})" for name in setters]
    text = "\n".join(["def copied(value):", "    copy = new(kind)", *lines, "    return copy"])
    known: dict[str, Any] = {"new": object.__new__, "kind": kind, **{f"set_{name}": to for name, to in setters.items()}}
    exec(text, known)  # noqa: S102 - made of the field names of our own types
    return known["copied"], setters
