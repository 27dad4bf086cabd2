"""From the bytes of a settings file (TOML, YAML, JSON, a bare text) to a tree with line numbers.

Touches no disk but to read one file that is named.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import yaml

from penstock.domain.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.config.shape import Key

LARGEST = 1024 * 1024

_SECTIONS: Mapping[str, Key] = {
    "tool_profiles": ("tools",),
    "aider_profiles": ("agents", "aider"),
    "circuit_breakers": ("breakers",),
    "executor": ("executor",),
    "decomposition_rules": ("planner",),
    "logging": ("logging",),
}

SECTION_FILES: Mapping[str, Key] = {
    "penstock.toml": (),
    "config/config.yaml": (),
    "config/config.yml": (),
    **{f"config/{stem}.{end}": key for stem, key in _SECTIONS.items() for end in ("json", "yaml", "yml")},
    "config/base_branch.txt": ("base_branch",),
}
"""Where in the one tree each file of a project stands."""


class SettingsFileUnreadable(UserError):
    """A settings file that can't be taken for what its name says."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"the settings file {name} can't be read: {reason}", hint="mend the file, or take it away")


def read_file(path: Path) -> bytes:
    """The bytes of a settings file that is there or was named."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsFileUnreadable(str(path), error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One settings file: what it says, and on which lines."""

    name: str
    tree: Mapping[str, object]
    lines: Mapping[Key, int] = field(default_factory=dict)

    def place(self, key: Key) -> str:
        """The file and, where known, the line of a key or of the table that holds it."""
        for length in range(len(key), 0, -1):
            line = self.lines.get(key[:length])
            if line is not None:
                return f"{self.name}:{line}"
        return self.name


def read_document(name: str, content: bytes, prefix: Key = ()) -> Document:
    """The file as a tree that hangs at `prefix`; the name's ending says the format."""
    if len(content) > LARGEST:
        raise SettingsFileUnreadable(name, f"it is larger than {LARGEST // 1024} KB")
    try:
        text = content.decode("utf-8-sig")
        value, lines = _parse(PurePosixPath(name).suffix, text)
    except (ValueError, OverflowError, yaml.YAMLError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else _spoken(str(error))
        raise SettingsFileUnreadable(name, reason) from error
    own_lines = {(*prefix, *key): line for key, line in lines.items()}
    return Document(name=name, tree=_rooted(name, value, prefix), lines=own_lines)


def _spoken(said: str) -> str:
    return said.replace("Cannot overwrite a value", "a key is given twice")


def _rooted(name: str, value: object, prefix: Key) -> Mapping[str, object]:
    if prefix == ("base_branch",):
        return {"base_branch": value}
    table = _by_id(name, value) if isinstance(value, list) else {} if value is None else value
    if not isinstance(table, Mapping):
        raise SettingsFileUnreadable(name, "its top must be a table")
    if not prefix:
        return table
    tree: Mapping[str, object] = {key: item for key, item in table.items() if not _is_remark(str(key))}
    for part in reversed(prefix):
        tree = {part: tree}
    return tree


def _is_remark(key: str) -> bool:
    return key in {"doc_id", "version", "$schema"} or key.startswith(("_", "x-"))


def _parse(suffix: str, text: str) -> tuple[object, dict[Key, int]]:
    match suffix:
        case ".toml":
            return tomllib.loads(text), dict(_toml_lines(text))
        case ".json":
            return json.loads(text, object_pairs_hook=_unique), _json_lines(text)
        case ".yaml" | ".yml":
            return _read_yaml(text)
        case _:
            return text.strip(), {}


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table: dict[str, object] = {}
    for name, value in pairs:
        if name in table:
            raise ValueError(f'the key "{name}" is given twice in one object')
        table[name] = value
    return table


def _by_id(name: str, items: list[object]) -> dict[str, object]:
    named = [(str(item["id"]), item) for item in items if isinstance(item, Mapping) and "id" in item]
    if len(named) != len(items):
        raise SettingsFileUnreadable(name, 'a list must hold tables that each have an "id"')
    try:
        return _unique([(identifier, item) for identifier, item in named])
    except ValueError as error:
        raise SettingsFileUnreadable(name, str(error)) from error


def _read_yaml(text: str) -> tuple[object, dict[Key, int]]:
    fault = next(filter(None, map(_fault_of_event, yaml.parse(text, Loader=yaml.SafeLoader))), None)
    if fault is not None:
        raise ValueError(fault)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = dict(_node_lines(root, ())) if root is not None else {}
    return _with_text_keys(yaml.safe_load(text)), lines


def _fault_of_event(event: yaml.Event) -> str | None:
    """What is not read: aliases, which grow without end, and tags, whose readers fail in ways of their own."""
    tag = getattr(event, "tag", None)
    if isinstance(event, yaml.AliasEvent):
        return "aliases (*name) are not supported here"
    if tag in {None, "!"}:
        return None
    return f"line {1 if event.start_mark is None else event.start_mark.line + 1}: the tag {tag} is not read"


def _with_text_keys(value: object) -> object:
    """The same with texts as keys: YAML also knows dates, numbers and nothing there."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def _json_lines(text: str) -> dict[Key, int]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return {}  # not all JSON is YAML (tabs): then there are no line numbers, and nothing else is lost
    return dict(_node_lines(root, ())) if root is not None else {}


def _node_lines(node: yaml.Node, key: Key) -> Iterator[tuple[Key, int]]:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for name, value in node.value:
        spelt = str(name.value)
        if spelt in seen:
            raise ValueError(f'line {name.start_mark.line + 1}: the key "{spelt}" is given twice in one table')
        seen.add(spelt)
        yield (*key, spelt), name.start_mark.line + 1
        yield from _node_lines(value, (*key, spelt))


_HEADER = re.compile(r"^\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$")
_ENTRY = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")


def _toml_lines(text: str) -> Iterator[tuple[Key, int]]:
    # tomllib keeps no positions: headers and entries at the start of a line are found again, which is right for all
    # but text that looks like an entry inside a multi-line string, and there only the number in a message is wrong.
    table: Key = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            yield table, number
        elif entry := _ENTRY.match(line):
            yield (*table, *_parts(entry[1])), number


def _parts(written: str) -> Key:
    return tuple(match[1] or match[2] or match[3] or "" for match in _PART.finditer(written))
