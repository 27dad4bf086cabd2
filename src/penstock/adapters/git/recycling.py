"""Folders of worktrees that are done with, kept for the next workstream of the run: filling them anew is what costs.

Only this process knows its spares, and only whoever owns a run touches them: what an earlier owner left is removed.
"""

from __future__ import annotations

import itertools
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.filling import Known, forget
from penstock.adapters.git.private import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.adapters.git.layout import GitSettings
    from penstock.ports import Place

_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """A folder that nobody works in, and what we left there before somebody did."""

    folder: Path
    filled: Known
    private: PrivateFolder
    """Its git folder, as it was called where it was in use."""
    start: str

    def move_to(self, worktree: Path, private: Path) -> Mapping[str, bytes] | None:
        """Put it into the place of a worktree that is about to be filled; what its git folder holds if that is as good
        as new.
        """
        self.folder.rename(worktree)
        there = self.private.untouched(self.start, self.filled.digest)
        if there is None:
            folders.discard(self.private.folder)
            return None
        folders.discard(private)
        self.private.folder.rename(private)
        return there


class Spares:
    """The spare folders of a project's runs."""

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings
        self._of_runs: dict[str, list[Spare]] = {}
        self._guard = threading.Lock()

    def park(self, place: Place, start: str, filled: Known) -> None:
        """Take a worktree whose content is kept out of its place, with its git folder."""
        spares, name = self._of(place.run), str(next(_NUMBERS))
        worktree, private = self._settings.worktree(place), self._settings.private(place)
        folder, git_folder = (parent / name for parent in self._settings.spares(place.run))
        for parent in (folder.parent, git_folder.parent):
            parent.mkdir(exist_ok=True)
        for used in (worktree, private):
            folders.reopen(used)
        if folders.is_folder(private):
            private.rename(git_folder)
        worktree.rename(folder)
        as_it_was = PrivateFolder(self._settings, git_folder, worktree, place.branch)
        spares.append(Spare(folder=folder, filled=filled, private=as_it_was, start=start))

    def take(self, run: str) -> Spare | None:
        """A spare that nobody else gets, if there is one."""
        with suppress(IndexError):
            return self._of(run).pop()
        return None

    def drop(self, run: str) -> None:
        """Remove the spares of a run that has ended."""
        for spare in self._of(run):
            forget(spare.filled)
        with self._guard:
            del self._of_runs[run]
        self._remove_all(run)

    def _of(self, run: str) -> list[Spare]:
        with self._guard:
            if run not in self._of_runs:
                self._remove_all(run)
                self._of_runs[run] = []
            return self._of_runs[run]

    def _remove_all(self, run: str) -> None:
        for folder in self._settings.spares(run):
            folders.discard(folder)
