"""Folders of worktrees that are done with, kept for the next workstream of the run: filling them anew is what costs.

Only this process knows its spares, and only whoever owns a run touches them: what an earlier owner left is removed.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.filling import Known, forget

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.adapters.git.layout import GitSettings

_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """A folder that nobody works in, and what we left there before somebody did."""

    folder: Path
    filled: Known


class Spares:
    """The spare folders of a project's runs."""

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings
        self._of_runs: dict[str, list[Spare]] = {}
        self._guard = threading.Lock()

    def park(self, run: str, worktree: Path, filled: Known) -> None:
        """Take a worktree whose content is kept out of its place."""
        spares = self._of(run)
        target = self._settings.spares(run) / str(next(_NUMBERS))
        target.parent.mkdir(exist_ok=True)
        worktree.rename(target)
        spares.append(Spare(folder=target, filled=filled))

    def move_to(self, run: str, worktree: Path) -> Known | None:
        """Put a spare into the place of a worktree that is about to be filled; None if there is none."""
        try:
            spare = self._of(run).pop()
        except IndexError:
            return None
        spare.folder.rename(worktree)
        return spare.filled

    def drop(self, run: str) -> None:
        """Remove the spares of a run that has ended."""
        for spare in self._of(run):
            forget(spare.filled)
        with self._guard:
            del self._of_runs[run]
        folders.discard(self._settings.spares(run))

    def _of(self, run: str) -> list[Spare]:
        with self._guard:
            if run not in self._of_runs:
                folders.discard(self._settings.spares(run))
                self._of_runs[run] = []
            return self._of_runs[run]
