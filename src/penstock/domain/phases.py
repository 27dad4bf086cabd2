"""The phases of a pipeline as data: who is asked, what comes of it, what comes next. The graph is checked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from penstock.domain.errors import UserError

MOST_HOPS = 20
NOTHING: Mapping[str, Any] = MappingProxyType({})


class PhaseKind(StrEnum):
    """What performing a phase means."""

    ASK = "ask"
    """A role answers with an artifact."""
    RUN = "run"
    """The plan is run; its artifact is read from the tree, not from anybody's word."""
    JUDGE = "judge"
    """A role judges what the run has made, and may send it back."""
    DELIVER = "deliver"
    """The result is put where the user wants it."""


ARTIFACT_OF: Mapping[PhaseKind, str] = MappingProxyType(
    {
        PhaseKind.RUN: "proposed_change_set",
        PhaseKind.JUDGE: "qa_result",
        PhaseKind.DELIVER: "commit_result",
    }
)
"""The only type of artifact that can come of a phase; a role that is asked answers with any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePrompt:
    """What a role is told: one version of it. One version of a role is active."""

    id: str
    """`rp_…`"""
    role: str
    version: str
    starting_prompt: str = ""
    bootstrapper: str = ""
    instructions: str = ""
    working_schema: Mapping[str, Any] | None = None
    """Shown in place of the notation that is made from the artifact's model; None for roles that need no other."""
    template: str = ""
    """For roles whose text is a template of the engine (edit, fix, auditor): its name. Their text stays there."""
    is_active: bool = False
    created_at: datetime
    updated_at: datetime
    created_by: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseOptions:
    """What `config` of a phase may say. An unknown key is an error of the graph."""

    kind: PhaseKind = PhaseKind.ASK
    proposals: int = 1
    """So many answers are asked for; with more than one the role's mentor makes one of them."""
    requires_approval: bool = False
    """A person must approve before the phase is performed."""
    model: str = ""
    """In place of the model of the role."""
    max_tokens: int = 8192
    """The limit of an answer; after a cut-off it is asked once more with twice as many."""
    temperature: float | None = None
    returns_to: str = ""
    """For a judge: the phase that gets back what did not pass. It is not an edge of the graph."""
    max_returns: int = 3
    max_replans: int = 1
    """For a run: how often a plan that did not complete is made anew."""
    reasks: int = 2
    """How often an answer that is not valid is asked for again, with what is wrong with it."""
    sees: tuple[str, ...] | None = None
    """The types of the artifacts that are shown to the role; None: all that there are."""
    shows_code: bool = False
    """Whether the role is shown what there is of the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseConfiguration:
    """One phase."""

    id: str
    """`pc_…`"""
    phase: str
    role: str
    artifact_type: str
    next_phase: str | None
    """None: the last one."""
    is_active: bool = True
    config: Mapping[str, Any] = field(default_factory=lambda: NOTHING, hash=False)
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """Whether the phases form a graph that can be gone through, and all that is wrong with it."""

    errors: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors


class PhasesUnsound(UserError):
    """The configured phases can't be gone through."""


class NoSuchPhase(UserError):
    """A phase that the configuration does not have (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseGraph:
    """The active phases, checked: what one pipeline goes through."""

    first: str
    phases: Mapping[str, tuple[PhaseConfiguration, PhaseOptions]]

    @classmethod
    def of(cls, configurations: Iterable[PhaseConfiguration], roles: Iterable[str]) -> PhaseGraph:
        """The graph of the active ones, or PhasesUnsound with all that is wrong."""
        every = tuple(configurations)
        found = check_phases(every, roles)
        if not found.is_valid:
            raise PhasesUnsound(
                f"the phases can't be gone through: {'; '.join(found.errors)}",
                hint="see `penstock prompts phases`; `penstock prompts seed --phases` puts back what Penstock brings",
            )
        active = [one for one in every if one.is_active]
        return cls(
            first=_firsts(active)[0],
            phases={one.phase: (one, options_of(one.config)) for one in active},
        )

    def configuration(self, phase: str) -> PhaseConfiguration:
        """A phase, or NoSuchPhase."""
        return self._found(phase)[0]

    def options(self, phase: str) -> PhaseOptions:
        """What its `config` says, or NoSuchPhase."""
        return self._found(phase)[1]

    def _found(self, phase: str) -> tuple[PhaseConfiguration, PhaseOptions]:
        try:
            return self.phases[phase]
        except KeyError:
            known = ", ".join(self.phases)
            raise NoSuchPhase(f"there is no active phase {phase!r}; there are: {known}") from None


def check_phases(configurations: Iterable[PhaseConfiguration], roles: Iterable[str]) -> ValidationResult:
    """Roles have an active prompt, next phases exist, there is one beginning, one end, and no cycle."""
    active = [one for one in configurations if one.is_active]
    by_name = {one.phase: one for one in active}
    known_roles = frozenset(roles)
    errors = [*_faults_of_names(active), *_faults_of_options(active, by_name)]
    for one in active:
        if one.role not in known_roles:
            errors.append(f"{one.phase}: the role {one.role!r} has no active prompt")
        if one.next_phase is not None and one.next_phase not in by_name:
            errors.append(f"{one.phase}: the next phase {one.next_phase!r} does not exist or is not active")
    errors += _faults_of_way(active, by_name)
    return ValidationResult(errors=tuple(errors))


def options_of(config: Mapping[str, Any]) -> PhaseOptions:
    """What a `config` says; ValueError with the reason if it can't be understood."""
    known = PhaseOptions.__slots__
    if unknown := sorted(set(config) - set(known)):
        raise ValueError(f"config holds the unknown key {unknown[0]!r}; known are {', '.join(known)}")
    for name, value in config.items():
        _must_fit(name, value)
    sees = config.get("sees")
    kind = PhaseKind(config.get("kind", PhaseKind.ASK))
    return PhaseOptions(**{**config, "kind": kind, "sees": None if sees is None else tuple(sees)})


