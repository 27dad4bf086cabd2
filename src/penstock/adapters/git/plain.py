"""Taking a worktree's content without a git process, where nothing in it could be read in two ways.

Only for what is plain: files and links with ordinary names, in a tree without git attributes, of which everything new
was declared (so that no rule about ignoring matters). For all else git is asked; both give the same tree.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.sweeping import is_untouched
from penstock.adapters.git.trees import Entry
from penstock.adapters.git.writing import write_object
from penstock.domain.changes import EXECUTABLE, REGULAR, SYMLINK
from penstock.domain.scope import matches_any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.adapters.git.filling import Known
    from penstock.adapters.git.own import OwnRepository

LARGEST = 8 << 20
"""Bytes of a file; git has ways of its own with large ones."""
DEEPEST = 100
"""Folders that one path leads through."""
_NAME = r"(?!\.git)[A-Za-z0-9_.+@=, -]*[A-Za-z0-9_+@=-]"
_PLAIN_PATH = re.compile(f"{_NAME}(?:/{_NAME})*", re.IGNORECASE)
"""No name that some file system could take for another one, and none that git itself reads."""


def plain_tree(
    own: OwnRepository, worktree: Path, found: folders.Survey, known: Known | None, declared: Sequence[str]
) -> str | None:
    """The tree of what a folder holds, written; None where git must be asked."""
    left = known.files() if known is not None and not (found.nested or found.reserved or found.unholdable) else None
    if known is None or left is None or any(_configures_git(path) for path in found.files):
        return None
    touched = [path for path in found.files if not is_untouched(left.get(path), found.statuses[path], known.since)]
    gone = [path for path in left if path not in found.statuses]
    is_plain = (
        all(_PLAIN_PATH.fullmatch(path) and path.count("/") <= DEEPEST for path in (*touched, *gone))
        and all(path in left or matches_any(declared, path) for path in touched)
        and all(found.statuses[path].st_size <= LARGEST for path in touched)
    )
    if not is_plain:
        return None
    entries: dict[str, Entry | None] = dict.fromkeys(gone)
    entries |= {path: _stored(own, worktree / path, found.statuses[path]) for path in touched}
    return own.commits.trees.changed(own.commits.facts(known.commit).tree, entries)


def _configures_git(path: str) -> bool:
    return path.endswith((".gitattributes", ".gitmodules")) or not path.isascii()


def _stored(own: OwnRepository, path: Path, status: os.stat_result) -> Entry | None:
    """A file's content as a blob; nothing for a file that is gone by now."""
    if stat.S_ISLNK(status.st_mode):
        content: bytes | None = os.fsencode(path.readlink())
    else:
        content = folders.read(path)
    if content is None:
        return None
    mode = EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR
    return Entry(SYMLINK if stat.S_ISLNK(status.st_mode) else mode, write_object(own.settings, b"blob", content))
