"""What `step` answers: the new run, what changed (said, not found by comparing), commands, and what to record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from penstock.domain.changes import Candidate, Verdict
from penstock.domain.commands import Command
from penstock.domain.copies import quickly_made
from penstock.domain.run import AttemptId, Run, Step


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An entry of the audit: what a reader of the events wants to see."""

    type: str
    workstream: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptBegan:
    """A row for a new attempt."""

    workstream: str
    attempt: AttemptId
    at: datetime
    start: str


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """How an attempt ended: success, failed, interrupted or rate_limited."""

    workstream: str
    attempt: AttemptId
    at: datetime
    status: str
    candidate: Candidate | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    confined: bool | None = None
    """Whether all its processes were; None where none ran or none is known of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSeen:
    """One more occurrence of an error."""

    workstream: str
    step: Step
    code: str
    signature: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRecorded:
    """A verdict, before anything is done with it."""

    verdict: Verdict


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Integrated:
    """The branch moved to a verdict's tree, for one workstream."""

    workstream: str
    verdict_id: str
    tree: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRecorded:
    """What a person decided."""

    workstream: str
    gate: int
    decision: str
    by: str
    note: str


Record: TypeAlias = AttemptBegan | AttemptEnded | ErrorSeen | VerdictRecorded | Integrated | ApprovalRecorded


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """All that follows from one event."""

    run: Run
    changed: tuple[int, ...] = ()
    """The ranks of the workstreams whose rows changed."""
    run_changed: bool = False
    commands: tuple[Command, ...] = ()
    notes: tuple[Note, ...] = ()
    records: tuple[Record, ...] = ()
