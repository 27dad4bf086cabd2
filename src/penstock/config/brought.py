"""What a project brings along to be run, or chooses among the user's own things: what `penstock trust` is asked for.

As canonical text, whose hash is what gets trusted and whose lines are what gets compared.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePosixPath

from penstock.config.settings import Layer, Settings
from penstock.config.values import plain
from penstock.domain.protected import ProtectedPaths

RUN_KEYS = (
    *("agent", "agents", "checks", "hooks", "pipeline.agent", "roles", "runners", "setup", "tools", "upstream"),
    "workstreams_dir",
)
"""A section, or one key of one. `runners` decides what counts as a command; `agent`, `pipeline.agent`, `roles` and
`upstream` say which of the user's things it is done with; `workstreams_dir` whose plan it is.
"""

NOTHING_TO_RUN = "{}"
LARGEST_SHOWN = 64 * 1024

_RUN_BY = {
    "make": ("Makefile", "GNUmakefile", "makefile"),
    "just": ("justfile", "Justfile", ".justfile"),
    **dict.fromkeys(("npm", "pnpm", "yarn"), ("package.json",)),
    "bun": ("package.json", "bunfig.toml"),
    "deno": ("deno.json", "deno.jsonc", "package.json"),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
    "rake": ("Rakefile",),
    "tox": ("tox.ini", "tox.toml"),
    "nox": ("noxfile.py",),
}
"""Where a program finds what it is to run, though no word of the command says so."""
_PARTS = re.compile(r"[\s;&|()<>`$=\"']+")


def would_run(settings: Settings, files: Mapping[str, bytes] | None = None) -> str:
    """Everything of that kind, with the content of files that go with it, as canonical JSON."""
    shown = {f"file {path}": _shown(content) for path, content in (files or {}).items()}
    return json.dumps({**_brought(settings), **shown}, sort_keys=True, indent=1, default=str)


def named_files(settings: Settings, is_there: Callable[[str], bool]) -> tuple[str, ...]:
    """The protected files that the project's commands run by name: to change one is to change what would run.

    What a program finds by itself it may be told to find in another folder (`cd web && npm test`).
    """
    protected = ProtectedPaths()
    words = {word for value in _brought(settings).values() for word in _words(value)}
    paths = {PurePosixPath(word) for word in words if not word.startswith("/")}
    found = {file for word in words for file in _RUN_BY.get(PurePosixPath(word).name, ())}
    named = {*paths, *(folder / file for folder in {PurePosixPath(), *paths} for file in found)}
    return tuple(sorted(one for one in map(str, named) if _is_run(one) and is_there(one) and protected.holds(one)))


def _is_run(path: str) -> bool:
    """Within the project, and not where secrets are kept: those are read, never run, and must not be shown."""
    return ".." not in path.split("/") and not PurePosixPath(path).name.startswith(".env")


def _brought(settings: Settings) -> dict[str, object]:
    return {
        key: plain(item.value)
        for key, item in settings.given.items()
        if item.layer is Layer.PROJECT
        and {item.key[0], ".".join(item.key[:2])} & {*RUN_KEYS}
        and item.value not in ([], {})
    }


def _words(value: object) -> Iterator[str]:
    match value:
        case str():
            yield from _PARTS.split(value)  # also of what a shell in the command is told to run
            with suppress(ValueError):
                yield from shlex.split(value)
        case Mapping():
            for item in value.values():
                yield from _words(item)
        case list():
            for item in value:
                yield from _words(item)


def _shown(content: bytes) -> object:
    if len(content) > LARGEST_SHOWN:
        return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    # what ends a line for Python only, and bytes that are no text, must not look like something else
    return content.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
