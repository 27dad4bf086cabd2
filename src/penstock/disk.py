"""Folders of any depth as files: looked through, opened and removed without recursion, never following a link.

What lies in them may have been made by an agent, by a check or by a set-up.
"""

from __future__ import annotations

import itertools
import os
import stat
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def is_folder(path: str | os.PathLike[str]) -> bool:
    """True for a real folder, not for a link to one."""
    return os.path.isdir(path) and not os.path.islink(path)  # noqa: PTH112, PTH114 - of any name, and never raises


def below(root: str | os.PathLike[str], *, leaving_out: Collection[str] = ()) -> Iterator[os.DirEntry[str]]:
    """Everything in a folder, at any depth, in a fixed order, but for what has certain names.

    A folder is listed when the walk goes on from it: one that can't be listed even then (it is closed, or its path is
    longer than the system takes) counts as empty.
    """
    waiting = _backwards(root)
    while waiting:
        entry = waiting.pop()
        if entry.name in leaving_out:
            continue
        yield entry
        if entry.is_dir(follow_symlinks=False):
            waiting += _backwards(entry.path)


def _backwards(folder: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name, reverse=True)
    except OSError:
        return []


def reopen(folder: Path) -> None:
    """Give the owner of a folder the rights back that he may have taken from himself; whatever else it is stays."""
    with suppress(OSError):
        mode = folder.lstat().st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def remove(path: Path) -> None:
    """Remove a file, link or folder of any depth, also where its owner took away the right to write."""
    if is_folder(path):
        _remove_folder(path)
    else:
        path.unlink(missing_ok=True)


def remove_if_possible(path: Path) -> None:
    """The same for what nobody misses and nobody trips over: it may stay, in part too."""
    with suppress(OSError):
        remove(path)


def _remove_folder(root: Path) -> None:
    """Remove a folder by bringing each folder in it up to its top: so no depth and no length of a path matters."""
    with suppress(PermissionError):  # somebody else's, which need not be closed for us
        root.chmod(0o700)
    names = (f"{uuid.uuid4().hex}{number}" for number in itertools.count())
    top = os.open(root, AS_FOLDER)
    try:
        waiting = _left_folders(top)
        while waiting:
            name = waiting.pop()
            inner = os.open(name, AS_FOLDER, dir_fd=top)
            try:
                for deeper in _left_folders(inner):
                    waiting.append(next(names))
                    os.rename(deeper, waiting[-1], src_dir_fd=inner, dst_dir_fd=top)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    root.rmdir()


def _left_folders(descriptor: int) -> list[str]:
    """Remove the files of a folder; the folders in it, opened for their owner."""
    with os.scandir(descriptor) as listing:
        entries = list(listing)
    left = []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            with suppress(PermissionError):
                os.chmod(entry.name, 0o700, dir_fd=descriptor)
            left.append(entry.name)
        else:
            os.unlink(entry.name, dir_fd=descriptor)
    return left
