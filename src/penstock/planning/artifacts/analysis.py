"""What the ba writes: the stories made exact, and the workstreams in which they are built."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from penstock.planning.artifacts.shape import Identifier, Line, Lines, Many, Named, Prose, Shape, Shown, Wanted


class StorySpec(Shape):
    """A story, made exact."""

    story_id: Identifier
    title: Line
    acceptance_criteria: Lines


class DataModel(Shape):
    """Something that is kept, and its fields."""

    model: Named
    fields: Annotated[Many[Any], Shown("[str]")]


class WorkstreamSpec(Shape):
    """One unit of work as the ba sees it."""

    id: Identifier
    title: Line
    component: Annotated[Line, Wanted()] = ""
    stories: Annotated[Many[Line], Wanted()] = Field(default_factory=list)
    tasks: Annotated[Lines, Wanted()] = Field(default_factory=list)
    files_scope: Annotated[Many[Line], Wanted()] = Field(default_factory=list)
    """The paths that it may change."""
    files_create: Annotated[Many[Line], Wanted()] = Field(default_factory=list)
    """Those of them that are new."""
    depends_on: Annotated[Many[Line], Wanted()] = Field(default_factory=list)
    acceptance: Annotated[Lines, Wanted()] = Field(default_factory=list)
    """Commands that exit with 0 once it is done."""
    acceptance_files: Many[Line] = Field(default_factory=list)
    """Tests that are there and must not be changed."""


class Debt(Shape):
    """What a new plan gives up on purpose."""

    story_id: Line
    reason: Prose


class BASpec(Shape):
    """A specification and the plan that follows from it."""

    epic_id: Identifier
    stories: Many[StorySpec]
    data_models: Many[DataModel] = Field(default_factory=list)
    business_rules: Lines = Field(default_factory=list)
    workstreams: Annotated[Many[WorkstreamSpec], Wanted()] = Field(default_factory=list)
    debt: Many[Debt] = Field(default_factory=list)
