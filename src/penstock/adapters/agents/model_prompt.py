"""What a model that can't look for itself is told: the files of its scope, bounded, and the form of its answer.

Made from the worktree alone, the same for the same files, so that a recorded answer fits again. What the files say is
data: each stands between lines that hold a hash of its content, which nobody can write into it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import disk
from penstock.domain.scope import matches_any

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


def with_files(prompt: str, worktree: Path, scope: Scope, redact: Callable[[str], str], bounds: Bounds) -> str:
    """The prompt with the files that the scope declares and the demand for JSON."""
    shown: list[str] = []
    left_out: list[str] = []
    room = bounds.all_bytes
    for path in sorted(declared_files(worktree, scope)):
        content = _read(worktree / path, bounds.file_bytes)
        if isinstance(content, str):
            left_out.append(f"- {path}: {content}")
        elif len(shown) >= bounds.files or len(content) > room:
            left_out.append(f"- {path}: there was no more room")
        else:
            room -= len(content)
            shown.append(_fenced(path, redact(content.decode("utf-8"))))
    parts = [prompt.rstrip("\n"), _section("The files as they are now", shown, "\n\n")]
    parts.append(_section("Files that are there and not shown: leave them as they are", left_out[:200], "\n"))
    return "\n\n".join(part for part in (*parts, FORM) if part)


def _section(title: str, items: list[str], between: str) -> str:
    return f"## {title}\n{between.join(items)}" if items else ""


def declared_files(worktree: Path, scope: Scope) -> Iterator[str]:
    """The regular files that a scope holds; no link is followed."""
    for entry in itertools.islice(disk.below(worktree, leaving_out=(".git",)), MOST_LOOKED_AT):
        path = os.path.relpath(entry.path, worktree)
        if path.isprintable() and matches_any(scope.patterns, path) and not os.path.isdir(entry.path):  # noqa: PTH112
            yield path


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
