"""The project's own sections of the settings. What configures an adapter is declared beside that adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from penstock.config.checks import ChecksSettings
from penstock.config.pipeline import PipelineSettings
from penstock.config.roles import PromptsSettings, RolesSettings
from penstock.config.server import ServerSettings
from penstock.config.values import AsWritten
from penstock.domain.breaker import BreakerLimits
from penstock.domain.breaker import StepLimits as StepLimitsInForce
from penstock.domain.budget import MOST_DOLLARS, MOST_TOKENS, Cap, micros_of
from penstock.domain.setup import Setup
from penstock.domain.tools import LONGEST_TIME

BRANCH_PARTS = frozenset({"change", "workstream", "run"})
_FIRST = {"minimum": 1}
_ZERO = {"minimum": 0}
_YEAR = {"maximum": LONGEST_TIME}
_MUCH = {"maximum": 1_000_000}
_STEPS = ("edit", "static", "runtime", "review", "integrate")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """The top of the tree: how a project is worked on."""

    base_branch: str = ""
    """Empty: found out from the repository."""
    workstreams_dir: str = "workstreams"
    """The folder of bundles, relative to the project."""
    agent: str = ""
    """The agent of workstreams that name none."""
    allow_unchecked: bool = False
    """Merge a workstream that no check and no acceptance speaks for."""
    require_clean_base: bool = False
    """Refuse to begin while the checkout holds changes that are not committed."""
    approvals: tuple[Literal["review", "gate"], ...] = ()
    """What waits for a person: every candidate (`review`), every higher gate (`gate`)."""
    allow_overlap: tuple[str, ...] = ()
    """Pairs of workstreams ("ws-a,ws-b") or paths that several scopes may share."""
    runners: tuple[str, ...] = ()
    """Words besides the known ones with which a line of acceptance is a command."""
    integrate_recheck: Literal["all", "touched"] = "all"
    """Whose acceptance each merged tree must pass: everybody's, or that of what the batch may have touched (then
    everybody's every 32 merges and at the run's end; one that is cancelled, or whose budget is spent, says that it was
    not asked).
    """
    worktree_root: Literal["state", "project"] = "state"
    """Where worktrees are: in Penstock's state folder, or in `.worktrees/` of the project."""
    branch: str = "ws/{change}/{workstream}-{run}"
    """The name of a workstream's own branch."""
    database: str = ""
    """A file's path or an address such as `postgresql://…`; empty: a file in the state folder."""
    tool_profiles_path: str = ""
    """A file of tool profiles that stands in for the project's own."""
    dry_run: bool = False
    """`run` shows what it would do and does nothing."""
    confine: Literal["auto", "required", "off"] = "auto"
    """Whether the system keeps agents and checks to their worktree; auto: where this machine can."""

    def __post_init__(self) -> None:
        parts = set(re.findall(r"\{([^{}]*)\}", self.branch))
        if unknown := parts - BRANCH_PARTS:
            raise ValueError(f"branch holds {{{min(unknown)}}}; possible are {{change}}, {{workstream}}, {{run}}")
        if not {"workstream", "run"} <= parts:
            raise ValueError("branch must hold {workstream} and {run}, else two worktrees would share a branch")
        if set("{}") & set(re.sub(r"\{[^{}]*\}", "", self.branch)):
            raise ValueError("branch holds a brace that belongs to no placeholder")

    @property
    def allowed_pairs(self) -> frozenset[frozenset[str]]:
        """The pairs of workstreams that may share paths."""
        pairs = ([part.strip() for part in item.split(",")] for item in self.allow_overlap if "," in item)
        return frozenset(frozenset(pair) for pair in pairs if len(pair) == 2)

    @property
    def allowed_paths(self) -> tuple[str, ...]:
        """The paths that several scopes may share."""
        return tuple(item for item in self.allow_overlap if "," not in item)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStep:
    """The limits of one step; what is not set comes from the defaults."""

    max_attempts_per_step: int | None = None
    """Red attempts of this step, the first counted."""
    max_fix_attempts_per_step: int | None = None
    """How often this step may be sent to fix."""

    def __post_init__(self) -> None:
        if self.max_attempts_per_step is not None and self.max_attempts_per_step < 1:
            raise ValueError("max_attempts_per_step must be at least 1")
        if self.max_fix_attempts_per_step is not None and self.max_fix_attempts_per_step < 0:
            raise ValueError("max_fix_attempts_per_step must be at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerDefaults:
    """The limits of every step that has none of its own."""

    max_attempts_per_step: int = field(default=3, metadata=_FIRST)
    """Red attempts of a step, the first counted; green ones don't count."""
    max_fix_attempts_per_step: int = field(default=2, metadata=_ZERO)
    """How often a step may be sent to fix."""
    max_attempts_per_error_signature: int = field(default=3, metadata=_ZERO)
    """How often the same error may come; 0 is no limit."""
    oscillation_window: int = field(default=4, metadata=_FIRST)
    """How many attempts back oscillation is looked for."""
    oscillation_threshold: int = field(default=2, metadata=_ZERO)
    """How often the same tree with the same errors may come within the window; 0 is no limit."""
    enable_fix_for_steps: tuple[Literal["static", "runtime"], ...] = ("static", "runtime")
    """The steps that are sent to fix when they are red; review and integrate always are."""


def _shipped_steps() -> Mapping[str, BreakerStep]:
    return {
        "static": BreakerStep(max_attempts_per_step=3, max_fix_attempts_per_step=2),
        "runtime": BreakerStep(max_attempts_per_step=2, max_fix_attempts_per_step=1),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a loop is stopped."""

    defaults: BreakerDefaults = field(default_factory=BreakerDefaults)
    """The limits of every step that has none of its own."""
    per_step: Mapping[str, BreakerStep] = field(default_factory=_shipped_steps)
    """The limits of single steps: edit, static, runtime, review, integrate."""

    def __post_init__(self) -> None:
        for name in self.per_step:
            if name not in _STEPS:
                raise ValueError(f'per_step names the unknown step "{name}"; possible are {", ".join(_STEPS)}')

    def limits(self) -> BreakerLimits:
        """The limits as the core knows them."""
        given, common = BreakerLimits(), self.defaults
        steps = {name: self._step(name) for name in ("static", "runtime", *self.per_step)}
        return BreakerLimits(
            **{name: steps.get(name, given.of_step(name)) for name in _STEPS},
            max_attempts_per_error_signature=common.max_attempts_per_error_signature,
            oscillation_window=common.oscillation_window,
            oscillation_threshold=common.oscillation_threshold,
            fix_enabled=common.enable_fix_for_steps,
        )

    def _step(self, name: str) -> StepLimitsInForce:
        own, common = self.per_step.get(name, BreakerStep()), self.defaults
        attempts, fixes = own.max_attempts_per_step, own.max_fix_attempts_per_step
        return StepLimitsInForce(
            max_attempts=common.max_attempts_per_step if attempts is None else attempts,
            max_fix_attempts=common.max_fix_attempts_per_step if fixes is None else fixes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """How much may run at once."""

    max_parallel: int = field(default=3, metadata=_FIRST)
    """Workstreams at once in one run; 1 is one after another."""
    agents: int | None = None
    """Agents at once on this machine, in all runs together; not set: 8, or max_parallel if that is more."""
    checks: int | None = None
    """Steps that run checks at once on this machine; not set: 4, or max_parallel if that is more."""
    disk: int = field(default=2, metadata=_FIRST)
    """Worktrees put away at once on this machine."""
    min_free_gb: float = field(default=1.0, metadata=_ZERO | _MUCH)
    """Nothing begins while less of the disk is free."""

    def __post_init__(self) -> None:
        for name, value in (("agents", self.agents), ("checks", self.checks)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, found {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """How long and how big things may get. Times are seconds of engine time."""

    agent_timeout: float = field(default=1800.0, metadata=_FIRST | _YEAR)
    """Seconds that one attempt of an agent may take."""
    agent_idle_timeout: float = field(default=600.0, metadata=_ZERO | _YEAR)
    """Seconds that an agent may neither print anything nor call a model; 0 is no limit."""
    max_calls: int = field(default=200, metadata=_FIRST | _MUCH)
    """Model calls that one attempt of an agent may make."""
    check_timeout: float = field(default=600.0, metadata=_FIRST | _YEAR)
    """Seconds that a check may take which has no limit of its own."""
    setup_timeout: float = field(default=1800.0, metadata=_FIRST | _YEAR)
    """Seconds that making an environment may take."""
    output_mb: int = field(default=4, metadata=_FIRST | _MUCH)
    """So much of a process's output is kept."""
    snapshot_ignored_mb: int = field(default=50, metadata=_ZERO | _MUCH)
    """Ignored files up to this are part of a snapshot; more makes the folder be moved aside."""
    keep_days: int = field(default=14, metadata=_ZERO)
    """Days that what was moved aside is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapSettings:
    """The most that may be spent; what is not set has no limit."""

    usd: float | None = None
    """Dollars."""
    tokens: int | None = None
    """Tokens, read and written."""

    def __post_init__(self) -> None:
        for name, value, most in (("usd", self.usd, MOST_DOLLARS), ("tokens", self.tokens, MOST_TOKENS)):
            if value is not None and not 0 <= value <= most:
                raise ValueError(f"{name} must be from 0 to {most:,.0f}, found {value}")

    @property
    def cap(self) -> Cap:
        """As the core knows it."""
        return Cap(tokens=self.tokens, micros=micros_of(self.usd))


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """What models may cost. `penstock budget show` says what was spent; `penstock budget set` caps what is there."""

    project: CapSettings = field(default_factory=CapSettings)
    """All runs of a project together."""
    pipeline: CapSettings = field(default_factory=CapSettings)
    """One epic on its whole way."""
    run: CapSettings = field(default_factory=CapSettings)
    """One run."""
    workstream: CapSettings = field(default_factory=CapSettings)
    """One workstream of a run; `max_cost_usd` of its bundle may lower it."""
    marks: tuple[int, ...] = (80, 95)
    """Percents of a cap at which people are told."""

    def __post_init__(self) -> None:
        if wrong := [mark for mark in self.marks if not 0 < mark <= 100]:
            raise ValueError(f"marks holds {wrong[0]}; possible are percents from 1 to 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupSettings:
    """What a checkout needs before it can be built and tested: made once per content of `inputs`, then shared."""

    commands: tuple[str, ...] = ()
    """Run one after another by a shell at the top of a clean checkout."""
    inputs: tuple[str, ...] = ()
    """The files that decide what the commands make: paths or patterns. A tree that changes one gets its own."""
    outputs: tuple[str, ...] = ()
    """The paths that the commands make and checkouts get, read-only: `.venv`, `node_modules`."""

    def __post_init__(self) -> None:
        if not self.commands and (self.inputs or self.outputs):
            raise ValueError("names inputs or outputs but no commands that would make something of them")
        for kind, patterns in (("input", self.inputs), ("output", self.outputs)):
            for pattern in patterns:
                parts = pattern.rstrip("/").split("/")
                if not all(parts) or {"..", ".", ".git"} & {*parts} or (kind == "output" and "**" in parts):
                    raise ValueError(f'names the {kind} "{pattern}"; possible are paths inside the project')

    def setup(self, timeout: float) -> Setup:
        """What is to be made, as the core knows it."""
        outputs = tuple(output.rstrip("/") for output in self.outputs)
        return Setup(commands=self.commands, inputs=self.inputs, outputs=outputs, timeout=timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerSettings:
    """How a change is taken apart into workstreams."""

    rules: Mapping[str, AsWritten] = field(default_factory=dict, metadata={"rest": True, "later": "the planner"})
    """Rules of decomposition, in any shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSettings:
    """What is logged, and how."""

    entries: Mapping[str, AsWritten] = field(default_factory=dict, metadata={"rest": True, "later": "the run logs"})
    """Settings of the logs, in any shape."""


PROJECT_SECTIONS: Mapping[str, type] = {
    "": ProjectSettings,
    "checks": ChecksSettings,
    "breakers": BreakerSettings,
    "executor": ExecutorSettings,
    "limits": LimitSettings,
    "budgets": BudgetSettings,
    "setup": SetupSettings,
    "roles": RolesSettings,
    "prompts": PromptsSettings,
    "pipeline": PipelineSettings,
    "server": ServerSettings,
    "planner": PlannerSettings,
    "logging": LoggingSettings,
}
"""The sections that every start of Penstock reads; `bootstrap` adds those of the adapters."""
