"""What the architect writes: components, each with its file, its duties and its public interface."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.planning.artifacts.shape import Free, Identifier, Line, Lines, Many, Named, Prose, Shape, Shown


class MethodSpec(Shape):
    """One function or method that others may call."""

    name: Named
    purpose: Prose
    params: Annotated[Many[Free], Shown('[{"name":str,"type":str}]')]
    returns: Line
    raises: Lines = Field(default_factory=list)


class ComponentSpec(Shape):
    """One part of the whole."""

    name: Named
    purpose: Prose
    """One sentence."""
    file_path: Line
    size_estimate: int = 0
    """Lines of code."""
    responsibilities: Lines
    dependencies: Lines
    public_interface: Many[MethodSpec]
    error_handling: Lines
    test_count: int


class ArchitectureSpec(Shape):
    """An architecture."""

    epic_id: Identifier
    components: Many[ComponentSpec]
    adrs: Annotated[Many[Free], Shown('[{"id":str,"title":str,"decision":str,"rationale":str,"consequences":str}]')]
    """Decisions, in short."""
    test_strategy: Annotated[Free, Shown("{KIND:str}")]
    acceptance_criteria: Lines


ArchitectureDeliverable = ArchitectureSpec
