"""Folders of an environment as files: copied, stripped to what was made, closed against writing, compared.

Never follows a link.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from penstock import disk

WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def has_real_parents(root: Path, path: Path) -> bool:
    """True when a path below `root` is reached over real folders only."""
    return all(disk.is_folder(folder) for folder in path.parents if folder.is_relative_to(root) and folder != root)


def open_way(root: Path, path: Path) -> bool:
    """True when a path below `root` is reached over real folders only; each is opened for its owner, who may have
    closed it.
    """
    return all(_is_opened(folder) for folder in reversed(path.parents) if folder.is_relative_to(root))


def _is_opened(folder: Path) -> bool:
    disk.reopen(folder)
    return disk.is_folder(folder)


def named(root: Path, pattern: str) -> list[Path]:
    """What a pattern names in a folder, over real folders only; nothing where it is no pattern or leads out."""
    parts = PurePosixPath(pattern).parts
    if not parts or pattern.startswith("/") or ".." in parts:
        return []
    found = {root}
    for part in parts:
        found = {path for folder in found if disk.is_folder(folder) for path in _in(folder, part)}
    return sorted(found)


def _in(folder: Path, part: str) -> Iterator[Path]:
    """What one part of a pattern names in a folder."""
    if part == "**":
        waiting = [folder]
        while waiting:
            yield (above := waiting.pop())
            waiting += [path for path in _entries(above) if disk.is_folder(path)]
    elif any(sign in part for sign in "*?["):
        yield from (path for path in _entries(folder) if fnmatchcase(path.name, part))
    elif os.path.lexists(folder / part):
        yield folder / part


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def matching(root: Path, patterns: Sequence[str]) -> tuple[str, ...]:
    """The paths in a folder that patterns name, each once; what lies in another one of them is not named again."""
    found = {path.relative_to(root).as_posix() for pattern in patterns for path in named(root, pattern)}
    return tuple(path for path in sorted(found) if not any(path.startswith(f"{other}/") for other in found))


def homeward_links(root: Path, outputs: Sequence[str]) -> dict[str, str]:
    """The links inside outputs that mean a file or folder of the project itself, and what each means."""
    home = root.resolve()
    kept = [home / output for output in outputs]
    found = {}
    for output in outputs:
        top = root / output
        for entry in disk.below(top) if disk.is_folder(top) else ():
            if not entry.is_symlink():
                continue
            meant = Path(os.path.realpath(entry.path))
            if meant.is_relative_to(home) and not any(meant.is_relative_to(one) for one in kept):
                found[Path(entry.path).relative_to(root).as_posix()] = meant.relative_to(home).as_posix()
    return found


def strip(root: Path, outputs: Sequence[str]) -> None:
    """Leave nothing but the outputs: what an editable install still points to must not be there to be imported."""
    wanted = {root / output for output in outputs}
    above = {folder for output in wanted for folder in output.parents}
    waiting = [root]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in list(entries):
                path = Path(entry.path)
                if path in above and disk.is_folder(path):
                    waiting.append(path)
                elif path not in wanted:
                    disk.remove(path)


def copy(source: Path, target: Path) -> None:
    """Copy a folder with all that is in it, links as links."""
    target.mkdir()
    for entry in disk.below(source):
        place = target / os.path.relpath(entry.path, source)
        if entry.is_dir(follow_symlinks=False):
            place.mkdir()
        else:
            shutil.copy2(entry.path, place, follow_symlinks=False)


def close(root: Path) -> None:
    """Take away the right to write from a folder and all that is in it; from folders last, for a file may have to be
    replaced.
    """
    folders = [root]
    for entry in disk.below(root):
        if entry.is_dir(follow_symlinks=False):
            folders.append(Path(entry.path))
        elif not entry.is_symlink():
            _close(Path(entry.path))
    for folder in folders:
        _close(folder)


def _close(path: Path) -> None:
    status = path.lstat()
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        # uv and pnpm link files of the user's cache: whoever changes one here would change it for every project
        own = path.with_name(f"{path.name}.penstock-own")
        shutil.copy2(path, own)
        own.replace(path)
    path.chmod(stat.S_IMODE(status.st_mode) & ~WRITABLE)


def seal(root: Path) -> str:
    """Changes when anything in the folder does: a hash of what the file system knows of each entry."""
    facts: list[str] = []
    start, waiting = len(str(root)), [str(root)]
    while waiting:  # asked at each use, of many thousands of entries
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)
                    facts.append(f"{entry.path[start:]}\0{status.st_mode}")
                else:
                    own = (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                    facts.append(f"{entry.path[start:]}\0{own}")
    text = "\0".join(sorted(facts))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
