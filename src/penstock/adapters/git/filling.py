"""Bringing a folder to exactly one tree, and looking at it through an index of ours.

An index is believed only while its bytes are what we left.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.index import IndexUnreadable, read_index
from penstock.adapters.git.runner import Call, Git, GitFailed, View
from penstock.adapters.git.sweeping import file_time, sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from penstock.adapters.git.index import Noted
    from penstock.adapters.git.layout import GitSettings

_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An index of ours for a folder: which commit's tree it holds, the hash of its bytes, and when it was so."""

    index: Path
    commit: str
    digest: str | None
    since: int

    @property
    def is_genuine(self) -> bool:
        """True while nobody has written the index since: an agent without confinement could hide changes in it."""
        return self.digest is not None and folders.digest(self.index) == self.digest

    def handed_over(self) -> Known:
        """The same, from the moment at which somebody else may write into the folder."""
        return replace(self, since=file_time())

    def files(self) -> Mapping[str, Noted] | None:
        """What it notes of the folder's files; None if it is not what we left."""
        content = folders.read(self.index)
        if content is None or hashlib.sha256(content).hexdigest() != self.digest:
            return None
        with suppress(IndexUnreadable):
            return read_index(content, hash_size=len(self.commit) // 2)
        return None


def new_index(settings: GitSettings, name: str) -> Path:
    """A name for an index file that no other attempt and no other process uses."""
    settings.indexes.mkdir(parents=True, exist_ok=True)
    return settings.indexes / f"{name}.{os.getpid()}.{next(_NUMBERS)}"


def known_as(index: Path, commit: str) -> Known:
    """Remember an index as it is now."""
    return Known(index=index, commit=commit, digest=folders.digest(index), since=file_time())


def forget(known: Known | None) -> None:
    """Remove an index that is not needed any more."""
    if known is not None:
        folders.remove(known.index)


def drop_indexes(settings: GitSettings) -> None:
    """Remove the index files of processes that are no more."""
    for path in settings.indexes.glob("*"):
        owner = path.name.removesuffix(".lock").rpartition(".")[0].rpartition(".")[2]
        if owner.isdecimal() and not _is_alive(int(owner)):
            folders.remove(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def fill(git: Git, view: View, commit: str, known: Known | None) -> Known:
    """Leave exactly the content of a commit: moved there from what is known, or made anew."""
    left = known.files() if known is not None and folders.is_folder(view.worktree) else None
    if known is not None and left is not None:
        sweep(view.worktree, left, known.since)
        known.index.rename(view.index)  # what it says is true no longer, whatever comes of this
        with suppress(GitFailed):
            git.run("read-tree", "--reset", "-u", commit, call=Call(view=view))
            return known_as(view.index, commit)
    folders.empty(view.worktree)
    folders.remove(view.index)
    git.run("read-tree", "--reset", "-u", commit, call=Call(view=view))
    return known_as(view.index, commit)


def with_paths(git: Git, view: View, arguments: Sequence[str], paths: Sequence[str]) -> None:
    """Run a command for paths that may hold any byte."""
    stdin = b"".join(os.fsencode(path) + b"\0" for path in paths)
    git.run(*arguments, "--pathspec-from-file=-", "--pathspec-file-nul", call=Call(view=view, stdin=stdin))


def is_unchanged(git: Git, view: View) -> bool:
    """True when the folder holds exactly what the index does."""
    return not git.run("ls-files", "--others", "--modified", "--deleted", "-z", call=Call(view=view)).out
