"""What `bootstrap` builds for the use cases: the ports of a process, and those of one project."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from penstock.config.settings import Settings
from penstock.domain.plan import Workstream
from penstock.domain.redaction import Redactor
from penstock.domain.tools import ToolProfile
from penstock.ports import (
    Agent,
    AgentFacts,
    Asker,
    Clock,
    Environments,
    History,
    Journal,
    Ledger,
    Locks,
    Models,
    Repository,
    SecretGate,
    Slots,
    Supervision,
    Tools,
    UserCheckout,
    Views,
    Workspace,
)
from penstock.ports.library import LibraryViews, Notifier, Pipelines, Prompts, Replies, UsageReports
from penstock.upkeep import Attempts, Commits, Mending, Remains, Worktrees


class Trust(Protocol):
    """What the user lets each project run."""

    def is_known(self, project: str) -> bool:
        """Whether the user has ever trusted the project."""
        ...

    def is_trusted(self, project: str, text: str) -> bool:
        """Whether exactly this may run."""
        ...

    def record(self, project: str, text: str, at: datetime) -> None:
        """Trust exactly this from now on."""
        ...

    def difference(self, project: str, text: str) -> str:
        """What would run now and was not trusted yet, for people."""
        ...


class AllViews(Views, LibraryViews, UsageReports, Protocol):
    """Every read-only question to the store."""


class ProjectParts(Protocol):
    """The ports of one project."""

    @property
    def workspace(self) -> Workspace: ...
    @property
    def history(self) -> History: ...
    @property
    def repository(self) -> Repository: ...
    @property
    def tools(self) -> Tools: ...
    @property
    def environments(self) -> Environments: ...
    @property
    def checkout(self) -> UserCheckout: ...
    @property
    def supervision(self) -> Supervision: ...
    @property
    def redactor(self) -> Redactor: ...
    @property
    def secrets(self) -> SecretGate: ...
    @property
    def worktrees(self) -> Worktrees: ...
    @property
    def remains(self) -> Remains: ...
    @property
    def mending(self) -> Mending: ...
    @property
    def commits(self) -> Commits: ...
    @property
    def attempts(self) -> Attempts: ...

    @property
    def min_free_gb(self) -> float: ...
    def confine(self, mode: str) -> str:
        """Confine what is started from now on at least as strictly as this; why it can't be done, or nothing.

        A WorldError where it is required and impossible.
        """
        ...

    def agent(self, workstream: Workstream) -> Agent:
        """The agent that a workstream names: an agent of the user, else a tool profile of type `ai`, else an error
        listing both.
        """
        ...

    async def inspect(self, agent: str) -> AgentFacts:
        """Whether an agent could work here."""
        ...

    def agent_names(self) -> list[str]:
        """The agents that could be named."""
        ...


class Parts(Protocol):
    """The ports of this process."""

    @property
    def home(self) -> Path: ...
    @property
    def folder(self) -> Path:
        """Where the user stands."""
        ...

    @property
    def clock(self) -> Clock: ...
    @property
    def locks(self) -> Locks: ...
    @property
    def slots(self) -> Slots: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def views(self) -> AllViews: ...
    @property
    def pipelines(self) -> Pipelines: ...
    @property
    def prompts(self) -> Prompts: ...
    @property
    def replies(self) -> Replies: ...
    @property
    def trust(self) -> Trust: ...
    @property
    def redactor(self) -> Redactor: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def asker(self) -> Asker:
        """Asks models in the names of roles."""
        ...

    @property
    def notifier(self) -> Notifier: ...

    @property
    def models(self) -> Models:
        """The door to every model; it opens when the first agent comes."""
        ...

    def hide_keys(self) -> None:
        """Let nobody read from this process's surroundings which secrets it was started with."""
        ...

    @property
    def confinement_fault(self) -> str:
        """Why this machine can't confine processes; empty if it can."""
        ...

    def doubt_about_caller(self, client: tuple[str, int], server: tuple[str, int]) -> str:
        """Why who calls a server of ours may be a confined process; empty if it is none."""
        ...

    def settings(self, project_files: Mapping[str, bytes]) -> Settings:
        """The settings, with what a project's files say."""
        ...

    def prompt_files(self) -> Mapping[str, bytes]:
        """The prompt templates in the user's own configuration folder, by the names that they have in a project."""
        ...

    def tool_commands(self, settings: Settings) -> frozenset[str]:
        """The commands of the tool profiles: a line of acceptance that begins with one may be a command."""
        ...

    @property
    def search_path(self) -> str:
        """Where programs are looked for."""
        ...

    def tool_profiles(self, settings: Settings) -> Mapping[str, ToolProfile]:
        """How each tool is called, by its id."""
        ...

    def project(self, project_id: str, path: Path, settings: Settings) -> AbstractAsyncContextManager[ProjectParts]:
        """The ports of a project, closed at the end."""
        ...
