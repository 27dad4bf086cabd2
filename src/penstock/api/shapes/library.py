"""The shapes of prompts and phases."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from penstock.api.shapes.common import Body, Moment, Told


class NewPrompt(Body):
    """Another version of what a role is told."""

    role_name: str = Field(min_length=1, max_length=64)
    version: str = Field(default="", max_length=16, description="Empty: the next one")
    starting_prompt: str = Field(default="", max_length=64_000)
    bootstrapper: str = Field(default="", max_length=64_000)
    instructions: str = Field(default="", max_length=64_000)
    working_schema: dict[str, Any] | None = None
    activate: bool = Field(default=True, description="In force from the next question on")
    created_by: str = Field(default="", max_length=128)
    notes: str = Field(default="", max_length=2000)


class Prompt(Told):
    """One version of what a role is told."""

    id: str
    role_name: str
    version: str
    starting_prompt: str
    bootstrapper: str
    instructions: str
    working_schema: dict[str, Any] | None
    template: str
    is_active: bool
    created_at: Moment
    updated_at: Moment
    created_by: str
    notes: str


class PromptDifference(Told):
    """What differs between two versions."""

    before: str
    after: str
    lines: list[str] = Field(description="As a unified diff")


class PutPhase(Body):
    """How a phase shall be."""

    role_name: str = Field(min_length=1, max_length=64)
    artifact_type: str = Field(min_length=1, max_length=64)
    next_phase: str | None = Field(default=None, max_length=64, description="null: the last one")
    is_active: bool = True
    config: dict[str, Any] = Field(default_factory=dict)


class Phase(Told):
    """One phase."""

    id: str
    phase_name: str
    role_name: str
    artifact_type: str
    next_phase: str | None
    is_active: bool
    config: dict[str, Any]
