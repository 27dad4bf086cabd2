"""What the pm writes: a wish in words as stories that can be accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from penstock.planning.artifacts.shape import Identifier, Lines, Prose, Shape, Shown, Title

Priority = Literal["critical", "high", "medium", "low"]
FEWEST_HOURS, MOST_HOURS = 1, 40
"""A story outside of them is worth a remark."""


class Story(Shape):
    """One thing that somebody wants."""

    id: Identifier
    title: Title
    user_story: Annotated[Prose, Shown('"As a …, I want …, so that …"')]
    acceptance_criteria: Lines
    estimate_hours: int
    priority: Priority

    def remarks(self) -> Iterator[str]:
        """Also an estimate that is unlikely."""
        yield from super().remarks()
        if not FEWEST_HOURS <= self.estimate_hours <= MOST_HOURS:
            yield f"estimate_hours is {self.estimate_hours}; {FEWEST_HOURS} to {MOST_HOURS} are usual"


class EpicSpec(Shape):
    """An epic."""

    other_names: ClassVar[Mapping[str, str]] = {"risks_and_assumptions": "risks"}

    epic_id: Identifier
    title: Title
    goal: Annotated[str, Field(max_length=500)]
    """One sentence."""
    success_criteria: Annotated[Lines, Field(min_length=1)]
    stories: Annotated[list[Story], Field(min_length=1, max_length=500)]
    out_of_scope: Lines = Field(default_factory=list)
    risks: Lines = Field(default_factory=list)
    total_estimate_hours: Annotated[int, Field(gt=0)]

    def remarks(self) -> Iterator[str]:
        """Also a total that is not the sum, and ids that are given twice."""
        yield from super().remarks()
        total = sum(story.estimate_hours for story in self.stories)
        if total != self.total_estimate_hours:
            yield f"total_estimate_hours is {self.total_estimate_hours}, but the stories sum up to {total}"
        ids = [story.id for story in self.stories]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            yield f"more than one story has the id {twice[0]}"
