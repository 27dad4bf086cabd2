"""What those who look after a project's state ask of it: looking, tidying up, mending. Adapters implement these."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from penstock.domain.changes import Change
from penstock.ports import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a worktree holds now, compared with a commit."""

    changes: tuple[Change, ...]
    litter: tuple[str, ...] = ()
    """Ignored files that nobody declared."""


CLONES = "self"
"""The folder of the clones that `self-improve` works on, in Penstock's own."""
UNFINISHED = ".new~"
"""What the name of such a clone begins with for as long as it is being made."""


class Kind(StrEnum):
    """What can become superfluous."""

    WORKTREE = "worktree"
    CHECKOUTS = "checkouts"
    """The pool of clean checkouts of a run."""
    KEPT = "kept"
    """A folder that was moved aside because git could not hold it."""
    SNAPSHOTS = "snapshots"
    """All refs of one workstream under `refs/penstock/`."""
    LOGS = "logs"
    """The attempt folders of a run: requests, output, outcomes, patches."""
    RECORDING = "recording"
    """What was said between the agents of a run and their models."""
    ENVIRONMENT = "environment"
    SCRAP = "scrap"
    """What a killed process left half made or half removed."""
    OBJECTS = "objects"
    """What no commit needs any more in Penstock's own repository."""
    CLONE = "clone"
    """A clone that `self-improve` made and whose repository has all that it holds."""
    REPORT = "report"
    """The traceback of a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remnant:
    """Something in a project's state that may become superfluous."""

    kind: Kind
    run: str
    """Whose it is; empty for what belongs to no run."""
    name: str
    """What it is called there; of worktrees and snapshots the workstream's id."""
    size: int
    used: datetime
    """When it was last of use, as the disk tells."""
    promised: int | None = None
    """For how many days it was promised to be kept, where that was written down."""


class Worktrees(Protocol):
    """The worktrees of a project, looked at without touching anything that an agent could have written."""

    def places(self) -> tuple[Place, ...]:
        """Every place of ours that has a folder or a record of one."""
        ...

    def start(self, place: Place) -> str | None:
        """The commit that we left there, as its record says."""
        ...

    def folder(self, place: Place) -> Path:
        """Where it is, or would be."""
        ...

    def measure(self, place: Place) -> Remnant:
        """How big it and its git folder are, and when something in them was written last."""
        ...

    async def look(self, place: Place, base: str, declared: Sequence[str]) -> Look:
        """Compare the folder's content with a commit; nothing of ours and nothing of the agent's is written."""
        ...

    def snapshot(self, place: Place) -> tuple[str, str] | None:
        """The newest snapshot: its ref and its commit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRest:
    """Proof that nobody works on a run and that it has ended or the store does not know it: what removes takes it.

    Only `care.rest` makes one, and it is true while the run's lock is held there.
    """

    run: str


class Remains(Protocol):
    """What earlier runs have left in a project's state."""

    async def found(self) -> tuple[Remnant, ...]:
        """Everything but worktrees."""
        ...

    async def remove(self, remnant: Remnant, proof: AtRest) -> None:
        """Remove what belongs to a run at rest; what is gone already is no error."""
        ...

    async def remove_shared(self, remnant: Remnant) -> None:
        """Remove what belongs to no run: an environment, scrap."""
        ...

    async def pack(self, grace: timedelta) -> int:
        """Drop the objects older than `grace` that no ref leads to, and pack the rest; by how many bytes it shrank."""
        ...


class Mending(Protocol):
    """Penstock's own repository of a project, where it is broken."""

    def has_repository(self) -> bool:
        """Whether it is there at all."""
        ...

    async def rebuild(self) -> None:
        """Make it anew from the user's repository; what only ours had is lost."""
        ...

    async def lost_refs(self, *, drop: bool) -> tuple[tuple[str, str], ...]:
        """Our refs whose commit is not there; dropped, they can't stop git any more."""
        ...

    async def stale_locks(self) -> tuple[str, ...]:
        """The files by which killed git processes keep it locked."""
        ...


class Commits(Protocol):
    """Which commits Penstock's own repository has, and what leads to them."""

    async def trees(self, commits: Collection[str]) -> Mapping[str, str]:
        """The tree of each of these commits that is there."""
        ...

    async def unheld(self, commits: Collection[str]) -> frozenset[str]:
        """Those of these commits that no ref leads to."""
        ...

    async def hold(self, place: Place, commit: str) -> str:
        """Give a commit a ref among the snapshots of a workstream."""
        ...

    async def branch(self, name: str) -> str | None:
        """Where the integration branch is."""
        ...

    async def set_branch(self, name: str, commit: str, found: str | None) -> None:
        """Put the integration branch where the store says that it was judged; `found` is where it is now."""
        ...

    async def is_ancestor(self, commit: str, of: str) -> bool:
        """Whether one commit leads to another."""
        ...


class Attempts(Protocol):
    """The attempts of a run as its folders and processes show them."""

    def recorded(self, run: str) -> tuple[tuple[str, str], ...]:
        """Workstream and key of every attempt that has a folder."""
        ...

    async def leftovers(self, run: str) -> tuple[int, ...]:
        """The processes of this run that still live."""
        ...

    def forget_end(self, run: str, workstream: str, attempt: str) -> None:
        """Let an attempt whose agent had ended count as interrupted: what the agent made is not there any more."""
        ...

    def set_aside(self, run: str, workstream: str, attempt: str) -> str:
        """Rename an attempt's folder, so that nobody takes it for one that was performed; its new name."""
        ...
