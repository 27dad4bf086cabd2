"""The components of an architecture: who they are, what they are made of, and how they are told to who builds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.planning.payloads import Payload, one_line, paths_in, rows_in, text_in, texts_in

MOST_NOTES = 6000
MOST_METHODS = 40
_TEST_FILES = ("test_file", "test_files", "test_path", "tests")
"""Under these names an architecture says where a component's tests lie: none of them is prescribed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of the architecture."""

    name: str
    purpose: str = ""
    file_path: str = ""
    test_paths: tuple[str, ...] = ()
    responsibilities: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    notes: str = ""
    """Its interface and how it deals with errors, for who builds it."""


def components_of(architecture: Payload) -> tuple[Component, ...]:
    """The components of an architecture, in its order."""
    return tuple(_component(row) for row in rows_in(architecture, "components"))


def named(components: Sequence[Component], name: str) -> Component | None:
    """The component that is meant by a name, however it is written."""
    wanted = key_of(name)
    return next((one for one in components if wanted and key_of(one.name) == wanted), None)


def key_of(name: str) -> str:
    """What of a name counts when names are compared: letters and digits."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _component(row: Payload) -> Component:
    path = text_in(row, "file_path")
    return Component(
        name=one_line(text_in(row, "name")) or path,
        purpose=text_in(row, "purpose"),
        file_path=path,
        test_paths=_test_paths(row),
        responsibilities=texts_in(row, "responsibilities"),
        dependencies=texts_in(row, "dependencies"),
        notes=_notes(row),
    )


def _test_paths(row: Payload) -> tuple[str, ...]:
    extra = row.get("extra")
    places = (row, extra) if isinstance(extra, dict) else (row,)
    found: list[str] = []
    for place in places:
        for name in _TEST_FILES:
            single = text_in(place, name)
            found += [single] if single else paths_in(place, name)
    return tuple(dict.fromkeys(path for path in found if "." in path or "/" in path))


def _notes(row: Payload) -> str:
    lines = [text_in(row, "purpose")]
    lines += [f"- {item}" for item in texts_in(row, "responsibilities")]
    methods = rows_in(row, "public_interface", most=MOST_METHODS)
    lines += ["Public interface:"] if methods else []
    lines += [_method(method) for method in methods]
    errors = texts_in(row, "error_handling")
    lines += ["Errors:", *(f"- {item}" for item in errors)] if errors else []
    return "\n".join(line for line in lines if line)[:MOST_NOTES]


def _method(row: Payload) -> str:
    names = ", ".join(one_line(_parameter(item), 80) for item in rows_in(row, "params", most=20))
    returns, raises = text_in(row, "returns", most=200), ", ".join(texts_in(row, "raises", most=10))
    told = f"- {one_line(text_in(row, 'name'))}({names})" + (f" -> {returns}" if returns else "")
    told += f", raises {raises}" if raises else ""
    purpose = one_line(text_in(row, "purpose"), 300)
    return f"{told}: {purpose}" if purpose else told


def _parameter(row: Payload) -> str:
    name, kind = text_in(row, "name"), text_in(row, "type")
    return f"{name}: {kind}" if name and kind else name or kind