_RANGES: Mapping[str, tuple[int, int]] = {
    "proposals": (1, 9),
    "max_tokens": (256, 200_000),
    "max_returns": (0, 50),
    "max_replans": (0, 10),
    "reasks": (0, 10),
}


def _must_fit(name: str, value: object) -> None:
    if name in _RANGES:
        low, high = _RANGES[name]
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"config.{name} is {value!r}; possible is a whole number from {low} to {high}")
    elif name in ("requires_approval", "shows_code"):
        if not isinstance(value, bool):
            raise ValueError(f"config.{name} is {value!r}; possible are true and false")
    elif name == "sees":
        if value is not None and not (isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)):
            raise ValueError(f"config.{name} is {value!r}; possible is a list of types of artifacts")
    elif name == "temperature":
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2):
            raise ValueError(f"config.{name} is {value!r}; possible is a number from 0 to 2")
    elif name == "kind" and value not in tuple(PhaseKind):
        raise ValueError(f"config.kind is {value!r}; possible are {', '.join(PhaseKind)}")
    elif not isinstance(value, str):
        raise ValueError(f"config.{name} is {value!r}; a text is needed")


def _faults_of_names(active: list[PhaseConfiguration]) -> list[str]:
    names = [one.phase for one in active]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"{name} is configured more than once" for name in twice]


def _faults_of_options(active: list[PhaseConfiguration], by_name: Mapping[str, PhaseConfiguration]) -> list[str]:
    errors = []
    for one in active:
        try:
            options = options_of(one.config)
        except ValueError as error:
            errors.append(f"{one.phase}: {error}")
            continue
        if options.returns_to and options.returns_to not in by_name:
            errors.append(f"{one.phase}: what does not pass would go back to {options.returns_to!r}, which is no phase")
        if options.kind is PhaseKind.JUDGE and not options.returns_to:
            errors.append(f"{one.phase}: a judge needs returns_to, the phase that gets back what does not pass")
        needed = ARTIFACT_OF.get(options.kind, one.artifact_type)
        if one.artifact_type != needed:
            said = f"what comes of a phase of the kind {options.kind.value} is {needed}"
            errors.append(f"{one.phase}: {said}; it is configured with {one.artifact_type}")
    return errors


def _firsts(active: list[PhaseConfiguration]) -> list[str]:
    followers = {one.next_phase for one in active}
    return [one.phase for one in active if one.phase not in followers]


def _faults_of_way(active: list[PhaseConfiguration], by_name: Mapping[str, PhaseConfiguration]) -> list[str]:
    if not active:
        return ["no phase is active"]
    firsts = _firsts(active)
    if len(firsts) > 1:
        return [f"there is more than one beginning: {', '.join(firsts)}"]
    if not firsts:
        return ["there is a cycle: every phase follows another one"]
    seen: list[str] = []
    at: str | None = firsts[0]
    while at is not None and at in by_name:
        if at in seen:
            return [f"there is a cycle: {' → '.join([*seen[seen.index(at) :], at])}"]
        seen.append(at)
        if len(seen) > MOST_HOPS:
            return [f"more than {MOST_HOPS} phases follow one another"]
        at = by_name[at].next_phase
    lost = sorted(set(by_name) - set(seen))
    return [f"nothing leads to {', '.join(lost)}"] if lost else []
