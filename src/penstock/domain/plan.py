"""What shall be done: the one shape that every intake yields. A plan knows nothing of how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class AcceptanceKind(StrEnum):
    """What a line of acceptance was taken for (`acceptance.py` decides)."""

    COMMAND = "command"
    BUILTIN = "builtin"
    PROSE = "prose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One line of acceptance: a command, a sentence that we execute ourselves, or prose for the reviewer."""

    kind: AcceptanceKind
    text: str

    @property
    def is_checkable(self) -> bool:
        """True unless it is prose, which is never counted as passed."""
        return self.kind is not AcceptanceKind.PROSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One of the project's own checks: a shell command judged by its exit code."""

    name: str
    command: str
    timeout: float = 600.0
    success_codes: tuple[int, ...] = (0,)


class Priority(StrEnum):
    """Foreground goes first."""

    FOREGROUND = "foreground"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The paths that a workstream may change (`files`) and create (`create`): patterns as `scope.py` reads them."""

    files: tuple[str, ...]
    create: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """Everything that the workstream may touch."""
        return tuple(dict.fromkeys((*self.files, *self.create)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOverride:
    """What a workstream says of its own limits; None leaves the project's."""

    max_attempts: int | None = None
    max_error_repeats: int | None = None
    oscillation_threshold: int | None = None


NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Workstream:
    """One unit of work: tasks, scope, acceptance, agent, limits."""

    id: str
    title: str = ""
    tasks: tuple[str, ...]
    scope: Scope
    acceptance: tuple[Acceptance, ...] = ()
    acceptance_files: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    agent: str = ""
    gate: int = 1
    priority: Priority = Priority.FOREGROUND
    parallel_ok: bool = True
    conflict_group: str | None = None
    breaker: BreakerOverride = BreakerOverride()
    change: str = ""
    origin: Mapping[str, Any] = field(default_factory=lambda: NOTHING, hash=False)
    """What the intake read besides, kept for reports (openspec_change, ccpm_issue, metadata, agent settings)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Workstreams that form a graph. `allowed_overlaps` names pairs of ids that may share paths (never at once)."""

    title: str = ""
    workstreams: tuple[Workstream, ...]
    allowed_overlaps: frozenset[frozenset[str]] = frozenset()
