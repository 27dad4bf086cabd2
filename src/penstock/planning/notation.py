"""The compact notation of an artifact for a prompt, made from its model: what a model is to give, and nothing else.

`?` follows what may be left out, `+` a list that must not be empty; `str<=9` has a longest; `a|b` is one of the words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import MaxLen, MinLen
from pydantic.fields import FieldInfo

from penstock.planning.artifacts.shape import Shape, Shown, Wanted

_WORDS = {str: "str", int: "int", bool: "bool", float: "number", Any: "any"}


def notation_of(model: type[Shape]) -> str:
    """The notation of a model; a part that stands in it more than once is written once, by its name."""
    counted = Counter(_parts_of(model))
    named = [part for part, times in counted.items() if times > 1]
    apart = "".join(f"; {part.__name__}={_object(part, named)}" for part in named)
    return f"{_object(model, named)}{apart}"


def fields_shown(model: type[Shape]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields of a model that stand in its notation."""
    for name, field in model.model_fields.items():
        if not any(isinstance(mark, Shown) and not mark.text for mark in field.metadata):
            yield name, field


def _parts_of(model: type[Shape]) -> Iterator[type[Shape]]:
    for _, field in fields_shown(model):
        for part in _shapes_in(field.annotation):
            yield part
            yield from _parts_of(part)


def _shapes_in(kind: Any) -> Iterator[type[Shape]]:  # a type, or what typing makes of one
    if isinstance(kind, type) and issubclass(kind, Shape):
        yield kind
    for inner in get_args(kind):
        yield from _shapes_in(inner)


def _object(model: type[Shape], named: Sequence[type[Shape]]) -> str:
    return f"{{{','.join(_field(name, field, named) for name, field in fields_shown(model))}}}"


def _field(name: str, field: FieldInfo, named: Sequence[type[Shape]]) -> str:
    shown = next((mark.text for mark in field.metadata if isinstance(mark, Shown)), None)
    is_wanted = field.is_required() or any(isinstance(mark, Wanted) for mark in field.metadata)
    form = _form(field.annotation, named) if shown is None else shown
    return f'"{name}":{form}{_bound(field)}{"" if is_wanted else "?"}'


def _bound(field: FieldInfo) -> str:
    if field.annotation is str:
        return "".join(f"<={mark.max_length}" for mark in field.metadata if isinstance(mark, MaxLen))
    return "+" if any(isinstance(mark, MinLen) for mark in field.metadata) else ""


def _form(kind: Any, named: Sequence[type[Shape]]) -> str:  # a type, or what typing makes of one
    origin, inner = get_origin(kind), get_args(kind)
    if hasattr(kind, "__metadata__"):
        return _form(kind.__origin__, named)
    if origin is list:
        return f"[{_form(inner[0], named)}]"
    if origin in (Literal, Union):
        return "|".join(word if isinstance(word, str) else _form(word, named) for word in inner)
    if isinstance(kind, type) and issubclass(kind, Shape):
        return kind.__name__ if kind in named else _object(kind, named)
    return _WORDS.get(kind, "object")
