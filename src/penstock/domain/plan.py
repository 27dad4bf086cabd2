"""What shall be done: the one shape that every intake yields. A plan knows nothing of how far it has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    """One line of acceptance or compensation: a command, a sentence that we execute ourselves, or prose for people."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TestGate:
    """A group of the project's checks that one workstream must pass besides those that all must."""

    __test__ = False  # not a test, for all that pytest sees in the name
    group: str
    """The name of the group in the settings: `[checks.unit]`."""
    required: bool = True
    """False: what of it can't be run here (an empty group, a missing program) is `not checked` instead of a failure."""
    blocking: bool = True
    """False: what is red of it is recorded and shown, stops nothing, and is never counted as passed."""

    @property
    def type(self) -> str:
        """The name by which bundles call it."""
        return f"GATE_{self.group.upper()}"

    def __str__(self) -> str:
        remarks = [
            word for word, said in (("optional", not self.required), ("not blocking", not self.blocking)) if said
        ]
        return f"{self.type} ({', '.join(remarks)})" if remarks else self.type


def strictest(gates: Iterable[TestGate]) -> tuple[TestGate, ...]:
    """One gate per group, with all that any of them demands: what a batch of workstreams must pass."""
    found: dict[str, TestGate] = {}
    for gate in gates:
        other = found.setdefault(gate.group, gate)
        required, blocking = gate.required or other.required, gate.blocking or other.blocking
        found[gate.group] = TestGate(group=gate.group, required=required, blocking=blocking)
    return tuple(found.values())


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
    test_gates: tuple[TestGate, ...] = ()
    compensation: tuple[Acceptance, ...] = ()
    """What undoes its traces outside the tree when it has failed for good: commands, and prose for people."""
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
