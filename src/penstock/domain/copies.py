"""Frozen values made and copied many times faster than `dataclasses` does it: a run is copied at every event.

For dataclasses with slots and without `__post_init__`, whose fields need no check of their own. The code is made as
text, as dataclasses make their own methods: a loop over the fields would take three times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
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
    """What copies a value of this type, and what writes each of its fields."""
    setters = _setters(kind)
    lines = [f"    set_{name}(copy, value.{name})" for name in setters]
    text = "\n".join(["def copied(value):", "    copy = new(kind)", *lines, "    return copy"])
    return _defined("copied", text, {**_named(setters), "new": object.__new__, "kind": kind}), setters


def quickly_made(kind: type[Value]) -> type[Value]:
    """The same class, with an `__init__` that writes the slots: that of a frozen dataclass has each found by name."""
    found: Any = kind
    parameters, lines, known = [], [], _named(_setters(kind))
    for one in sorted(fields(found), key=lambda one: bool(one.kw_only)):
        if one.kw_only and "*" not in parameters:
            parameters.append("*")
        parameters.append(_parameter(one, known))
        lines.append(f"    set_{one.name}(self, {_value(one, known)})")
    text = "\n".join([f"def __init__(self, {', '.join(parameters)}):", *lines])
    found.__init__ = _defined("__init__", text, known)
    return kind


def _parameter(one: Field[Any], known: dict[str, Any]) -> str:
    if one.default_factory is not MISSING:
        return f"{one.name}=MISSING"
    if one.default is not MISSING:
        known[f"default_{one.name}"] = one.default
        return f"{one.name}=default_{one.name}"
    return one.name


def _value(one: Field[Any], known: dict[str, Any]) -> str:
    if one.default_factory is MISSING:
        return one.name
    known |= {f"make_{one.name}": one.default_factory, "MISSING": MISSING}
    return f"make_{one.name}() if {one.name} is MISSING else {one.name}"


def _setters(kind: Any) -> dict[str, Setter]:
    return {one.name: vars(kind)[one.name].__set__ for one in fields(kind)}


def _named(setters: dict[str, Setter]) -> dict[str, Any]:
    return {f"set_{name}": setter for name, setter in setters.items()}


def _defined(name: str, text: str, known: dict[str, Any]) -> Any:
    exec(text, known)  # noqa: S102 - made of the field names of our own types
    return known[name]
