"""An epic's way through the phases: frozen values, and the only functions that move one. Pure: the time is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from penstock.domain.phases import NOTHING, PhaseGraph
from penstock.domain.states import TERMINAL_PIPELINE, PipelineMove, PipelineStatus, Reason, pipeline_moved

IDLE = "idle"
"""The state before the first phase."""
HUMAN, MODEL, TREE = "human", "model", "tree"
"""Whose an artifact is; one of `tree` was read from what a run has really made."""
STOPPED = "stopped"
"""The outcome of an attempt that something else than its answers stood in the way of: it is gone on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """How far an epic has come."""

    id: str
    """`pip_…`"""
    project: str
    project_path: str
    epic_id: str
    description: str
    context: Mapping[str, Any] = field(default_factory=lambda: NOTHING, hash=False)
    """What whoever made it gave along."""
    phase: str
    """The phase that is to be performed next; once the pipeline has ended, the one that it ended in."""
    status: PipelineStatus = PipelineStatus.ACTIVE
    reason: Reason | None = None
    sentence: str = ""
    """Why it failed or waits, in words."""
    round: int = 1
    """Which round of the run phase it is: after each return and each new plan there is another."""
    returns: int = 0
    replans: int = 0
    approved: tuple[str, ...] = ()
    """The phases that a person has approved since they were last entered."""
    branch: str
    base: str = ""
    """The commit of the project that the pipeline works from."""
    head: str = ""
    """The last verified commit of its branch; empty before its first run has merged anything."""
    run: str = ""
    """Its latest run."""
    wanted: str = ""
    """The phase that somebody has asked to be performed and that is not over: taken up again after a restart."""
    token_budget: int = 20_000
    alerted_at: datetime | None = None
    """When its tokens first exceeded the budget."""
    alerted_tokens: int = 0
    generation: int = 0
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None

    @property
    def state(self) -> str:
        """The name of its phase while it is on its way, else how it ended."""
        return self.status.value if self.status in TERMINAL_PIPELINE else self.phase

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL_PIPELINE

    @property
    def run_of_round(self) -> str:
        """The id of the run that this round has, or will have."""
        return f"{self.id}-r{self.round}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One move of a pipeline: a row for people, never changed."""

    source: str
    target: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a phase came to: the validated JSON, and the documents made from it. Kept for ever; the newest counts."""

    id: str
    """`art_…`"""
    pipeline: str
    type: str
    phase: str
    role: str
    origin: str
    """human, model or tree."""
    prompt: str = ""
    """The id of the version of the prompt that made it."""
    attempt: str = ""
    strategy: str = ""
    """By which way the JSON was found in the model's text."""
    status: str = "valid"
    warnings: tuple[str, ...] = ()
    payload: Mapping[str, Any]
    markdown: str
    html: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseAttempt:
    """One try of one phase, stored with what is asked before anything is: a restart asks the same again."""

    id: str
    """`pha_…`"""
    pipeline: str
    phase: str
    role: str
    number: int
    """Which try of this phase it is, from 1."""
    round: int
    prompt: str = ""
    """The id of the version of the role's prompt."""
    model: str = ""
    stable: str = ""
    """The part of what is asked that is the same for every epic: cached by those who can."""
    asked: str = ""
    """The part about this epic."""
    run: str = ""
    """The run that performs it, for a phase that is a run."""
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    """passed, returned, replanned or failed; empty while it is under way; STOPPED if it can go on with its answers."""
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a model answered, kept before it is read: it is never paid again."""

    attempt: str
    voice: str
    """Whose: `1` and so on for proposals, `mentor` for who makes one of them, `replan` for a new plan."""
    number: int
    """Which answer of this voice, from 1."""
    text: str
    stop: str
    """done, length, refused or other."""
    model: str = ""
    strategy: str = ""
    errors: tuple[str, ...] = ()
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineNote:
    """Something that happened to a pipeline, for whoever follows it."""

    type: str
    """One of NOTES."""
    payload: Mapping[str, Any] = field(default_factory=lambda: NOTHING, hash=False)
    at: datetime


NOTES = (
    *("pipeline_created", "phase_wanted", "phase_started", "answer_kept", "artifact_stored", "phase_passed"),
    *("phase_returned", "phase_replanned", "phase_failed", "approval_asked", "approved", "run_started", "run_ended"),
    *("budget_alert", "pipeline_completed", "pipeline_failed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A finding about quality that outlives the phase which made it."""

    id: str
    """`iss_…`"""
    project: str
    pipeline: str = ""
    run: str = ""
    source: str
    """qa, or replan for what was accepted as debt."""
    severity: str
    category: str
    description: str
    location: str = ""
    fix_required: bool = False
    is_debt: bool = False
    at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A pipeline after a move, and the move itself."""

    pipeline: Pipeline
    transition: Transition


def begun(pipeline: Pipeline, at: datetime) -> Moved:
    """A new pipeline enters its first phase."""
    return Moved(
        pipeline=pipeline,
        transition=Transition(source=IDLE, target=pipeline.phase, at=at, reason="created"),
    )


def passed(pipeline: Pipeline, graph: PhaseGraph, at: datetime, reason: str = "") -> Moved:
    """Its phase was performed: on to the next one, or to the end."""
    after = graph.configuration(pipeline.phase).next_phase
    if after is None:
        return _moved(pipeline, PipelineMove.FINISHED, at, reason or "the last phase was performed", completed_at=at)
    return _moved(pipeline, PipelineMove.PASSED, at, reason or "performed", phase=after)


def returned(pipeline: Pipeline, graph: PhaseGraph, at: datetime, reason: str) -> Moved:
    """What the run made did not pass: back, unless that was done as often as it may be."""
    options = graph.options(pipeline.phase)
    if pipeline.returns >= options.max_returns:
        return failed(
            pipeline,
            at,
            Reason.REQUIRES_HUMAN_REVIEW,
            f"it was sent back {pipeline.returns} times and still does not pass: {reason}",
        )
    return _moved(
        pipeline,
        PipelineMove.RETURNED,
        at,
        reason,
        phase=options.returns_to,
        returns=pipeline.returns + 1,
        round=pipeline.round + 1,
    )


def replanned(pipeline: Pipeline, at: datetime, reason: str) -> Moved:
    """Its run did not complete and there is another plan: the same phase, another round."""
    return _moved(pipeline, PipelineMove.REPLANNED, at, reason, replans=pipeline.replans + 1, round=pipeline.round + 1)


def may_replan(pipeline: Pipeline, graph: PhaseGraph) -> bool:
    """Whether another plan may be made for a run that did not complete."""
    return pipeline.replans < graph.options(pipeline.phase).max_replans


def failed(pipeline: Pipeline, at: datetime, reason: Reason, sentence: str) -> Moved:
    """It ends here, with a reason and a sentence."""
    return _moved(
        pipeline,
        PipelineMove.GAVE_UP,
        at,
        reason.value,
        reason_=reason,
        sentence=sentence,
        completed_at=at,
    )


def approval_asked(pipeline: Pipeline, at: datetime, sentence: str) -> Pipeline:
    """It waits until a person approves its phase."""
    status = pipeline_moved(pipeline.status, PipelineMove.APPROVAL_ASKED)
    return replace(pipeline, status=status, sentence=sentence, wanted="", updated_at=at)


def approved(pipeline: Pipeline, at: datetime) -> Pipeline:
    """A person has approved its phase."""
    status = pipeline_moved(pipeline.status, PipelineMove.APPROVED)
    phases = tuple(dict.fromkeys((*pipeline.approved, pipeline.phase)))
    return replace(pipeline, status=status, approved=phases, sentence="", updated_at=at)


def _moved(
    pipeline: Pipeline,
    move: PipelineMove,
    at: datetime,
    why: str,
    *,
    phase: str = "",
    reason_: Reason | None = None,
    **changes: Any,
) -> Moved:
    status = pipeline_moved(pipeline.status, move)
    entered = phase or pipeline.phase
    after = replace(
        pipeline,
        **{"sentence": "", **changes},
        status=status,
        phase=entered,
        reason=reason_,
        approved=tuple(name for name in pipeline.approved if name != entered),
        wanted="",
        updated_at=at,
    )
    return Moved(
        pipeline=after, transition=Transition(source=pipeline.state, target=after.state, at=at, reason=why[:256])
    )
