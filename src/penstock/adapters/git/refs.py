"""Refs read as files, without git: what an agent may have written must not be able to start anything."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.sweeping import file_time

if TYPE_CHECKING:
    from pathlib import Path

Refs = Mapping[str, str]
BROKEN = "not a ref"
"""The value of a ref that is no regular file, or of a folder in which a path becomes too long."""


class RefReader:
    """Reads the refs of one git folder again and again; a file that did not change is not opened twice."""

    def __init__(self, folder: Path, *, leave_out: str = "") -> None:
        self._folder = folder
        self._leave_out = leave_out
        self._seen: dict[str, tuple[tuple[int, ...], str]] = {}
        self._listed: dict[str, tuple[tuple[int, ...], int, tuple[str, ...]]] = {}

    def all(self) -> dict[str, str]:
        """Each ref and its value; loose ones hide packed ones, as in git."""
        return {**self.packed(), **self.loose()}

    def packed(self) -> dict[str, str]:
        """The refs of `packed-refs`."""
        found: dict[str, str] = {}
        for line in (folders.read(self._folder / "packed-refs") or b"").decode("utf-8", "replace").splitlines():
            value, _, ref = line.partition(" ")
            if ref and not line.startswith(("#", "^")) and not self._is_left_out(ref):
                found[ref] = value
        return found

    def loose(self) -> dict[str, str]:
        """The refs that are files; also a link, a pipe or a folder of too long paths among them, as `BROKEN`."""
        found: dict[str, str] = {}
        waiting = ["refs"]
        while waiting:
            path = waiting.pop()
            try:
                status = os.lstat(f"{self._folder}/{path}")
            except FileNotFoundError:
                continue
            except OSError as failed:
                if failed.errno != errno.ENAMETOOLONG:
                    raise
                found[path.rpartition("/")[0]] = BROKEN  # the folder still has a path by which it can be removed
                continue
            if stat.S_ISDIR(status.st_mode):
                inner = [f"{path}/{name}" for name in self._names(path, status)]
                waiting += [ref for ref in inner if not self._is_left_out(ref) and not ref.endswith(".lock")]
            else:
                found[path] = self._value(path, status)
        return found

    def _names(self, folder: str, status: os.stat_result) -> tuple[str, ...]:
        """What a folder holds; it is listed again only after a change, or one that could have had the same time."""
        facts = _facts(status)
        known = self._listed.get(folder)
        if known is not None and known[0] == facts and status.st_ctime_ns < known[1]:
            return known[2]
        since = file_time()
        names = tuple(os.listdir(f"{self._folder}/{folder}"))  # noqa: PTH208 - names are all that is wanted
        self._listed[folder] = facts, since, names
        return names

    def _value(self, ref: str, status: os.stat_result) -> str:
        if not stat.S_ISREG(status.st_mode):
            return BROKEN
        facts = _facts(status)
        known = self._seen.get(ref)
        if known is not None and known[0] == facts:
            return known[1]
        value = (folders.read(self._folder / ref) or b"").decode("utf-8", "replace").strip()
        self._seen[ref] = (facts, value)
        return value

    def _is_left_out(self, ref: str) -> bool:
        return bool(self._leave_out) and f"{ref}/".startswith(self._leave_out)


def _facts(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def put_in_place(folder: Path, ref: str, value: str) -> None:
    """Give a ref its value as git does it: under the ref's lock, synced before it has its name."""
    lock = f"{folder}/{ref}.lock"
    os.makedirs(os.path.dirname(lock), exist_ok=True)  # noqa: PTH103, PTH120 - every snapshot comes here
    try:
        with open(lock, "xb") as file:  # noqa: PTH123
            file.write(f"{value}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        os.rename(lock, f"{folder}/{ref}")  # noqa: PTH104
    except FileExistsError:
        raise
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(lock)  # noqa: PTH108
        raise


def put_back(folder: Path, ref: str, value: str | None) -> None:
    """Write a ref as a file, or remove it; also where something else lies in its way."""
    path = folder / ref
    if value is None:
        folders.remove(path)
        return
    for parent in reversed(path.relative_to(folder).parents):
        if folders.exists(folder / parent) and not folders.is_folder(folder / parent):
            folders.remove(folder / parent)
    folders.write(path, f"{value}\n".encode(), by_way_of=path.with_name(f"{path.name}.lock"))
