"""Git: Penstock's own repository of a project, and the user's working copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from penstock.domain.changes import Candidate, Change, Stamp, Verdict, Violation
from penstock.domain.copies import quickly_made
from penstock.domain.errors import WorldError
from penstock.ports.secrets import AddedLines


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a workstream of a run works."""

    run: str
    workstream: str
    branch: str


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What a worktree really holds after an agent, and what was tampered with outside its files."""

    candidate: Candidate
    """The snapshot of the whole content: also the candidate, if it is within scope."""
    ref: str
    changes: tuple[Change, ...]
    """From the workstream's base to the candidate."""
    tampering: tuple[Violation, ...] = ()
    litter: tuple[str, ...] = ()
    """Ignored files that nobody declared."""
    left_out: tuple[str, ...] = ()
    """Paths of nested repositories (their content is under a side path of the snapshot)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merge that git made without a conflict."""

    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicted:
    """A merge with conflicts: a commit of the tree with markers, and the paths."""

    candidate: Candidate
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What became of pushing the integration branch to the user's repository."""

    branch: str
    commit: str
    pushed: bool
    sentence: str = ""
    """Why it was not pushed; or what is worth knowing although it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preserved:
    """Proof that a worktree's content is kept: what deletes takes it as its argument."""

    place: Place
    commit: str | None
    """The snapshot, or None where the folder was moved aside whole or was empty."""
    ref: str | None
    moved_to: Path | None = None


class Workspace(Protocol):
    """Isolated worktrees: nothing in them is lost, nothing of them is believed."""

    async def prepare(self, place: Place, start: str | None) -> Path:
        """A worktree whose content is the commit `start`; what was there before is preserved first.

        None takes up the worktree as an earlier owner prepared it and an agent left it.
        """
        ...

    async def capture(self, place: Place, *, base: str, parent: str, declared: Sequence[str], stamp: Stamp) -> Capture:
        """Take the whole content as a commit on `parent`, and the changes since `base`; put back what was tampered
        with.
        """
        ...

    def checkout(
        self, run: str, commit: str, *, overlay: tuple[str, Sequence[str]] | None = None
    ) -> AbstractAsyncContextManager[Path]:
        """A clean checkout of a commit; `overlay` takes some paths from another commit instead."""
        ...

    async def preserve(self, place: Place, stamp: Stamp) -> Preserved:
        """Keep all that a worktree holds: as a snapshot, or by moving the folder aside."""
        ...

    async def remove(self, preserved: Preserved, *, recycle: bool = False) -> None:
        """Remove a worktree whose content is kept; with `recycle` its folder may serve the run's next workstream."""
        ...

    async def drop_checkouts(self, run: str) -> None:
        """Remove what a run that has ended kept for its next checks and workstreams."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file of a commit, as its tree names it."""

    path: str
    mode: str
    size: int
    """In bytes; 0 for a submodule."""
    identity: str
    """The same for the same content, wherever it lies."""


class HistoryLost(WorldError):
    """Penstock's own repository of a project, or a commit that a run made or needs, is not there any more."""


class Contents(Protocol):
    """What commits hold, read in bulk by who shows it to others: bounded, and nothing in it is obeyed."""

    async def listing(self, commit: str) -> tuple[Listed, ...]:
        """Every file of a commit, links and submodules too, in git's order."""
        ...

    async def contents(self, files: Sequence[Listed]) -> Mapping[str, bytes]:
        """What some listed files hold, by path. Links and submodules are left out, and what goes beyond the bounds."""
        ...

    async def diff(self, base: str, commit: str, *, max_bytes: int) -> str:
        """What differs, as a unified diff for readers: binary and very large files are named only. One that is longer
        ends at a whole line, and with a line of its own that says so.
        """
        ...


class History(Contents, Protocol):
    """What Penstock's own repository of a project holds: read-only."""

    async def candidate(self, commit: str) -> Candidate:
        """A commit with its tree."""
        ...

    async def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit, or None."""
        ...

    async def paths(self, commit: str) -> frozenset[str]:
        """All files of a commit."""
        ...

    async def changes(self, base: str, commit: str) -> tuple[Change, ...]:
        """What differs between two commits."""
        ...

    async def written(self, base: str, commit: str, *, on_the_way: bool = False) -> tuple[AddedLines, ...]:
        """The text of each file in a commit that is not the same in the base, as far as it is not too large.

        `on_the_way` also looks at the commits that lead from the one to the other: at all that a push would send.
        """
        ...

    async def patch(self, capture: Capture, base: str, target: Path) -> None:
        """Write the changes since `base` as a patch file, to be read by a person. A merge's capture has no ref."""
        ...


class Repository(Protocol):
    """What moves in Penstock's own repository of a project: merges, the integration branch, the way to the user's
    repository.
    """

    async def fetch(self, base_branch: str | None) -> tuple[str, str]:
        """Fetch from the user's repository; the base branch's name and commit."""
        ...

    async def merge(self, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """Merge a candidate onto a head, in memory."""
        ...

    async def take_back(self, base: str, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """Undo on a head, in memory, the merge of a candidate that was made since the base."""
        ...

    async def advance(self, verdict: Verdict) -> None:
        """Move the branch from the verdict's parent to its commit; finding it there already, or past it, is success."""
        ...

    async def create_branch(self, branch: str, commit: str) -> None:
        """Make the integration branch if it is not there."""
        ...

    async def clear_stale_locks(self) -> None:
        """Remove what killed git processes left: only after everything of an earlier owner is gone."""
        ...

    async def publish(self, branch: str, commit: str, base: str) -> Publication:
        """Push the branch, not forced, to the user's repository; never while it is checked out there.

        Where none of the user's branches holds the base any more, that is said.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFile:
    """A file of the user's that no commit holds."""

    path: str
    content: bytes
    is_executable: bool = False


class UserCheckout(Protocol):
    """The user's own working copy: looked at, never written."""

    async def uncommitted(self) -> tuple[str, ...]:
        """The tracked files that differ from their commit."""
        ...

    async def untracked(self, patterns: Sequence[str]) -> tuple[UserFile, ...]:
        """The regular files that git does not track and that patterns in the way of `.gitignore` name."""
        ...
