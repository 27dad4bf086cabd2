"""Clean checkouts for checks: a pool of folders per run, each lent to one check at a time, moved from tree to tree."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.filling import Known, fill, forget, new_index
from penstock.adapters.git.private import PrivateFolder
from penstock.adapters.git.runner import Call, View
from penstock.domain.scope import matches_any, normalise

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.adapters.git.own import OwnRepository

Overlay = tuple[str, Sequence[str]]


class Slot:
    """One folder of the pool while it is lent; its lock frees with the process."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder, self._descriptor = folder, descriptor

    def release(self) -> None:
        """Give it back."""
        os.close(self._descriptor)


class Checkouts:
    """The pools of one project."""

    def __init__(self, own: OwnRepository) -> None:
        self._own, self._git, self._settings = own, own.git, own.settings
        self._left: dict[Path, tuple[Known, str]] = {}  # how we left each folder, and which commit its HEAD names

    def take(self, run: str) -> Slot:
        """The first folder that nobody uses, in this process or another."""
        pool = self._settings.slots(run)
        pool.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            descriptor = os.open(pool / f"{number}.guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                number += 1
            else:
                return Slot(pool / str(number), descriptor)

    def fill(self, slot: Slot, commit: str, overlay: Overlay | None) -> Path:
        """Leave exactly the content of a commit in the folder, with a git folder that says so."""
        self._own.integrity.check()
        name = f"{slot.folder.parent.name}-clean-{slot.folder.name}"
        tree = commit if overlay is None else self._overlaid(name, commit, overlay)
        left, head = self._left.pop(slot.folder, (None, ""))
        private = PrivateFolder(self._settings, slot.folder.with_name(f"{slot.folder.name}.git"), slot.folder, None)
        there = private.untouched(head, left.digest) if left is not None else None
        filled = fill(self._git, View(worktree=slot.folder, index=new_index(self._settings, name)), tree, left)
        forget(left)
        private.write(commit, filled.index, there=there)
        self._left[slot.folder] = filled.handed_over(), commit
        return slot.folder

    def drop(self, run: str) -> None:
        """Remove the pool of a run that has ended."""
        pool = self._settings.slots(run)
        for folder in [left for left in self._left if left.parent == pool]:
            forget(self._left.pop(folder)[0])
        folders.discard(pool)

    def _overlaid(self, name: str, commit: str, overlay: Overlay) -> str:
        """The tree of a commit with some paths as another one has them.

        What a pattern holds there and not here goes too: a new `conftest.py` would else judge the others' tests. A file
        that is named itself and that the other commit lacks stays, since there is nothing to take in its place.
        """
        other, patterns = overlay
        taken = self._matching(other, patterns)
        gone = self._matching(commit, patterns).keys() - taken.keys() - {normalise(pattern) for pattern in patterns}
        nothing = "0" * len(commit)  # as long as the hashes of this repository
        entries = [*taken.values(), *(f"0 {nothing}\t{path}" for path in sorted(gone))]
        if not entries:
            return commit
        view = View(worktree=self._settings.home, index=new_index(self._settings, f"{name}-overlay"))
        try:
            self._git.run("read-tree", commit, call=Call(view=view))
            stdin = b"".join(os.fsencode(entry) + b"\0" for entry in entries)
            self._git.run("update-index", "-z", "--index-info", call=Call(view=view, stdin=stdin))
            return self._git.run("write-tree", call=Call(view=view)).text
        finally:
            folders.remove(view.index)

    def _matching(self, commit: str, patterns: Sequence[str]) -> dict[str, str]:
        """The entries of a commit's tree that patterns hold, by path."""
        entries = self._git.run("ls-tree", "-r", "-z", "--full-tree", commit).fields
        found = {entry.split("\t", 1)[1]: entry for entry in entries}
        return {path: entry for path, entry in found.items() if matches_any(patterns, path)}
