"""Prints the page about the settings from the code: `python -m penstock.cli.settings_reference > docs/settings.md`."""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import cache
from itertools import pairwise
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from penstock.bootstrap import NODES
from penstock.config.environment import ALIASES, variable_of
from penstock.config.files import SECTION_FILES
from penstock.config.loading import is_for_users_only
from penstock.config.shape import Key, Place, dotted, entry_kind, is_node, places, rest
from penstock.config.values import AsWritten, plain

OPENING = """\
# Settings

One tree of settings, read once. The later of these wins: default, the user's own `~/.config/penstock/config.toml`,
the project's files, the environment, flags. Of a project a run reads the files of its base commit, and keeps to them
for its whole life. A key that two files of a project give is an error that names both; an unknown key is an error that
names the nearest known one. `penstock config show` prints every value with its origin. This page is printed from the
code: change the settings, then run `make docs`.

NAME stands for any name. A key marked *user only* is refused in a project's file: what runs unasked, holds keys or says
whom to talk to belongs to the user. A list is written with commas in the environment, which can't give tables.
"""

HEADER = "| key | type | default | meaning | environment |\n|---|---|---|---|---|"
WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is said of one key."""

    key: Key
    kind: str
    default: str
    meaning: str
    variables: tuple[str, ...] = ()


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([OPENING, *(_section(name, node) for name, node in NODES.items())])


def _section(name: str, node: type) -> str:
    heading = f"## [{name}]" if name else "## The top"
    files = ", ".join(_files(name))
    also = f"\n\nBesides `penstock.toml`: {files}." if files else ""
    lines = [f"{heading}\n\n{_sentence(node)}{also}\n", HEADER, *map(_line, rows(name, node))]
    return "\n".join(lines) + "\n"


def _files(section: str) -> Iterator[str]:
    """The files that hold a section, or a part of it, which is then named."""
    for file, key in SECTION_FILES.items():
        home = key[0] if key and key[0] in NODES else ""
        if home == section and file != "penstock.toml":
            part = "" if dotted(key) == section else f" (`{dotted(key)}`)"
            yield f"`{file}`{part}"


def rows(section: str, node: type) -> Iterator[Row]:
    """Every key of a section, those of free tables under NAME."""
    yield from _of_node(node, (section,) if section else ())


def _of_node(node: type, key: Key) -> Iterator[Row]:
    meanings = meanings_of(node)
    for name, place in places(node).items():
        yield from _of_place(place, (*key, name), meanings.get(name, ""))
    remaining = rest(node)
    if remaining is not None:
        yield from _of_place(remaining[1], key, meanings.get(remaining[0], ""))


def _of_place(place: Place, key: Key, meaning: str) -> Iterator[Row]:
    kind, entries = place.kind, entry_kind(place.kind)
    if is_node(kind):
        yield from _of_node(kind, key)
    elif entries is None:
        variables = (variable_of(key), *(name for name, meant in ALIASES.items() if meant == key))
        yield Row(key=key, kind=words(kind), default=_default(place.default), meaning=meaning, variables=variables)
    else:
        yield from _of_entries(entries, place, (*key, "NAME"), meaning)


def _of_entries(kind: Any, place: Place, key: Key, meaning: str) -> Iterator[Row]:  # Any: a type annotation
    shipped = ", ".join(f"`{name}`" for name in ({} if place.default is MISSING else place.default))
    yield Row(key=key, kind=words(kind), default=shipped or "none", meaning=meaning)
    if is_node(kind):
        yield from (_without_variable(row) for row in _of_node(kind, key))
    elif kind is not AsWritten and hasattr(kind, "from_settings"):
        yield from _of_value(kind, key)


def _of_value(kind: type, key: Key) -> Iterator[Row]:
    """The parts of a value that reads its own written form."""
    kind = getattr(kind, "parts", kind)
    meanings, hints = meanings_of(kind), get_type_hints(kind)
    for item in fields(kind):
        default = _default(Place(kind=hints[item.name], field=item).default)
        yield Row(key=(*key, item.name), kind=words(hints[item.name]), default=default, meaning=meanings[item.name])


def _without_variable(row: Row) -> Row:
    variables = tuple(name for name, meant in ALIASES.items() if _fits(meant, row.key))
    return Row(key=row.key, kind=row.kind, default=row.default, meaning=row.meaning, variables=variables)


def _fits(meant: Key, key: Key) -> bool:
    return len(meant) == len(key) and all(part in (other, "NAME") for other, part in zip(meant, key, strict=True))


def _line(row: Row) -> str:
    meaning = f"{row.meaning} *User only.*" if is_for_users_only(row.key) else row.meaning
    variables = ", ".join(f"`{name}`" for name in row.variables)
    cells = (f"`{dotted(row.key)}`", row.kind, row.default, meaning, variables)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def words(kind: Any) -> str:  # Any: a type annotation has no type of its own
    """A type as people call it."""
    arguments = [item for item in get_args(kind) if item is not NoneType]
    match get_origin(kind):
        case origin if origin is Literal:
            return " or ".join(f"`{item}`" for item in arguments)
        case origin if origin is tuple:
            return f"list: {words(arguments[0])}"
        case origin if origin is Mapping:
            return f"table: {words(arguments[1])}"
        case None:
            return _plain_word(kind)
        case _:
            return " or ".join(words(item) for item in reversed(arguments))


def _plain_word(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(f"`{item}`" for item in kind)
    if kind is AsWritten:
        return "anything"
    return WORDS.get(kind) or str(getattr(kind, "written_as", "table"))


def _default(value: object) -> str:
    if value is MISSING:
        return "must be given"
    return "not set" if value is None else f"`{json.dumps(plain(value), ensure_ascii=False)}`"


def _sentence(node: type) -> str:
    return " ".join((inspect.getdoc(node) or "").split())


@cache
def meanings_of(node: type) -> Mapping[str, str]:
    """What the line under each field says; Python does not keep it, so the source is asked."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(node))).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found: dict[str, str] = {}
    for item, follower in pairwise(body):
        is_text = isinstance(follower, ast.Expr) and isinstance(follower.value, ast.Constant)
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and is_text:
            found[item.target.id] = " ".join(str(follower.value.value).split())  # type: ignore[attr-defined]
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
