"""What all artifacts share: strict fields, unknown keys kept under `extra`, odd but harmless things told as remarks.

The bounds of texts and lists are ones that no honest artifact reaches. They are not part of the JSON Schema, which says
only what a model has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

LONGEST_ID = 128
LONGEST_LINE = 2_000
LONGEST_PROSE = 20_000
MOST_LINES = 500
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Shown:
    """How a field stands in the notation that a model is shown; empty: not at all, it is not the model's to give."""

    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Marks a field that a model is to give, although an artifact without it is valid."""


def _at_most(most: int, what: str) -> Callable[[Any], Any]:  # a text or a list
    def checked(value: Any) -> Any:
        if len(value) > most:
            raise ValueError(f"has {len(value)} {what}, and at most {most} are possible")
        return value

    return checked


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return value


def _of_one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("holds a line break or another character that can't be printed")
    return value


Prose = Annotated[str, AfterValidator(_at_most(LONGEST_PROSE, "characters"))]
Line = Annotated[str, AfterValidator(_at_most(LONGEST_LINE, "characters"))]
Named = Annotated[Line, AfterValidator(_not_blank)]
"""A text that must say something."""
Identifier = Annotated[
    str, AfterValidator(_not_blank), AfterValidator(_of_one_line), AfterValidator(_at_most(LONGEST_ID, "characters"))
]
"""Whatever people write as an id."""
Title = Annotated[str, Field(max_length=100), AfterValidator(_not_blank)]
Many = Annotated[list[Item], AfterValidator(_at_most(MOST_LINES, "items"))]
Lines = Many[Prose]
Free = dict[str, Any]
"""An object whose fields nobody prescribes; the bounds of the whole payload hold for it."""


class Shape(BaseModel):
    """An artifact or a part of one."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)
    other_names: ClassVar[Mapping[str, str]] = {}
    """Names under which a field is given, too."""

    extra: SkipJsonSchema[Annotated[Free, Shown("")]] = Field(default_factory=dict)
    """What was given beyond the fields: kept, never used."""

    @model_validator(mode="before")
    @classmethod
    def _keep_what_is_unknown(cls, given: Any) -> Any:  # whatever was given in its place
        if not isinstance(given, Mapping):
            return given
        known = {name: given[name] for name in given if name in cls.model_fields and name != "extra"}
        rest = {name: given[name] for name in given if name not in cls.model_fields}
        for name, field in cls.other_names.items():
            if name in rest and field not in known:
                known[field] = rest.pop(name)
        before = given.get("extra", {})
        kept = {**(before if isinstance(before, Mapping) else {"extra": before}), **rest}
        fields = {
            name: value for name, value in known.items() if value is not None or cls.model_fields[name].is_required()
        }
        return {**fields, "extra": kept} if kept else fields

    @model_serializer(mode="wrap")
    def _without_empty_extra(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        if not written.get("extra", True):
            del written["extra"]
        return written

    def remarks(self) -> Iterator[str]:
        """What is odd about it and no reason to refuse it."""
        if self.extra:
            names = ", ".join(sorted(self.extra))[:200]
            yield f"unknown fields are kept under `extra`: {names}"


def remarks_of(shape: Shape, place: str = "") -> Iterator[str]:
    """The remarks of an artifact and of all its parts, each with its place."""
    yield from (f"{place}: {words}" if place else words for words in shape.remarks())
    for name in type(shape).model_fields:
        value = getattr(shape, name)
        at = f"{place}.{name}" if place else name
        if isinstance(value, Shape):
            yield from remarks_of(value, at)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, Shape):
                    yield from remarks_of(item, f"{at}[{number}]")
