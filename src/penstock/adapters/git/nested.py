"""Repositories inside a worktree: git would store a bare link, so their content is kept under a side path."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.exact import add_exactly
from penstock.adapters.git.filling import new_index
from penstock.adapters.git.runner import Call, Git, GitFailed, View
from penstock.adapters.git.sweeping import copy_with_time
from penstock.domain.patterns import is_git_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.adapters.git.own import OwnRepository

SIDE_PATH = ".penstock/nested"
CHANGES_CONTENT = ".gitattributes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """What `git add` must not see."""

    paths: tuple[str, ...]
    """Folders that hold a repository, and folders or files whose name git refuses."""
    ignored: tuple[str, ...]
    """The same, where `.gitignore` holds them: litter."""
    size: int

    @property
    def excluded(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.paths, *self.ignored)

    def __bool__(self) -> bool:
        return bool(self.paths)

    @classmethod
    def among(cls, git: Git, view: View, found: folders.Survey) -> Nested:
        """Sort what a survey found by what git ignores."""
        every = [*found.nested, *(path for path in found.reserved if not folders.below(path, found.nested))]
        if not every:
            return NOTHING_NESTED
        stdin = b"".join(os.fsencode(path) + b"\0" for path in every)
        call = Call(view=view, stdin=stdin, accept=(0, 1))
        ignored = {*git.run("check-ignore", "-z", "--stdin", call=call).fields}
        paths = tuple(path for path in every if path not in ignored)
        return cls(
            paths=paths,
            ignored=tuple(path for path in every if path in ignored),
            size=size_of(view.worktree, [path for path in found.files if folders.below(path, paths)]),
        )


NOTHING_NESTED = Nested(paths=(), ignored=(), size=0)


def size_of(root: Path, paths: list[str]) -> int:
    """How much some files hold together."""
    return sum(os.lstat(root / path).st_size for path in paths)


def snapshot_tree(own: OwnRepository, view: View, nested: Nested, *, ignored: bool = False) -> str:
    """The tree of an index with the content of nested repositories under the side path."""
    staging = own.settings.home / "staging" / f"{view.index.name}"
    folders.empty(staging)
    index = new_index(own.settings, f"{view.index.name}-nested")
    try:
        for path in nested.excluded if ignored else nested.paths:
            _copy(view.worktree / path, staging / SIDE_PATH / _renamed(path))
        copy_with_time(view.index, index)
        side = View(worktree=staging, index=index)
        add_exactly(own.git, side, [SIDE_PATH])
        return own.git.run("write-tree", call=Call(view=side)).text
    except OSError as failed:
        if failed.errno != errno.ENAMETOOLONG:
            raise
        raise GitFailed(command="add", code=-1, said="a path in a nested repository is too long") from failed
    finally:
        folders.remove(index)
        folders.discard(staging)


def _copy(root: Path, copied: Path) -> None:
    """Copy a folder under names that git takes, as the bytes that are there; what git can't hold is not copied."""
    copied.parent.mkdir(parents=True, exist_ok=True)
    waiting = [(root, copied)]
    while waiting:
        source, target = waiting.pop()
        mode = os.lstat(source).st_mode
        if stat.S_ISDIR(mode):
            target.mkdir()
            entries = sorted(source.iterdir())
            waiting += zip(entries, _free_names(target, entries), strict=True)
        elif stat.S_ISLNK(mode) or stat.S_ISREG(mode):
            shutil.copy2(source, target, follow_symlinks=False)


def _free_names(target: Path, entries: Sequence[Path]) -> list[Path]:
    taken: dict[str, None] = {}
    for entry in entries:
        free = _renamed_segment(entry.name)
        while free in taken:
            free += "_"
        taken[free] = None
    return [target / name for name in taken]


def _renamed(path: str) -> str:
    return "/".join(_renamed_segment(part) for part in path.split("/"))


def _renamed_segment(name: str) -> str:
    # an attributes file would change the bytes of what lies beside it; nobody else's name begins so
    if is_git_folder(name) or name == CHANGES_CONTENT:
        return (
            f"dot-{name.lstrip('.')}" if name.isascii() else f"dot-git-{name.encode('utf-8', 'surrogateescape').hex()}"
        )
    return name
