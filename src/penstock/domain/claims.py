"""What somebody outside says of a run: written down as a claim. No state, no limit and no verdict follows from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from penstock.domain.breaker import signature
from penstock.domain.decision import AttemptBegan, AttemptEnded, ErrorSeen, Note
from penstock.domain.draft import Draft
from penstock.domain.refusals import EventRefused
from penstock.domain.run import AttemptId, Step

ENDS = ("success", "failed", "interrupted", "rate_limited")
"""How an attempt may have ended."""

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_MOST = 64 * 1024
_LONGEST = 200
"""Characters of what errors are told apart by: indexes of databases take no more than some thousand bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedEvent:
    """Something happened, by the name of its kind."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedError:
    """Something went wrong. Without a signature it is the one that we would give it."""

    step: Step
    code: str
    text: str
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedAttempt:
    """A step was tried, by somebody else."""

    step: Step
    status: str
    started_at: datetime
    completed_at: datetime
    result: Mapping[str, Any] = field(default_factory=dict)


Claim = ClaimedEvent | ClaimedError | ClaimedAttempt


def step_named(name: str) -> Step:
    """The step of a name."""
    try:
        return Step(name)
    except ValueError:
        raise EventRefused(f"there is no step {name!r}; possible are {', '.join(Step)}") from None


def moment_of(given: datetime | str) -> datetime:
    """A time as somebody gives it, in the form of RFC 3339 if it is a text."""
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise EventRefused(f"{given!r} is no time", hint="write it as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise EventRefused(f"the time {given} does not say its zone", hint="write it with Z or an offset")
    return moment


def take(draft: Draft, workstream: str, claims: tuple[Claim, ...]) -> None:
    """Write claims about the run or one of its workstreams down, all or none."""
    if workstream:
        draft.rank_of(workstream)
    for claim in claims:
        match claim:
            case ClaimedEvent():
                _event(draft, workstream, claim)
            case ClaimedError():
                _error(draft, workstream, claim)
            case ClaimedAttempt():
                _attempt(draft, workstream, claim)


def _event(draft: Draft, workstream: str, claim: ClaimedEvent) -> None:
    if not _NAME.fullmatch(claim.name):
        raise EventRefused(
            f"{claim.name!r} can't name a kind of event",
            hint="use small letters, digits, dots, dashes and underscores, at most 64, beginning with a letter",
        )
    payload = {**_small(claim.payload), "claimed": True}
    draft.notes.append(Note(type=claim.name, workstream=workstream, payload=payload))


def _error(draft: Draft, workstream: str, claim: ClaimedError) -> None:
    if not claim.code.strip():
        raise EventRefused("an error needs a code", hint="such as non_zero_exit, timeout or missing_binary")
    if max(len(claim.code), len(claim.signature)) > _LONGEST:
        raise EventRefused(f"the code and the signature of an error have at most {_LONGEST} characters each")
    named = claim.signature or signature(claim.code, claim.text)
    error = ErrorSeen(
        workstream=workstream, step=claim.step, code=claim.code, signature=named, message=claim.text[:_MOST]
    )
    draft.records.append(error)


def _attempt(draft: Draft, workstream: str, claim: ClaimedAttempt) -> None:
    """Its round is below zero: never one of ours, and numbered anew in each of them."""
    if not workstream:
        raise EventRefused("an attempt belongs to a workstream, and none is named")
    if claim.status not in ENDS:
        raise EventRefused(f"an attempt can't have ended {claim.status!r}; possible are {', '.join(ENDS)}")
    for moment in (claim.started_at, claim.completed_at):
        _must_be_a_time_everywhere(moment)
    rank = draft.rank_of(workstream)
    number = draft[rank].claimed + 1
    draft.put(rank, claimed=number)
    attempt = AttemptId(step=claim.step, number=number, round=-draft[rank].round)
    began = AttemptBegan(workstream=workstream, attempt=attempt, at=claim.started_at, start="")
    result = {**_small(claim.result), "claimed": True}
    ended = AttemptEnded(
        workstream=workstream, attempt=attempt, at=claim.completed_at, status=claim.status, result=result
    )
    draft.records += [began, ended]


def _must_be_a_time_everywhere(moment: datetime) -> None:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise EventRefused(f"the time {moment.isoformat()} can't be told in UTC") from None


def _small(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(repr(payload)) > _MOST:
        raise EventRefused(f"what was said is larger than {_MOST // 1024} KB", hint="say where it is instead")
    return payload
