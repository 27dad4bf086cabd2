"""The `[agents.NAME]` sections. They belong to the user: a project only chooses among them by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from penstock.adapters.agents.model_profiles import ModelProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """One agent by its kind: a command (of its own or a tool profile's), or a script that is played."""

    kind: Literal["command", "scripted"] = "command"
    """A program that is called, or a script that is played."""
    tool: str = ""
    """The tool profile that says how to call it; empty: the profile of the agent's own name."""
    command: tuple[str, ...] = ()
    """How to call it instead of by a profile; the first word is the binary."""
    binary: str = ""
    """Where the profile's binary really is."""
    env: Mapping[str, str] = field(default_factory=dict)
    """What it sees besides the clean environment. Whoever names a key here gives it to the agent."""
    home: tuple[str, ...] = ()
    """What of your home folder a confined agent may use and write, like ".claude": else it has an empty home."""
    model: str = ""
    """The model that it is asked to use: what `{model_name}` of its profile stands for."""
    profiles: Mapping[str, ModelProfile] = field(default_factory=dict)
    """How aider works with each model, by the model's name; `default` is for all others."""
    memory_mb: int | None = field(default=None, metadata={"minimum": 0})
    """So much memory must be free before it starts; not set: what its profile says."""
    script: str = ""
    """The file that a scripted agent plays."""

    def __post_init__(self) -> None:
        if self.command and (self.tool or self.binary):
            raise ValueError("command already says what to run: leave out tool and binary")
        for name in self.home:
            if not name or name.startswith(("/", "~")) or {"..", "."} & set(name.split("/")):
                raise ValueError(f'home names "{name}"; it must be the name of something in your home folder')
        if self.kind == "command" and self.script:
            raise ValueError('script is played by kind = "scripted" only')
        if self.kind == "scripted" and (self.command or self.tool or self.binary):
            raise ValueError('kind = "scripted" plays its script: leave out command, tool and binary')


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsSettings:
    """All agents by their names."""

    agents: Mapping[str, AgentSettings] = field(default_factory=dict, metadata={"rest": True})
    """Each agent, by the name that plans call it."""
