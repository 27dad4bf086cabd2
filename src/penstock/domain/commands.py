"""What shall be done, one union. Each has a key, unique in the store: doing it twice is the same as once.

`is_work` is true of what only an owner that works on the run performs; the rest finishes what is decided. `resource`
names the limit of the machine that a command counts against, if any.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypeAlias

from penstock.domain.changes import Candidate, Finding, Verdict
from penstock.domain.copies import quickly_made
from penstock.domain.run import AttemptId, Step

VERSION = 2
"""Of the shapes below."""


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class StartStep:
    """Make one attempt of edit, fix, static or runtime."""

    is_work: ClassVar[bool] = True
    workstream: str
    attempt: AttemptId
    base: str
    start: str
    candidate: Candidate | None
    agent_run: int
    at: datetime
    findings: tuple[Finding, ...] = ()
    note: str = ""
    not_before: datetime | None = None
    """When a usage limit is over."""

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"{self.workstream}/{self.attempt.key}"

    @property
    def resource(self) -> str:
        """Which limit of the machine it counts against."""
        return "agent" if self.attempt.step in (Step.EDIT, Step.FIX) else "check"


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A candidate of a batch."""

    workstream: str
    attempt: AttemptId
    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeMerge:
    """Chain the members onto the head, verify the last tree, say what is so. Without members: verify the head."""

    is_work: ClassVar[bool] = True
    resource: ClassVar[str] = "integration"
    place: ClassVar[str] = "_queue"
    """Where its records are kept beside those of the workstreams, whose ids can't begin so."""
    number: int
    members: tuple[Member, ...]
    head: str
    at: datetime
    is_whole: bool = True
    """The acceptance of everything merged before is asked, not only of what the batch may have touched."""

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"judge-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """Undo the members' merges on the head, verify the last tree, say what is so. `base` is where the run began."""

    is_work: ClassVar[bool] = False
    resource: ClassVar[str] = "integration"
    place: ClassVar[str] = "_queue"
    number: int
    members: tuple[Member, ...]
    base: str
    head: str
    at: datetime

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"take-back-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBranch:
    """Move the integration branch to the tree that the verdict is about."""

    is_work: ClassVar[bool] = False
    resource: ClassVar[str] = "branch"
    verdict: Verdict

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"move-{self.verdict.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishBranch:
    """Push the integration branch to the user's repository."""

    is_work: ClassVar[bool] = False
    resource: ClassVar[str] = "branch"
    commit: str
    number: int

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"publish-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSteps:
    """Stop everything of this run that runs."""

    is_work: ClassVar[bool] = False
    resource: ClassVar[str] = ""
    number: int

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"stop-{self.number}"


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWorktree:
    """Keep what a workstream's folder holds, then remove it; a failed one's folder stays for inspection."""

    is_work: ClassVar[bool] = False
    resource: ClassVar[str] = "disk"
    workstream: str
    number: int
    at: datetime

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"{self.workstream}/release-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensate:
    """Run one compensation action of a workstream that has failed for good, in the folder that was kept of it."""

    is_work: ClassVar[bool] = False
    resource: ClassVar[str] = "check"
    workstream: str
    round: int
    place: int
    """Which of the plan's actions it is, from 0; they are run from the last to the first."""
    action: str

    @property
    def label(self) -> str:
        """What its folder and its processes are called, in the manner of attempts."""
        prefix = "" if self.round == 1 else f"{self.round}."
        return f"{prefix}compensate-{self.place + 1}"

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"{self.workstream}/{self.label}"


Command: TypeAlias = (
    StartStep | JudgeMerge | TakeBack | MoveBranch | PublishBranch | StopSteps | ReleaseWorktree | Compensate
)
