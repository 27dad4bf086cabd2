"""Objects written as files, byte for byte as git would: each workstream needs some, and a process costs fifty times
what the writing does.

Only commits that are plain: for all else (another hash, names or texts that git would clean up) git is asked.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from penstock.adapters.git.layout import COMMITTER, GitSettings
from penstock.adapters.git.runner import RepositoryGone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.domain.changes import Stamp

_NUMBERS = itertools.count()
_SHA1 = re.compile(r"[0-9a-f]{40}")
# Git takes some signs off the ends of names and out of them, and refuses a name that is nothing else.
_PLAIN_NAME = re.compile(r"[^\W_](?:[^\x00-\x1f<>]*[^\W_])?")
_PLAIN_ADDRESS = re.compile(r"[^\W_](?:[^\x00-\x20<>]*[^\W_])?")


def write_commit(settings: GitSettings, tree: str, parents: Sequence[str], stamp: Stamp) -> str | None:
    """Make a commit of trees and parents that are there; None if git must be asked to."""
    content = commit_content(settings, tree, parents, stamp)
    if content is None:
        return None
    return write_object(settings, b"commit", content)


def write_object(settings: GitSettings, kind: bytes, content: bytes) -> str:
    """Store an object of a repository of SHA-1 names; its name."""
    settings.effect(f"{kind.decode()} object")
    try:
        name = _write(settings.repository / "objects", kind, content)
    except FileNotFoundError as missing:
        raise RepositoryGone(settings.repository) from missing
    settings.effect(f"{kind.decode()} object done")
    return name


def is_loose(settings: GitSettings, name: str) -> bool:
    """Whether an object lies there as a file of its own."""
    return os.path.exists(f"{settings.repository}/objects/{name[:2]}/{name[2:]}")  # noqa: PTH110


def commit_content(settings: GitSettings, tree: str, parents: Sequence[str], stamp: Stamp) -> bytes | None:
    """What stands in a commit; None if git would write another thing than what was asked."""
    author, seconds = settings.author, int(stamp.at.timestamp())
    is_plain = (
        all(_SHA1.fullmatch(name) for name in (tree, *parents))
        and len({*parents}) == len(parents)
        and _PLAIN_NAME.fullmatch(author.name)
        and _PLAIN_ADDRESS.fullmatch(author.email)
        and "\0" not in stamp.message
        and seconds > 0
    )
    if not is_plain:
        return None
    header = [
        f"tree {tree}",
        *(f"parent {parent}" for parent in parents),
        f"author {author.name} <{author.email}> {seconds} +0000",
        f"committer {COMMITTER.name} <{COMMITTER.email}> {seconds} +0000",
    ]
    try:
        return "\n".join(header).encode() + b"\n\n" + stamp.message.encode("utf-8", "replace")
    except UnicodeEncodeError:
        return None


def _new(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o444)
    except FileNotFoundError:
        path.parent.mkdir(exist_ok=True)
        return os.open(path, flags, 0o444)


def _write(objects: Path, kind: bytes, content: bytes) -> str:
    """Write a loose object: whole and synced before it has its name."""
    whole = b"%s %d\0%s" % (kind, len(content), content)
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    folder = objects / name[:2]
    target = folder / name[2:]
    with suppress(FileNotFoundError):
        os.utime(target)  # as git does, so that no collection takes it for old
        return name
    # git knows a name that begins so for a left-over, and removes it in time
    temporary = folder / f"tmp_obj_{os.getpid()}_{next(_NUMBERS)}"
    try:
        descriptor = _new(temporary)
        with os.fdopen(descriptor, "wb") as file:
            file.write(zlib.compress(whole, 1))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return name
