"""What all agents of a project are made with, as one value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.agents import binaries
from penstock.adapters.processes.confiner import Confiner, unconfined
from penstock.domain.surroundings import child_environment

if TYPE_CHECKING:
    from penstock.adapters.agents.settings import AgentSettings
    from penstock.adapters.processes.launcher import Launcher
    from penstock.domain.redaction import Redactor
    from penstock.domain.tools import ToolProfile
    from penstock.ports import Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where agents work and what they are given."""

    launcher: Launcher
    environ: Mapping[str, str]
    redactor: Redactor
    confiner: Confiner = field(default_factory=unconfined)
    output_limit: int = 4 * 1024 * 1024
    profiles: Mapping[str, ToolProfile] = field(default_factory=dict)
    """Tool profiles, by their ids."""
    of_project: Collection[str] = ()
    """The profiles among them that a project's file gives."""
    agents_folder: Path | None = None
    """Where agents are installed for Penstock alone."""
    direct: Callable[[str, AgentSettings], Agent] | None = None
    """Makes the agent that is one direct call of a model; None where there is none."""

    @property
    def search_path(self) -> str:
        """Where programs are looked for: what a child is given."""
        return child_environment(self.environ, temporary="")["PATH"]

    def on_path(self, command: str) -> Path | None:
        """A program as a command names it."""
        return binaries.find(command, given=command, agents_folder=None, search_path=self.search_path)

    def binary(self, name: str, given: str) -> Path | None:
        """The program of an agent, if it is there."""
        return binaries.find(name, given=given, agents_folder=self.agents_folder, search_path=self.search_path)
