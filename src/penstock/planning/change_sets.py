"""What a run has really made, as the artifact of its phase: read from the tree, not from anybody's word. Bounded."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.domain.changes import EXECUTABLE, REGULAR
from penstock.domain.deliverable import path_fault
from penstock.planning.file_kinds import is_migration, is_test
from penstock.planning.python_outlines import PythonOutline, outline_of
from penstock.ports import Contents, Listed

MOST_FILES = 500
MOST_NAMES = 100
LONGEST_PATH = 1000
LARGEST_FILE = 256 << 10
LARGEST_SUM = 6 << 20
"""A whole artifact must stay below ten megabytes, in JSON."""
_REQUIREMENTS = re.compile(r"(^|/)(requirements[^/]*\.(txt|in)|pyproject\.toml|package\.json)$")
_NAME = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._/@-]*")

Redact = Callable[[str], str]


async def change_set_of(contents: Contents, base: str, commit: str, *, redact: Redact) -> dict[str, Any]:
    """The files that differ between two commits, in the shape of a CodeDeliverable; deleted ones are not in it."""
    old, new = await contents.listing(base), await contents.listing(commit)
    before = {one.path: one for one in old}
    changed = [one for one in new if _differs(one, before.get(one.path)) and one.mode in {REGULAR, EXECUTABLE}]
    found = await contents.contents(_within(changed))
    wanted = [one for one in old if _REQUIREMENTS.search(one.path) and one.path in found]
    earlier = await contents.contents(_within(wanted))
    return await asyncio.to_thread(_payload, changed[:MOST_FILES], found, earlier, redact)


def _differs(one: Listed, other: Listed | None) -> bool:
    return other is None or (one.identity, one.mode) != (other.identity, other.mode)


def _within(files: Sequence[Listed]) -> list[Listed]:
    """The files that may be shown whole; of what is too much together, the last ones are left out."""
    kept: list[Listed] = []
    room = LARGEST_SUM
    for file in files[:MOST_FILES]:
        if file.size <= min(room, LARGEST_FILE):
            kept.append(file)
            room -= file.size
    return kept


def _payload(
    changed: Sequence[Listed], found: Mapping[str, bytes], earlier: Mapping[str, bytes], redact: Redact
) -> dict[str, Any]:
    files: dict[str, list[dict[str, Any]]] = {"files": [], "test_files": [], "migration_scripts": []}
    for one in changed:
        kind = "test_files" if is_test(one.path) else "migration_scripts" if is_migration(one.path) else "files"
        if path_fault(one.path) is None and len(one.path) <= LONGEST_PATH:
            files[kind].append(_file(one, found.get(one.path), redact))
    asked = {name for path, content in found.items() for name in _required(path, content)}
    had = {name for path, content in earlier.items() for name in _required(path, content)}
    return {**files, "dependencies": sorted(asked - had)[:MOST_NAMES]}


def _file(one: Listed, content: bytes | None, redact: Redact) -> dict[str, Any]:
    text = _text(content)
    if text is None:
        what = "binary" if content is not None else "too large to be shown"
        return {"path": one.path, "content": f"[{one.size} bytes, {what}]"}
    outline = (outline_of(content or b"") if one.path.endswith(".py") else None) or PythonOutline()
    named = {"imports": outline.imports, "classes": outline.classes, "functions": outline.functions}
    return {
        "path": one.path,
        "content": redact(text),
        **{name: list(names[:MOST_NAMES]) for name, names in named.items()},
    }


def _text(content: bytes | None) -> str | None:
    if content is None or b"\0" in content:
        return None
    return content.decode("utf-8", "replace")


def _required(path: str, content: bytes) -> set[str]:
    """The packages that a file of requirements names, as it writes them."""
    name = path.rpartition("/")[2]
    text = content.decode("utf-8", "replace")
    if not _REQUIREMENTS.search(path):
        return set()
    if name == "package.json":
        return _of_package(text)
    if name == "pyproject.toml":
        return _of_project(text)
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return {line[:200] for line in lines if line and _NAME.match(line)}


def _of_package(text: str) -> set[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    tables = [found.get(name) for name in ("dependencies", "devDependencies")] if isinstance(found, dict) else []
    return {f"{name}@{version}"[:200] for table in tables if isinstance(table, dict) for name, version in table.items()}


def _of_project(text: str) -> set[str]:
    try:
        project = tomllib.loads(text).get("project")
    except (ValueError, RecursionError):
        return set()
    listed = project.get("dependencies") if isinstance(project, dict) else None
    return {item[:200] for item in listed if isinstance(item, str)} if isinstance(listed, list) else set()
