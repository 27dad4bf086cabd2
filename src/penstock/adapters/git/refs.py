"""Refs read as files, without git: what an agent may have written must not be able to start anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penstock.adapters.git import folders

if TYPE_CHECKING:
    from pathlib import Path

Refs = Mapping[str, str]
BROKEN = "not a ref"
"""The value of a ref that is no regular file."""


class RefReader:
    """Reads the refs of one git folder again and again; a file that did not change is not opened twice."""

    def __init__(self, folder: Path, *, leave_out: str = "") -> None:
        self._folder = folder
        self._leave_out = leave_out
        self._seen: dict[str, tuple[tuple[int, ...], str]] = {}

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
        """The refs that are files; also a link or a pipe among them, as `BROKEN`."""
        found: dict[str, str] = {}
        if not folders.is_folder(self._folder / "refs"):
            return {"refs": BROKEN} if folders.exists(self._folder / "refs") else {}
        waiting = ["refs"]
        while waiting:
            folder = waiting.pop()
            with os.scandir(self._folder / folder) as entries:
                for entry in entries:
                    ref = f"{folder}/{entry.name}"
                    if self._is_left_out(ref) or entry.name.endswith((".lock", ".new")):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(ref)
                    else:
                        found[ref] = self._value(ref, entry)
        return found

    def _value(self, ref: str, entry: os.DirEntry[str]) -> str:
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            return BROKEN
        facts = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._seen.get(ref)
        if known is not None and known[0] == facts:
            return known[1]
        value = (folders.read(self._folder / ref) or b"").decode("utf-8", "replace").strip()
        self._seen[ref] = (facts, value)
        return value

    def _is_left_out(self, ref: str) -> bool:
        return bool(self._leave_out) and f"{ref}/".startswith(self._leave_out)


def put_back(folder: Path, ref: str, value: str | None) -> None:
    """Write a ref as a file, or remove it; also where something else lies in its way."""
    path = folder / ref
    if value is None:
        folders.remove(path)
        return
    for parent in reversed(path.relative_to(folder).parents):
        if folders.exists(folder / parent) and not folders.is_folder(folder / parent):
            folders.remove(folder / parent)
    folders.write(path, f"{value}\n".encode())
