"""How a project is tested, as its own files say: commands for who plans, none of which is run here."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from penstock.planning.payloads import one_line

MOST_COMMANDS = 30
LONGEST = 200
_TARGET = re.compile(r"^(\w{0,60}(?:test|check|lint|unit|verify)[\w-]{0,60})[ \t]*:(?!=)", re.MULTILINE)
_WORDS = re.compile(r"test|check|lint|verify|type", re.IGNORECASE)


def how_tested(texts: Mapping[str, bytes]) -> list[str]:
    """Lines that say it, each with the file that it comes from."""
    found = [
        f"{name}: {one_line(command, LONGEST)}"
        for name, reader in _READERS.items()
        if name in texts
        for command in reader(texts[name].decode("utf-8", "replace"))
    ]
    return list(dict.fromkeys(found))[:MOST_COMMANDS]


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _of_settings(text: str) -> Iterator[str]:
    """The checks of penstock.toml: what every candidate must pass, and the groups."""
    yield from _commands(_toml(text).get("checks"), 2)


def _commands(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and isinstance(value.get("command"), str):
        yield value["command"]
    elif isinstance(value, dict) and depth >= 0:
        for one in value.values():
            yield from _commands(one, depth - 1)


def _of_project(text: str) -> Iterator[str]:
    tool = _toml(text).get("tool")
    for name, command in (("pytest", "pytest"), ("tox", "tox"), ("ruff", "ruff check ."), ("mypy", "mypy")):
        if isinstance(tool, dict) and name in tool:
            yield command


def _of_package(text: str) -> Iterator[str]:
    try:
        scripts = json.loads(text).get("scripts")
    except (ValueError, AttributeError, RecursionError):
        return
    for name, command in scripts.items() if isinstance(scripts, dict) else ():
        if _WORDS.search(name):
            yield f"npm run {name} ({command})" if isinstance(command, str) else f"npm run {name}"


def _of_makefile(text: str) -> Iterator[str]:
    return (f"make {target}" for target in _TARGET.findall(text))


def _always(command: str) -> Callable[[str], Iterator[str]]:
    return lambda _text: iter((command,))


_READERS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "penstock.toml": _of_settings,
    "Makefile": _of_makefile,
    "pyproject.toml": _of_project,
    "tox.ini": _always("tox"),
    "package.json": _of_package,
    "go.mod": _always("go test ./..."),
    "Cargo.toml": _always("cargo test"),
}
