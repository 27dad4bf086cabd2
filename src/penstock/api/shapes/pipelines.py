"""The shapes of pipelines, their artifacts and findings, and of what is asked of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from penstock.api.shapes.common import Body, Holder, Moment, Note, Role, Told, Who


class NewPipeline(Body):
    """A wish in words, by a name of its own or without one."""

    description: str = Field(default="", max_length=50_000)
    epic_id: str = Field(default="", max_length=128)
    context: dict[str, Any] = Field(
        default_factory=dict, description="Shown to the phases; `token_budget` is when you are told of its tokens"
    )


class Decision(Body):
    """Who decides, and why."""

    by: Who = ""
    note: Note = ""


class NewArtifact(Body):
    """A person's own artifact in place of a phase's."""

    artifact_type: str = Field(min_length=1, max_length=64)
    payload: dict[str, Any]
    role: Role = ""
    phase: str = Field(default="", max_length=64, description="A phase that is configured; empty: the present one")


class Created(Told):
    """What was made."""

    pipeline_id: str
    warnings: list[str]


class StoredArtifact(Told):
    """An artifact that was stored."""

    artifact_id: str


class AdvancedTo(Told):
    """What performing a phase came to."""

    pipeline_id: str
    previous_phase: str
    current_phase: str = Field(description="Empty once it has ended")
    state: str
    status: str
    sentence: str
    is_over: bool = Field(description="False: the phase was begun and is performed in the background")


class Pipeline(Told):
    """A pipeline as lists show it."""

    pipeline_id: str
    project: str
    epic_id: str
    description: str
    state: str
    current_phase: str
    status: str = Field(description="active, waiting, complete or failed")
    reason: str | None
    sentence: str
    branch: str
    run_id: str | None
    token_budget: int
    created_at: Moment
    updated_at: Moment
    completed_at: Moment | None


class Move(Told):
    """One move of a pipeline."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    timestamp: Moment
    reason: str


class PhaseAttempt(Told):
    """One try of one phase."""

    id: str
    phase: str
    role_name: str
    number: int
    round: int
    started_at: Moment
    ended_at: Moment | None
    outcome: str


class ArtifactHead(Told):
    """An artifact without what is in it."""

    artifact_id: str
    artifact_type: str
    phase: str
    mentor_role: str
    origin: str = Field(description="human, model or tree")
    validation_status: str
    created_at: Moment


class Artifact(ArtifactHead):
    """An artifact with its JSON and the documents made from it."""

    pipeline_id: str
    warnings: list[str]
    payload: dict[str, Any]
    markdown: str
    html: str


class WholePipeline(Pipeline):
    """A pipeline with its way until now."""

    phase_history: list[Move]
    attempts: list[PhaseAttempt]
    artifacts: list[ArtifactHead]
    worked_on: Holder | None


class PipelineEvent(Told):
    """Something that happened to a pipeline."""

    id: int
    type: str
    at: Moment
    payload: dict[str, Any]


class Finding(Told):
    """A finding about quality."""

    id: str
    source: str
    severity: str
    category: str
    description: str
    is_debt: bool
    at: Moment
