"""From a written value to a typed one. Knows types, never what a key means; says what was wanted and what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from math import isfinite
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from penstock.domain.errors import Bug

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class Unfit(ValueError):
    """A value that its key can't hold. What a text says is left out with `hides`."""

    def __init__(self, wanted: str, value: object, *, hides: bool = False) -> None:
        self.wanted, self.value = wanted, value
        super().__init__(f"must be {wanted}, found {'a text' if hides and isinstance(value, str) else found(value)}")


def found(value: object) -> str:
    """What a value is, in words short enough for one line."""
    match value:
        case None | bool():
            return {None: "nothing", True: "true", False: "false"}[value]
        case str():
            return f'the text "{value if len(value) <= 40 else value[:37] + "..."}"'
        case int() if abs(value) >= 10**40:
            return "a number of more than 40 digits"
        case int() | float():
            return f"the number {value}"
        case list() | tuple():
            return "a list"
        case _:
            return "a table" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def read(kind: Any, value: object) -> Any:  # Any: a type annotation has no type of its own
    """The value as `kind`; raises `Unfit`. A class with `from_settings` reads its own written form."""
    if hasattr(kind, "from_settings"):
        return kind.from_settings(value)
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin is Union or origin is UnionType:
            return _alternative(arguments, value)
        case origin if origin is Literal:
            if value in arguments and isinstance(value, str):
                return value
            raise Unfit(" or ".join(f'"{choice}"' for choice in arguments), value)
        case origin if origin is tuple:
            if not isinstance(value, list | tuple):
                raise Unfit("a list", value, hides=True)  # some lists hold secrets
            return tuple(read(arguments[0], item) for item in value)
        case origin if origin is Mapping:
            if not isinstance(value, Mapping):
                raise Unfit("a table", value)
            return {str(name): read(arguments[1], item) for name, item in value.items()}
    return _scalar(kind, value)


def _alternative(kinds: tuple[Any, ...], value: object) -> object:
    wanted = [kind for kind in kinds if kind is not NoneType]
    if set(wanted) == {str, tuple[str, ...]}:
        return (read(str, value),) if isinstance(value, str) else read(tuple[str, ...], value)
    if value is None and len(wanted) < len(kinds):
        return None
    if len(wanted) != 1:
        raise Bug(f"a setting may be one type or nothing, not {kinds}")
    return read(wanted[0], value)


def _scalar(kind: Any, value: object) -> object:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        choices = [str(member) for member in kind]
        if isinstance(value, str) and value in choices:
            return kind(value)
        raise Unfit(" or ".join(f'"{choice}"' for choice in choices), value)
    if kind not in _NAMES:
        raise Bug(f"no setting can be a {kind}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise Unfit(_NAMES[float], value) from None
    if isinstance(value, str) and "\0" in value:
        raise Unfit("a text without a NUL character", value)
    if type(value) is kind and (not isinstance(value, float) or isfinite(value)):
        return value
    raise Unfit(_NAMES[kind], value)


def from_text(kind: Any, text: str) -> object:
    """A value as the environment writes it: numbers and truth as text, lists with commas."""
    arguments = get_args(kind)
    if get_origin(kind) is tuple:
        return [from_text(arguments[0], part.strip()) for part in text.split(",") if part.strip()]
    if get_origin(kind) in {Union, UnionType}:
        return from_text(next(item for item in arguments if item is not NoneType), text)
    if kind is bool:
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise Unfit(_NAMES[bool], text)
        return word in _TRUE
    if kind in {int, float}:
        try:
            return kind(text)
        except ValueError:
            raise Unfit(_NAMES[kind], text) from None
    return text


class AsWritten:
    """A value of any shape, for a part of Penstock that is not there yet: kept as JSON can hold it."""

    @classmethod
    def from_settings(cls, value: object) -> object:
        """The value itself, in a copy."""
        try:
            return json.loads(json.dumps(value, default=str, allow_nan=False))
        except ValueError:
            raise Unfit("what JSON can hold, without nan and inf", value) from None
        except RecursionError:
            raise Unfit("nested less deeply", value) from None


def plain(value: object) -> object:
    """The value as JSON can hold it; what is not set is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = {item.name: getattr(value, item.name) for item in fields(value)}
        return {name: plain(item) for name, item in kept.items() if item is not None}
    match value:
        case StrEnum():
            return str(value)
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case list() | tuple() | frozenset():
            return [plain(item) for item in value]
        case PurePath():
            return str(value)
        case _:
            return value
