"""The `[agents.NAME]` sections. They belong to the user: a project only chooses among them by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from penstock.adapters.agents.model_profiles import ModelProfile

if TYPE_CHECKING:
    from penstock.ports import AgentTask

Kind = Literal["command", "scripted", "aider", "claude", "codex", "opencode", "model"]
BUILT_IN: tuple[Kind, ...] = ("aider", "claude", "codex", "opencode", "model")
"""Agents that need no configuration: each by the name of its kind."""
_OF_PROVIDERS = ("ANTHROPIC_", "OPENAI_", "CLAUDE_CODE_USE_", "AIDER_", "CODEX_", "OPENCODE_", "PENSTOCK_")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """One agent by its kind: a command (of its own or a tool profile's), a script, or a known program."""

    kind: Kind | None = None
    """What it is; not set: what its name says, else a command."""
    tool: str = ""
    """The tool profile that says how to call it; empty: the profile of the agent's own name."""
    command: tuple[str, ...] = ()
    """How to call it instead of by a profile; the first word is the binary."""
    binary: str = ""
    """Where its binary really is; empty: in `agents/bin` of PENSTOCK_HOME, or on PATH."""
    args: tuple[str, ...] = ()
    """Arguments that are added to its own."""
    env: Mapping[str, str] = field(default_factory=dict)
    """What it sees besides the clean environment. Whoever names a key here gives it to the agent."""
    home: tuple[str, ...] = ()
    """What of your home folder a confined agent may use and write, like ".claude": else it has an empty home."""
    model: str = ""
    """The model that it is asked to use, for roles that name none: what `{model_name}` of its profile stands for."""
    profiles: Mapping[str, ModelProfile] = field(default_factory=dict)
    """How aider works with each model, by the model's name; `default` is for all others."""
    gateway: bool = False
    """Gives a command a way to the models: PENSTOCK_GATEWAY_URL and PENSTOCK_GATEWAY_KEY, or `{gateway_url}` and
    `{gateway_key}`. The other kinds have theirs.
    """
    max_calls: int | None = field(default=None, metadata={"minimum": 1})
    """Model calls that one attempt may make; not set: what the limits say."""
    idle_timeout: float | None = field(default=None, metadata={"minimum": 0})
    """Seconds that it may neither print anything nor call a model, 0 for ever; not set: what the limits say."""
    memory_mb: int | None = field(default=None, metadata={"minimum": 0})
    """So much memory must be free before it starts; not set: what its profile says or its kind takes."""
    script: str = ""
    """The file that a scripted agent plays."""

    def __post_init__(self) -> None:
        if self.command and (self.tool or self.binary):
            raise ValueError("command already says what to run: leave out tool and binary")
        for name in self.home:
            if not name or name.startswith(("/", "~")) or {"..", "."} & set(name.split("/")):
                raise ValueError(f'home names "{name}"; it must be the name of something in your home folder')
        if self.script and self.kind not in {None, "scripted"}:
            raise ValueError('script is played by kind = "scripted" only')
        if self.kind == "scripted" and (self.command or self.tool or self.binary):
            raise ValueError('kind = "scripted" plays its script: leave out command, tool and binary')
        if self.kind in BUILT_IN and (self.command or self.tool or self.gateway):
            raise ValueError(f'kind = "{self.kind}" knows how to call it: leave out command, tool and gateway')
        if self.kind in {"scripted", "model"} and self.args:
            raise ValueError(f'kind = "{self.kind}" starts no program of yours: leave out args')

    def kind_of(self, name: str) -> Kind:
        """What an agent of that name is by these settings."""
        if self.kind is not None:
            return self.kind
        if self.script:
            return "scripted"
        is_own = bool(self.command or self.tool or self.gateway)
        return next((kind for kind in (*BUILT_IN, "scripted") if kind == name and not is_own), "command")

    def idle_limit(self, task: AgentTask) -> float:
        """For how long it may be silent."""
        return task.idle_timeout if self.idle_timeout is None else self.idle_timeout

    @property
    def bypasses(self) -> tuple[str, ...]:
        """Variables of its `env` by which it would call other models, or with another key, than the gateway's."""
        return tuple(name for name in self.env if name.upper().startswith(_OF_PROVIDERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsSettings:
    """All agents by their names."""

    agents: Mapping[str, AgentSettings] = field(default_factory=dict, metadata={"rest": True})
    """Each agent, by the name that plans call it."""
