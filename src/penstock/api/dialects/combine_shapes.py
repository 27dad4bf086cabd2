"""The shapes of the Combine's dialect."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from penstock.api.shapes.common import Moment, Role, Told
from penstock.api.shapes.pipelines import Move


class NewEpic(BaseModel):
    """An epic by its id, by its description, or by both. What else old clients send is not read."""

    model_config = ConfigDict(extra="ignore")

    epic_id: str | None = Field(default=None, max_length=128)
    epic_description: str | None = Field(default=None, max_length=50_000)
    initial_context: dict[str, Any] | None = None


class GivenArtifact(BaseModel):
    """A person's own artifact."""

    model_config = ConfigDict(extra="ignore")

    phase: str = Field(default="", max_length=64, description="A phase that is configured; empty: the present one")
    mentor_role: Role = ""
    artifact_type: str = Field(min_length=1, max_length=64)
    payload: dict[str, Any]


class CombinePipeline(Told):
    """A pipeline that was made."""

    pipeline_id: str
    epic_id: str
    state: str
    status: str
    current_phase: str
    created_at: Moment
    updated_at: Moment
    warnings: list[str]


class CombineArtifact(Told):
    """An artifact as a pipeline shows it."""

    artifact_id: str
    artifact_type: str
    phase: str
    mentor_role: str
    validation_status: str
    created_at: Moment
    payload: dict[str, Any]


class CombineStatus(Told):
    """A pipeline with what came of it."""

    pipeline_id: str
    epic_id: str
    state: str
    status: str
    current_phase: str
    created_at: Moment
    updated_at: Moment
    completed_at: Moment | None
    artifacts: dict[str, CombineArtifact]
    phase_history: list[Move]


class CombineAdvanced(Told):
    """What performing a phase came to."""

    pipeline_id: str
    previous_phase: str
    current_phase: str
    state: str
    status: str
    updated_at: Moment
    sentence: str


class ListedArtifact(Told):
    """An artifact of a list."""

    artifact_id: str
    pipeline_id: str
    artifact_type: str
    content: dict[str, Any]
    created_at: Moment


class ArtifactList(Told):
    """Artifacts as a list."""

    artifacts: list[ListedArtifact]


class StoredByHand(ListedArtifact):
    """An artifact that a person gave."""

    origin: str
