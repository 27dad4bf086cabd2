"""What we know of each place where an agent works: what we left there, what is already kept.

Over a restart only the start and the index left behind are remembered, never a proof.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.adapters.git import folders
from penstock.adapters.git.filling import forget
from penstock.adapters.git.layout import is_segment
from penstock.adapters.git.private import PrivateFolder
from penstock.ports import Place

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.adapters.git.filling import Known
    from penstock.adapters.git.folders import Signature
    from penstock.adapters.git.layout import GitSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A commit under a ref, and its tree."""

    commit: str
    ref: str | None
    tree: str


@dataclass(slots=True, kw_only=True)
class Desk:
    """One place, as this process knows it."""

    start: str
    is_ready: bool
    """False while only we have written there: its content is nobody's work."""
    left_index: str | None = None
    """The hash of the index that we left in the private folder."""
    mark: int = 0
    """How long the log of tampering was when the worktree was prepared."""
    filled: Known | None = None
    """The folder as we left it for the agent."""
    known: Known | None = None
    """The folder as it was found last, where git was asked to look."""
    commit: str = ""
    """The commit of what was found last; of the start, before anybody looked."""
    last: Snapshot | None = None
    signature: Signature | None = None
    """What the folder looked like when its content was last kept."""

    def learn(self, commit: str, known: Known | None) -> None:
        """Remember how the folder was found."""
        if self.known is not self.filled:
            forget(self.known)
        self.commit, self.known = commit, known

    def forget_indexes(self, but: Known | None = None) -> None:
        """Remove the indexes of a folder that is gone or filled anew."""
        for known in (self.filled, self.known):
            if known is not but:
                forget(known)
        self.filled = self.known = None


def last_record(path: Path) -> Any:
    """What was written down last of a place, whole; None if nothing was."""
    lines = (folders.read(path) or b"").split(b"\n")[:-1]
    return json.loads(lines[-1]) if lines else None


class Desks:
    """The desks of one project, in memory and, for a take-over, as small files beside the private folders: a line for
    each time that a place was prepared.
    """

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings
        self._open: dict[Place, Desk] = {}

    def get(self, place: Place) -> Desk | None:
        """The desk of a place; after a restart with what the file still says."""
        if place not in self._open:
            said = last_record(self._settings.record(place))
            if said is None:
                return None
            self._open[place] = Desk(start=said["start"], left_index=said["left_index"], is_ready=said["is_ready"])
        return self._open[place]

    def at(self, worktree: Path) -> tuple[Place, Desk] | None:
        """The place whose worktree this is, if one was prepared there."""
        for place, desk in self._open.items():
            if self._settings.worktree(place) == worktree:
                return place, desk
        run, workstream = worktree.parent.name, worktree.name
        place = Place(run=run, workstream=workstream, branch="")
        if not (is_segment(run) and is_segment(workstream)) or self._settings.worktree(place) != worktree:
            return None
        said = last_record(self._settings.record(place))
        if said is None:
            return None
        place = replace(place, branch=said["branch"])
        found = self.get(place)
        return None if found is None else (place, found)

    def put(self, place: Place, desk: Desk) -> None:
        """Remember a place, before anything is written there and again when an agent may begin: only then must it
        outlive the machine, since there is nobody's work before.
        """
        content = {
            "branch": place.branch,
            "is_ready": desk.is_ready,
            "left_index": desk.left_index,
            "start": desk.start,
        }
        path = self._settings.record(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(json.dumps(content).encode() + b"\n")
            if desk.is_ready:
                file.flush()
                os.fsync(file.fileno())
        self._open[place] = desk

    def drop(self, place: Place) -> None:
        """Forget a place that is gone."""
        folders.remove(self._settings.record(place))
        if (desk := self._open.pop(place, None)) is not None:
            desk.forget_indexes()

    def private(self, place: Place) -> PrivateFolder:
        """The place's git folder."""
        return PrivateFolder(
            self._settings, self._settings.private(place), self._settings.worktree(place), place.branch
        )
