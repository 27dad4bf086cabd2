"""A workstream on its way from an artifact to a bundle, and the rules that it is held against. Values only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.domain.acceptance import RUNNERS
from penstock.domain.errors import AgentError
from penstock.domain.scope import ProtectedPaths

MOST_WORKSTREAMS = 200
MOST_PATHS = 300
LONGEST_COMMAND = 2000
Document = Mapping[str, Any]
"""A bundle, in the form in which a run stores it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """What the project and the pipeline say that decides what a plan may hold."""

    tool: str
    """The agent that does the work."""
    change: str
    """What the work belongs to: the epic's id."""
    protected: ProtectedPaths = field(default_factory=ProtectedPaths)
    """A plan that a model has written may not open these to itself."""
    files: Collection[str] | None = None
    """The files that there are before the run; None: nobody looked."""
    done: Collection[str] = ()
    """The ids of workstreams that are done on the pipeline's branch: not to be done again."""
    has_checks: bool = False
    """Whether the project has checks that every candidate must pass."""
    allow_unchecked: bool = False
    tool_commands: Collection[str] = ()
    runners: Collection[str] = RUNNERS
    make_targets: Collection[str] | None = None
    ignore_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan as bundles: the intake makes the plan of them that is run, and judges it like any other."""

    documents: tuple[Document, ...]
    warnings: tuple[str, ...] = ()


class PlanUnsound(AgentError):
    """What a model planned can't be run; `errors` are fit to be sent back to it."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = tuple(errors)
        count = len(self.errors)
        shown = "; ".join(self.errors[:3]) + (f"; and {count - 3} more" if count > 3 else "")
        super().__init__(
            f"the plan can't be run, for {count} reason{'' if count == 1 else 's'}: {shown}",
            hint="it is asked for again with these reasons; a person can also put a plan in its place",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A workstream before it is a bundle. Its paths are as they were written."""

    name: str
    """How its author calls it; what others wait for."""
    title: str
    component: str = ""
    tasks: tuple[str, ...] = ()
    files_scope: tuple[str, ...] = ()
    files_create: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    """Names of workstreams or components, as its author wrote them."""
    acceptance: tuple[str, ...] = ()
    """Commands, as far as they are some."""
    criteria: tuple[str, ...] = ()
    """Sentences for who reviews."""
    acceptance_files: tuple[str, ...] = ()
    notes: str = ""
    stories: tuple[str, ...] = ()
    most_paths: int = MOST_PATHS
    """So many may be in each list of them."""
