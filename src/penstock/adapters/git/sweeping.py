"""Taking out of a folder whatever is not as we left it, so that the next tree can be put on what remains.

Knows nothing of git but the name of its folder: a file stays only if nobody has touched it since.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.index import noted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.adapters.git.index import Noted

HARMLESS_ATTRIBUTES = ("security.",)
"""What the system itself gives to every file where SELinux or its like is in force."""


def file_time() -> int:
    """A moment that no later change of a file can be stamped before: files are stamped by the coarse clock."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME))


def copy_with_time(source: Path, target: Path) -> None:
    """Copy a small file with its time, by which git knows which files may have changed in the same moment."""
    with open(source, "rb") as file:  # noqa: PTH123 - each checkout comes here
        content, status = file.read(), os.fstat(file.fileno())
    folders.write_over(target, content)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def sweep(root: Path, left: Mapping[str, Noted], since: int) -> None:
    """Remove everything but untouched files that were left there before the moment `since`, in ordinary folders."""
    known = {*_folders_above(left)}
    model = root.parent.lstat()
    if not _is_ordinary(root.lstat(), root, model):
        folders.empty(root)
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as listing:
            entries = list(listing)
        for entry in entries:
            path = f"{folder}{entry.name}"
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if f"{path}/" in known and _is_ordinary(status, entry.path, model):
                    waiting.append(f"{path}/")
                else:
                    folders.remove(Path(entry.path))
            elif path != ".git" and not is_untouched(left.get(path), status, since):
                folders.remove(Path(entry.path))


def holds_only(root: Path, files: Iterable[str], others: Iterable[str]) -> bool:
    """True when a folder holds these files and the folders above them and `others` (ending in `/`), no more and no
    less, and each as we make files and folders ourselves.
    """
    model = root.parent.lstat()
    wanted = {*files}
    missing = wanted | {*_folders_above(wanted)} | {*others}
    waiting = [""] if _is_ordinary(root.lstat(), root, model) else []
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                is_folder = stat.S_ISDIR(status.st_mode)
                path = f"{folder}{entry.name}/" if is_folder else f"{folder}{entry.name}"
                if path not in missing or not _is_ordinary(status, entry.path, model):
                    return False
                missing.discard(path)
                if is_folder:
                    waiting.append(path)
    return not missing


def _folders_above(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        end = path.rfind("/")
        while end >= 0:
            yield path[: end + 1]
            end = path.rfind("/", 0, end)


def is_untouched(left: Noted | None, status: os.stat_result, since: int) -> bool:
    """True for a file that is as it was noted before the moment `since`."""
    return left is not None and left == noted(status) and left.changed_at < since


def _is_ordinary(status: os.stat_result, path: str | Path, model: os.stat_result) -> bool:
    """True for a folder as we would make it now (a default access list, say, would pass on to what is made in it), or
    a file of one name.
    """
    permissions = stat.S_IMODE(model.st_mode)
    if not stat.S_ISDIR(status.st_mode):
        permissions &= 0o666
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            return False
    if (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) != (permissions, model.st_uid, model.st_gid):
        return False
    if not hasattr(os, "listxattr"):
        return True
    return all(name.startswith(HARMLESS_ATTRIBUTES) for name in os.listxattr(path, follow_symlinks=False))
