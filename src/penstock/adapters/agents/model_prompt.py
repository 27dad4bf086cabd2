"""What a model that can't look for itself is told: the files of its scope, bounded, and the form of its answer.

Made from the worktree alone, the same for the same files, so that a recorded answer fits again. What the files say is
data: each stands between lines that hold a hash of its content, which nobody can write into it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import disk
from penstock.domain.patterns import is_git_folder, is_literal, matches_any, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.domain.plan import Scope

SYSTEM = (
    "You write code. You can't run anything and you see only the files that are given to you. "
    "Answer with one JSON object and nothing else: no Markdown, no fence, no prose."
)
FORM = """\
## The form of your answer
Output ONLY one JSON object of this shape:
{"files": [{"path": "relative/path", "content": "the whole content of the file"}], "test_files": [], "dependencies": []}
- Each file that you change or create stands in "files" (or "test_files") once, with its path from the project's root.
- "content" is the whole new content: never leave out a part, never write a placeholder, put no fence around it.
- A file that is to be deleted has "content": null. Files that you leave out of the answer stay as they are.
Output JSON (no markdown, no prose):
"""
MOST_LOOKED_AT = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of the files is shown."""

    file_bytes: int = 64 * 1024
    all_bytes: int = 256 * 1024
    files: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the model is told, and the files that it has seen whole."""

    text: str
    shown: frozenset[str]


def with_files(prompt: str, worktree: Path, scope: Scope, redact: Callable[[str], str], bounds: Bounds) -> Prompt:
    """The prompt with the files that the scope declares and the demand for JSON."""
    shown: dict[str, str] = {}
    left_out: list[str] = []
    room = bounds.all_bytes
    for path in sorted(declared_files(worktree, scope)):
        content = _read(worktree / path, bounds.file_bytes)
        if isinstance(content, str):
            left_out.append(f"- {path}: {content}")
        elif len(shown) >= bounds.files or len(content) > room:
            left_out.append(f"- {path}: there was no more room")
        elif redact(text := content.decode("utf-8")) != text:  # it would come back without what was taken out
            left_out.append(f"- {path}: it holds what looks like a secret")
        else:
            room -= len(content)
            shown[path] = _fenced(path, text)
    parts = [prompt.rstrip("\n"), _section("The files as they are now", [*shown.values()], "\n\n")]
    parts.append(_section("Files that are there and not shown: leave them as they are", left_out[:200], "\n"))
    return Prompt(text="\n\n".join(part for part in (*parts, FORM) if part), shown=frozenset(shown))


def _section(title: str, items: list[str], between: str) -> str:
    return f"## {title}\n{between.join(items)}" if items else ""


def declared_files(worktree: Path, scope: Scope, *, most: int = MOST_LOOKED_AT) -> Iterator[str]:
    """The regular files that a scope holds; no link is followed, and nothing is looked at that no pattern reaches."""
    looked_at = 0
    for root in _roots(scope):
        for path in _files_at(worktree, root):
            looked_at += 1
            if looked_at > most:
                return
            if path.isprintable() and matches_any(scope.patterns, path):
                yield path


def _roots(scope: Scope) -> list[str]:
    """Where the patterns begin, none of them within another."""
    found: list[str] = []
    for begin in sorted({_beginning(pattern) for pattern in scope.patterns}):
        if not any(root == "" or begin.startswith(f"{root}/") for root in found):
            found.append(begin)
    return found


def _beginning(pattern: str) -> str:
    """The segments before the first that has a wildcard."""
    return "/".join(takewhile(is_literal, normalise(pattern).rstrip("/").split("/")))


def _files_at(worktree: Path, root: str) -> Iterator[str]:
    """The files that a path is, or that lie below it."""
    steps = root.split("/")
    *above, place = (worktree.joinpath(*steps[: length + 1]) for length in range(len(steps)))
    if any(map(is_git_folder, steps)) or any(stat.S_ISLNK(_mode(folder)) for folder in above):
        return
    if root and not stat.S_ISDIR(mode := _mode(place)):
        if mode:
            yield root
        return
    for entry in disk.below(place, leaving_out=(".git",)):
        if not os.path.isdir(entry.path):  # noqa: PTH112
            yield os.path.relpath(entry.path, worktree)


def _mode(path: Path) -> int:
    """What is there, no link followed; 0 where nothing is, or no system can name it."""
    try:
        return path.lstat().st_mode
    except (OSError, ValueError):
        return 0


def _read(path: Path, most: int) -> bytes | str:
    """The content of a text file, or why it is not shown."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return "it is no regular file, or can't be read"
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return "it is no regular file"
        if status.st_size > most:
            return f"it has {status.st_size} bytes, more than are shown of one file"
        content = file.read(most + 1)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "it is no text"
    return "it is no text" if b"\0" in content or len(content) > most else content


def _fenced(path: str, text: str) -> str:
    mark = hashlib.sha256(f"{path}\0{text}".encode()).hexdigest()[:16]
    end = "" if text.endswith("\n") or not text else "\n(no line end at the end of the file)\n"
    return f"[file {path} {mark}]\n{text}{end}[end of {path} {mark}]"
