"""What shall be done, one union. Each has a key, unique in the store: doing it twice is the same as once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from penstock.domain.changes import Candidate, Finding, Verdict
from penstock.domain.run import AttemptId, Step

VERSION = 1
"""Of the shapes below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStep:
    """Make one attempt of edit, fix, static or runtime."""

    workstream: str
    attempt: AttemptId
    base: str
    start: str
    candidate: Candidate | None
    agent_run: int
    at: datetime
    findings: tuple[Finding, ...] = ()
    note: str = ""

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"{self.workstream}/{self.attempt.key}"

    @property
    def is_work(self) -> bool:
        """Whether only an owner that works on the run performs it."""
        return True

    @property
    def resource(self) -> str:
        """Which limit of the machine it counts against."""
        return "agent" if self.attempt.step in (Step.EDIT, Step.FIX) else "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A candidate of a batch."""

    workstream: str
    attempt: AttemptId
    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeMerge:
    """Chain the members onto the head, verify the last tree, say what is so."""

    number: int
    members: tuple[Member, ...]
    head: str
    at: datetime
    retry: int = 0

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"judge-{self.number}" + (f".{self.retry}" if self.retry else "")

    @property
    def is_work(self) -> bool:
        """Whether only an owner that works on the run performs it."""
        return True

    @property
    def resource(self) -> str:
        """Which limit of the machine it counts against."""
        return "integration"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBranch:
    """Move the integration branch to the tree that the verdict is about."""

    verdict: Verdict

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"move-{self.verdict.id}"

    @property
    def is_work(self) -> bool:
        """It finishes what is decided."""
        return False

    @property
    def resource(self) -> str:
        """Which limit of the machine it counts against."""
        return "branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishBranch:
    """Push the integration branch to the user's repository."""

    commit: str
    number: int

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"publish-{self.number}"

    @property
    def is_work(self) -> bool:
        """It finishes what is decided."""
        return False

    @property
    def resource(self) -> str:
        """Which limit of the machine it counts against."""
        return "branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSteps:
    """Stop everything of this run that runs."""

    number: int

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"stop-{self.number}"

    @property
    def is_work(self) -> bool:
        """It finishes what is decided."""
        return False

    @property
    def resource(self) -> str:
        """None: stopping waits for nothing."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWorktree:
    """Keep what a workstream's folder holds, then remove it; a failed one's folder stays for inspection."""

    workstream: str
    number: int
    at: datetime

    @property
    def key(self) -> str:
        """Unique in the run."""
        return f"{self.workstream}/release-{self.number}"

    @property
    def is_work(self) -> bool:
        """It finishes what is decided."""
        return False

    @property
    def resource(self) -> str:
        """Which limit of the machine it counts against."""
        return "disk"


Command: TypeAlias = StartStep | JudgeMerge | MoveBranch | PublishBranch | StopSteps | ReleaseWorktree
