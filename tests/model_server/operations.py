"""What a script wants done, in nobody's tools: each operation is translated to those that a request offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Look at a file; some agents refuse to edit one that they have not read."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Make a file."""

    path: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Put one text in the place of another."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Run a command."""

    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Only words."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool by its own name, whether it is offered or not."""

    name: str
    arguments: Mapping[str, Any]


Operation = Read | Write | Edit | Shell | Say | Call

KINDS: Mapping[str, type[Operation]] = {
    "read": Read,
    "write": Write,
    "edit": Edit,
    "sh": Shell,
    "text": Say,
    "call": Call,
}


def read_operation(data: Mapping[str, Any]) -> Operation:
    """One operation of a script's file: its kind under `op`, its fields beside it; a list of lines is a text."""
    fields: dict[str, Any] = {
        key: "".join(f"{line}\n" for line in one) if isinstance(one, list) else one for key, one in data.items()
    }
    kind = KINDS.get(fields.pop("op", ""))
    if kind is None:
        raise ValueError(f"an operation's `op` is one of {', '.join(KINDS)}: {dict(data)}")
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"{error}: {dict(data)}") from None
