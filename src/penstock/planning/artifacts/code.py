"""What dev delivers: files with their content. A path that leaves the project is refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from penstock.domain.deliverable import path_fault
from penstock.planning.artifacts.shape import Line, Lines, Many, Shape

MOST_FILES = 5_000


def _inside_the_project(path: str) -> str:
    fault = path_fault(path)
    if fault is not None:
        raise ValueError(f"is {fault}")
    return path


class CodeFile(Shape):
    """One file."""

    path: Annotated[Line, AfterValidator(_inside_the_project)]
    """Relative to the top of the project."""
    content: str
    """All of it, as it stands in the file."""
    imports: Many[Line] = Field(default_factory=list)
    classes: Many[Line] = Field(default_factory=list)
    functions: Many[Line] = Field(default_factory=list)
    tests_required: Lines = Field(default_factory=list)


Files = Annotated[list[CodeFile], Field(max_length=MOST_FILES)]


class CodeDeliverable(Shape):
    """Code, its tests, and what it needs."""

    files: Files
    dependencies: Many[Line]
    """Packages to be installed."""
    test_files: Files
    migration_scripts: Files = Field(default_factory=list)


DeveloperDeliverable = CodeDeliverable
