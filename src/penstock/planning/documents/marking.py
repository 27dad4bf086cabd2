"""Values as Markdown that stays text: nothing in them is structure, whatever it looks like. Pure.

Only a `Marked` text is printed as it is; all else that a template prints is escaped by `shown`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from penstock.domain.cutting import cut
from penstock.domain.fencing import cleaned

LONGEST_CODE = 20_000
"""Characters of a file in a document; what is longer is cut in its middle, and that is said. The JSON holds all."""
_ALWAYS = re.compile(r"[\\`*<&|~]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:]|$)")
"""`_` within a word marks nothing, and names are full of it; `]` ends a link only before these."""
_HEADING = re.compile(r"(?<!\S)#")
_AT_START = re.compile(r"^([-+=>\[])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_DRAWN = frozenset({"mermaid", "math", "geojson", "topojson", "stl"})
"""What some viewers draw in place of showing it."""
_LANGUAGE = re.compile(r"\.([A-Za-z0-9]{1,10})$")


class Marked(str):
    """Markdown that we made ourselves."""

    __slots__ = ()


def text(value: object) -> Marked:
    """A value on one line that marks nothing up."""
    line = " ".join(cleaned(str(value)).split())
    line = _HEADING.sub(r"\\#", _ALWAYS.sub(r"\\\g<0>", line))
    return Marked(_NUMBERED.sub(r"\1\\\2", _AT_START.sub(r"\\\1", line)))


def code(value: object) -> Marked:
    """A name, path or command on one line, as code."""
    line = " ".join(cleaned(str(value)).split())
    if not line:
        return Marked()
    ticks = "`" * (_longest_run(line, "`") + 1)
    blank = " " if line.startswith("`") or line.endswith("`") else ""
    return Marked(f"{ticks}{blank}{line}{blank}{ticks}")


def fence(value: object, path: str = "") -> Marked:
    """Several lines as code, in a fence longer than any that they hold."""
    lines = cut(cleaned(str(value)), LONGEST_CODE).rstrip("\n")
    ticks = "`" * max(3, _longest_run(lines, "`") + 1)
    found = _LANGUAGE.search(path)
    language = found.group(1).lower() if found else ""
    return Marked(f"{ticks}{'' if language in _DRAWN else language}\n{lines}\n{ticks}")


def bullets(values: Iterable[object]) -> Marked:
    """A list of values."""
    return Marked("\n".join(f"- {shown(value)}" for value in values))


def fields(values: Mapping[str, Any]) -> Marked:
    """A list of named values, whatever they are."""
    return Marked("\n".join(f"- **{text(name) or '?'}:** {shown(value)}" for name, value in values.items()))


def shown(value: object) -> Marked:
    """What stands in a document for a value."""
    match value:
        case Marked():
            return value
        case None:
            return Marked()
        case bool():
            return Marked("yes" if value else "no")
        case str() | int() | float():
            return text(value)
        case _:
            return code(json.dumps(value, ensure_ascii=False))


def _longest_run(value: str, letter: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(letter)}+", value)), default=0)
