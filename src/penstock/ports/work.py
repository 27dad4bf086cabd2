"""Agents and tools: what works in a checkout."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from penstock.domain.copies import quickly_made
from penstock.domain.errors import WorldError
from penstock.domain.plan import Check, Workstream
from penstock.domain.tool_result import ToolResult
from penstock.ports.environments import Furnishing
from penstock.ports.models import Visit


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTask:
    """What an agent is asked: where, what, and for how long. The prompt never becomes a process argument."""

    worktree: Path
    folder: Path
    """The attempt's own folder, outside the worktree."""
    prompt: str
    marker: str
    timeout: float
    number: int
    """Which of the agent's turns at this workstream it is, over edits and fixes, from 1."""
    step: str
    workstream: Workstream
    furnishing: Furnishing = field(default_factory=Furnishing)
    visit: Visit | None = None
    """Its way to the models; None for an agent that calls none."""
    idle_timeout: float = 0.0
    """It is stopped after so many seconds without a sign of life: no output, no call. 0 is never."""


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """How the agent's process ended. What it did is read from the worktree, never from here."""

    ending: str
    """finished, failed, timed_out, idle, refused (by the models' door), lost, stopped, not_found or not_started."""
    exit_code: int | None = None
    sentence: str = ""
    output: str = ""
    duration: float = 0.0
    confined: bool = False
    claimed: str = ""
    """What it says it has used: evidence, never counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What is known of an agent on this machine."""

    name: str
    kind: str
    """command, scripted, model, or a known program."""
    binary: str = ""
    """Its program; empty where it has none or none was found."""
    version: str = ""
    """What the program says; empty where it is not asked or says nothing."""
    expected: str = ""
    """The version that was tried with Penstock."""
    protocols: tuple[str, ...] = ()
    model: str = ""
    """The model of its own settings."""
    fault: str = ""
    """Why it can't work, in a sentence; empty if it can."""
    remark: str = ""
    """What is worth saying though it can."""

    @property
    def is_usable(self) -> bool:
        """Whether it can work, as far as this machine goes; whether its model answers is the gateway's to say."""
        return not self.fault


class Agent(Protocol):
    """Something that edits a worktree."""

    @property
    def is_contained(self) -> bool:
        """True when nothing outside its worktree can hold on to it: the folder may then serve another workstream."""
        ...

    @property
    def memory_mb(self) -> int:
        """How much memory must be free before it starts."""
        ...

    @property
    def protocols(self) -> tuple[str, ...]:
        """Which upstreams' protocols it can speak, the one that suits it best first; none if it calls no models."""
        ...

    @property
    def model(self) -> str:
        """The model of its own settings, for roles that name none."""
        ...

    @property
    def max_calls(self) -> int:
        """How many calls one attempt of it may make; 0: as many as the limits say."""
        ...

    async def work(self, task: AgentTask) -> AgentReport:
        """Let it work; if an earlier owner saw this attempt's process end, report that one instead of running it
        again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """Where and for whom a tool runs. `folder`, outside the worktree, keeps the records of this one run."""

    worktree: Path
    folder: Path
    marker: str
    model_name: str = ""
    prompt_file: Path | None = None
    message: str | None = None
    furnishing: Furnishing = field(default_factory=Furnishing)


class ProcessLost(WorldError):
    """A process was gone before its end, and nobody knows what it would have come to: nobody's failure."""


class Tools(Protocol):
    """Tools and commands of the project, run where we say, without secrets."""

    @property
    def confined(self) -> bool:
        """Whether what runs is confined to its worktree by the system."""
        ...

    async def run_tool(self, tool_id: str, context: ToolContext) -> ToolResult:
        """Run a tool by its profile."""
        ...

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        """Run a check, a line of acceptance or of compensation by the shell; `ProcessLost` if its keeper was killed."""
        ...
