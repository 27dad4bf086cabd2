"""Folders as files: looking through one, emptying, removing and writing, never following a link.

Knows nothing of git but its folder's name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from penstock import disk
from penstock.domain.patterns import is_git_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


LARGEST_READ = 64 << 20
"""Bytes of a file that is read as a whole: an agent can make one longer than any memory, of nothing but holes."""
LONGEST_SHOWN = 240
is_folder, remove, reopen = disk.is_folder, disk.remove, disk.reopen
Signature: TypeAlias = "Mapping[str, tuple[int, ...]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a folder holds, apart from the `.git` of its root."""

    files: tuple[str, ...]
    nested: tuple[str, ...]
    """Folders that hold a `.git` of their own: git would keep only a link of them, or nothing."""
    reserved: tuple[str, ...]
    """Other names that git refuses because some file system takes them for `.git`."""
    unholdable: tuple[str, ...]
    """What git can't hold: pipes, sockets, devices, folders that can't be read, paths that are too long."""
    signature: Signature
    """Changes when any file does."""
    statuses: Mapping[str, os.stat_result]
    """Of each file."""


@dataclass(slots=True)
class _Findings:
    nested: list[str]
    reserved: list[str]
    unholdable: list[str]
    statuses: dict[str, os.stat_result]


def survey(root: Path) -> Survey:
    """Look through a folder; folders and files that their owner closed are opened for him, so that nothing hides."""
    found = _Findings([], [], [], {})
    waiting = [("", False)]
    while waiting:
        folder, inside_nested = waiting.pop()
        entries = _entries(root / folder, folder, found)
        if folder and not inside_nested and any(entry.name == ".git" for entry in entries):
            found.nested.append(folder)
            inside_nested = True
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if path == ".git":
                continue
            if not inside_nested and is_git_folder(entry.name):
                found.reserved.append(path)
            if _note(entry, path, found):
                waiting.append((path, inside_nested))
    return Survey(
        files=tuple(found.statuses),
        nested=tuple(sorted(found.nested)),
        reserved=tuple(sorted(found.reserved)),
        unholdable=tuple(sorted(found.unholdable)),
        signature={path: _facts(status) for path, status in found.statuses.items()},
        statuses=found.statuses,
    )


def _entries(folder: Path, path: str, found: _Findings) -> list[os.DirEntry[str]]:
    try:
        return _listed(folder)
    except PermissionError:
        try:
            folder.chmod(0o700)
            return _listed(folder)
        except OSError:
            found.unholdable.append(f"{path}/")
            return []
    except OSError as failed:
        if failed.errno != errno.ENAMETOOLONG:
            raise
        found.unholdable.append(f"{path}/")
        return []


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _note(entry: os.DirEntry[str], path: str, found: _Findings) -> bool:
    """Write down one entry; True for a folder, to be looked through."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as failed:
        if failed.errno != errno.ENAMETOOLONG:
            raise
        found.unholdable.append(path)
        return False
    if stat.S_ISDIR(status.st_mode):
        return True
    if stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IRUSR:
        with contextlib.suppress(OSError):
            Path(entry.path).chmod(stat.S_IMODE(status.st_mode) | stat.S_IRUSR)
            status = os.lstat(entry.path)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        found.unholdable.append(path)
    found.statuses[path] = status
    return False


def _facts(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_too_long(path: Path) -> bool:
    """True for a path longer than the system takes: it can only be reached step by step."""
    try:
        path.lstat()
    except OSError as failed:
        return failed.errno == errno.ENAMETOOLONG
    return False


def shortened(path: str) -> str:
    """A path for a sentence."""
    return path if len(path) <= LONGEST_SHOWN else f"{path[: LONGEST_SHOWN // 2]}…{path[-LONGEST_SHOWN // 4 :]}"


def exists(path: Path) -> bool:
    """True when there is anything under this name, a broken link too."""
    return os.path.lexists(path)


def remove_locks(folder: Path) -> None:
    """Remove what git left locked in a folder of ours; nobody else may be at work there."""
    for path in list(locks(folder)):
        remove(path)


def locks(folder: Path) -> Iterator[Path]:
    """What git has locked in a folder, at any depth."""
    for entry in disk.below(folder):
        if entry.name.endswith(".lock") and not entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def reopen_all(root: Path) -> None:
    """The same for a folder and all below it."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        reopen(folder)
        with contextlib.suppress(OSError):
            waiting += [Path(entry.path) for entry in _listed(folder) if entry.is_dir(follow_symlinks=False)]


def files_below(root: Path, most: int) -> list[Path]:
    """The first files below a folder, or whatever else is there; itself if there is none."""
    found: list[Path] = []
    waiting = [(root, is_folder(root))]
    while waiting and len(found) < most:
        path, is_to_be_listed = waiting.pop()
        if not is_to_be_listed:
            found.append(path)
            continue
        with contextlib.suppress(OSError):  # it is closed, or its path is too long
            entries = sorted(_listed(path), key=lambda entry: entry.name, reverse=True)
            waiting += [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries]
    return found or [root]


def empty(folder: Path) -> None:
    """Leave an empty folder there, whatever was before."""
    discard(folder)
    folder.mkdir(parents=True)


def discard(folder: Path) -> None:
    """Take a folder out of its place in one step and then remove it; what a kill left of an earlier time goes too."""
    if exists(folder):
        folder.rename(passing(folder))
    if folder.parent.is_dir():
        for name in os.listdir(folder.parent):  # noqa: PTH208 - a pattern would have to be escaped, and costs more
            if name.startswith(f".gone~{folder.name}~"):
                remove(folder.parent / name)


def passing(folder: Path) -> Path:
    """A free name beside a folder for what is not yet or no more in its place; `discard` clears it too."""
    number = 0
    while exists(target := folder.with_name(f".gone~{folder.name}~{os.getpid()}~{number}")):
        number += 1
    return target


def move_aside(source: Path, folder: Path, name: str) -> Path:
    """Move something under the next free number of a name; if that is another file system, beside where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while exists(folder / f"{name}-{number}"):
        number += 1
    target = folder / f"{name}-{number}"
    reopen(source)
    try:
        source.rename(target)
    except OSError as failed:
        if failed.errno != errno.EXDEV:
            raise
        return move_aside(source, source.parent, f".kept~{name}")
    return target


def write(path: Path, content: bytes, *, synced: bool = False, by_way_of: Path | None = None) -> None:
    """Write a small file so that a reader sees the old or the new one, never a part; a kill may leave the other name
    of the new one, which else lies beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_folder(path):
        remove(path)
    temporary = by_way_of or path.with_name(f"{path.name}.{os.getpid()}.new")
    remove(temporary)
    with temporary.open("xb") as file:
        file.write(content)
        if synced:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)


def write_over(path: Path, content: bytes) -> None:
    """Write a small file where nobody reads yet, in place if it is there: a new file costs more than its content."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.write(content)


def read(path: Path) -> bytes | None:
    """The content of a regular file; None for whatever else is or is not there, or is too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_READ:
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(status.st_size)


def is_too_large(path: Path) -> bool:
    """True for a regular file that `read` leaves alone for its size."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > LARGEST_READ


def digest(path: Path) -> str | None:
    """A hash of a regular file's content, or None."""
    content = read(path)
    return None if content is None else hashlib.sha256(content).hexdigest()


def below(path: str, folders: tuple[str, ...]) -> bool:
    """True when the path is one of the folders or lies under one."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
