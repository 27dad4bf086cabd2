"""What performing a command needs: the ports and the frozen settings of one run, handed to the steps as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from penstock.domain.branches import branch_of
from penstock.domain.changes import Stamp
from penstock.domain.commands import StartStep
from penstock.domain.plan import Check, Workstream
from penstock.domain.roles import Roles, model_for
from penstock.domain.run import AttemptId
from penstock.domain.setup import Setup
from penstock.engine.furnishing import Furnisher
from penstock.engine.making import Errand
from penstock.engine.prompts import PromptTemplates
from penstock.engine.redacting import Redact
from penstock.ports import (
    Agent,
    Clock,
    History,
    Journal,
    Models,
    Place,
    Repository,
    SecretGate,
    Slots,
    Supervision,
    Tools,
    Workspace,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """For which pipeline a run is made: its calls are counted there, and its branch is that of the pipeline."""

    pipeline: str
    phase: str
    role: str
    prompt: str = ""
    """The id of the version of the role's prompt that its workstreams were written by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """The settings of a run, taken from the project's base commit at its start and frozen."""

    static: tuple[Check, ...] = ()
    integrate: tuple[Check, ...] = ()
    groups: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    """What the test gates of workstreams name."""
    agent_timeout: float = 1800.0
    check_timeout: float = 600.0
    setup: Setup = field(default_factory=Setup)
    allow_unchecked: bool = False
    confine: str = "auto"
    """How strictly the run's processes are confined at least, whatever is set later."""
    branch_template: str = "ws/{change}/{workstream}-{run}"
    roles: Roles = field(default_factory=Roles)
    """Which models serve it."""
    prompts: PromptTemplates = field(default_factory=PromptTemplates)
    """By what its agents are told what to do."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """How many slots for each resource this machine has; for one that is not named there is no limit."""
    min_free_gb: float = 0.0
    replay_of: str = ""
    """The run that this one plays again from its recording; it is not pushed."""
    is_lenient: bool = False
    """A call that differs from the recorded one is answered all the same."""
    recording: str = ""
    """The recording that answers its calls although it is a run of its own."""
    commission: Commission | None = None
    """None for a run that somebody asked for himself."""
    max_calls: int = 200
    """So many model calls may one attempt make."""
    idle_timeout: float = 600.0
    """So many seconds may an agent give no sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run's surroundings."""

    run: str
    project: str
    branch: str
    settings: RunSettings
    workstreams: Mapping[str, Workstream]
    workspace: Workspace
    history: History
    repository: Repository
    agents: Mapping[str, Agent]
    tools: Tools
    supervision: Supervision
    furnisher: Furnisher
    models: Models
    slots: Slots
    journal: Journal
    clock: Clock
    secrets: SecretGate
    """What no change may hold."""
    redact: Redact
    """Takes secrets out of what is written down or given to an agent."""
    guide: str = ""
    """What the project itself tells agents, as it stood when the run began."""

    def model(self, command: StartStep) -> str:
        """The model of an attempt: what its role names for this round, else the agent's own."""
        named = model_for(self.settings.roles, command.attempt.step, command.attempt.number)
        return named or self.agents[command.workstream].model

    @property
    def part(self) -> str:
        """The run that agents are told of: a replay plays the part of another, or they would ask otherwise."""
        return self.settings.replay_of or self.run

    def place(self, workstream: Workstream) -> Place:
        """Where a workstream of this run works."""
        branch = branch_of(
            self.settings.branch_template, change=workstream.change, workstream=workstream.id, run=self.part
        )
        return Place(run=self.run, workstream=workstream.id, branch=branch)

    async def folder(self, place: str, key: str) -> Path:
        """The folder of an attempt of a workstream, or of a judgement."""
        return await self.supervision.folder(self.run, place, key)

    def marker(self, place: str, key: str) -> str:
        """The marker of its processes."""
        return self.supervision.marker(self.run, place, key)

    async def errand(self, place: str, key: str) -> Errand:
        """For whom its processes are started."""
        return Errand(folder=await self.folder(place, key), marker=self.marker(place, key))

    def trailer(self, workstream: str, attempt: AttemptId) -> str:
        """The line by which a commit names the attempt that it came from."""
        return f"Penstock-Attempt: {self.part}/{workstream}/{attempt.label}"

    def stamp(self, workstream: Workstream, attempt: AttemptId, subject: str, at: datetime) -> Stamp:
        """Message and time of a commit: the same for every repetition of the attempt."""
        change = f"Change: {workstream.change}\n" if workstream.change else ""
        return Stamp(message=f"{subject}\n\n{change}{self.trailer(workstream.id, attempt)}\n", at=at)
