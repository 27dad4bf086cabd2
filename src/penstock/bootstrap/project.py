"""The adapters of one project, for as long as it is open."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from penstock.adapters.agents.catalogue import UnknownAgent, agent_names, agent_of
from penstock.adapters.agents.inspecting import Inspector
from penstock.adapters.agents.settings import AgentSettings, AgentsSettings
from penstock.adapters.agents.surroundings import Surroundings
from penstock.adapters.environments.built import BuiltEnvironments
from penstock.adapters.git.layout import COMMITTER, GitSettings
from penstock.adapters.git.looking import GitWorktrees
from penstock.adapters.git.mending import GitMending
from penstock.adapters.git.project import GitProject
from penstock.adapters.git.remains import GitRemains
from penstock.adapters.git.source import read_identity
from penstock.adapters.git.working_copy import WorkingCopy
from penstock.adapters.locks import lent
from penstock.adapters.processes.confiner import Confiner
from penstock.adapters.processes.launcher import Launcher
from penstock.adapters.processes.supervisor import Supervisor
from penstock.adapters.processes.trial import Trial
from penstock.adapters.secrets import PatternGate
from penstock.adapters.tools.profiles import ToolsSettings
from penstock.adapters.tools.runner import ToolRunner
from penstock.config.sections import ExecutorSettings, LimitSettings, ProjectSettings
from penstock.config.settings import Settings
from penstock.domain.errors import UserError
from penstock.domain.plan import Workstream
from penstock.domain.redaction import Redactor, secret_values
from penstock.domain.surroundings import child_environment
from penstock.ports import Agent, AgentFacts, Clock, Effect


@dataclass(kw_only=True)
class ProjectAdapters:
    """The adapters of one project, for as long as it is open."""

    git: GitProject
    checkout: WorkingCopy
    environments: BuiltEnvironments
    tools: ToolRunner
    supervision: Supervisor
    launcher: Launcher
    confiner: Confiner
    settings: Settings
    environ: Mapping[str, str]
    redactor: Redactor
    secrets: PatternGate
    inspector: Inspector
    agents_folder: Path
    """Where agents are installed for Penstock alone."""

    @property
    def workspace(self) -> GitProject:
        """Worktrees and clean checkouts."""
        return self.git

    @property
    def history(self) -> GitProject:
        """What the project's own repository holds."""
        return self.git

    @property
    def repository(self) -> GitProject:
        """Merges and branches."""
        return self.git

    @property
    def attempts(self) -> Supervisor:
        """The folders and processes of attempts."""
        return self.supervision

    @property
    def worktrees(self) -> GitWorktrees:
        """Worktrees, only looked at."""
        return GitWorktrees(self.git.settings)

    @property
    def remains(self) -> GitRemains:
        """What earlier runs have left."""
        return GitRemains(self.git.settings)

    @property
    def mending(self) -> GitMending:
        """The own repository, mended."""
        return GitMending(self.git.settings)

    @property
    def commits(self) -> GitMending:
        """What the own repository has."""
        return self.mending

    @property
    def min_free_gb(self) -> float:
        """How much of the disk must be free before anything begins."""
        return self.settings.node(ExecutorSettings).min_free_gb

    def confine(self, mode: str) -> str:
        """Confine what is started from now on at least as strictly as this; why it can't be done, or nothing."""
        return self.confiner.insist(mode)

    def agent_names(self) -> list[str]:
        """The agents that could be named."""
        return agent_names(self.settings.node(AgentsSettings), self.settings.node(ToolsSettings).profiles)

    def agent(self, workstream: Workstream) -> Agent:
        """The agent that a workstream names."""
        try:
            return agent_of(workstream.agent, self.settings.node(AgentsSettings), self.surroundings, workstream)
        except UnknownAgent as error:
            raise UnknownAgent(f"{workstream.id} can't be worked on: {error.sentence}", hint=error.hint) from None

    async def inspect(self, agent: str) -> AgentFacts:
        """Whether an agent could work here."""
        return await self.inspector.inspect(agent, self.settings.node(AgentsSettings), self.surroundings)

    @property
    def surroundings(self) -> Surroundings:
        """What agents are made with."""
        return Surroundings(
            launcher=self.launcher,
            environ=self.environ,
            redactor=self.redactor,
            confiner=self.confiner,
            output_limit=self._output_limit,
            profiles=self.settings.node(ToolsSettings).profiles,
            of_project=self.settings.of_project("tools"),
            agents_folder=self.agents_folder,
            direct=self._direct,
        )

    def _direct(self, name: str, settings: AgentSettings) -> Agent:
        # they bring a client of HTTP and models of JSON, both slow to import
        from penstock.adapters.agents.model import ModelAgent  # noqa: PLC0415
        from penstock.planning.handed_in import read_files  # noqa: PLC0415

        return ModelAgent(
            name=name,
            applier=self.git,
            redactor=self.redactor,
            read=read_files,
            model=settings.model,
            max_calls=settings.max_calls or 0,
        )

    @property
    def _output_limit(self) -> int:
        return self.settings.node(LimitSettings).output_mb * 1024 * 1024


class OfProcess(Protocol):
    """What the adapters of a project take from their process."""

    @property
    def home(self) -> Path: ...
    @property
    def environ(self) -> Mapping[str, str]: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def effect(self) -> Effect: ...
    @property
    def trial(self) -> Trial: ...
    @property
    def agents_folder(self) -> Path: ...
    @property
    def inspector(self) -> Inspector: ...
    @property
    def provider_keys(self) -> tuple[str, ...]: ...


class WorktreesElsewhere(UserError):
    """The folder of worktrees is a link, and what it leads to is not ours to write and to remove in."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}, where worktrees are to be, is a link to {folder.readlink()}",
            hint='take the link away, or set worktree_root = "state"',
        )


@asynccontextmanager
async def opened(
    surroundings: OfProcess, project_id: str, path: Path, settings: Settings
) -> AsyncIterator[ProjectAdapters]:
    """The adapters of a project, closed at the end."""
    limits = settings.node(LimitSettings)
    home = surroundings.home / "projects" / project_id
    in_project = settings.node(ProjectSettings).worktree_root == "project"
    worktrees = (path if in_project else home) / ".worktrees"
    if in_project and worktrees.is_symlink():
        raise WorktreesElsewhere(worktrees)
    database = settings.node(ProjectSettings).database
    own = (*secret_values({**surroundings.environ, "": database}), *surroundings.provider_keys)
    known = (*own, *agents_secrets(settings))
    redactor = Redactor(known)
    launcher = Launcher(redact=redactor.redact, effect=surroundings.effect)
    plain = GitSettings(
        home=home,
        worktree_root=worktrees,
        user_repository=path,
        author=COMMITTER,
        snapshot_ignored_mb=limits.snapshot_ignored_mb,
        keep_days=limits.keep_days,
        search_path=surroundings.environ.get("PATH", os.defpath),
        lent=lent,
        effect=surroundings.effect,
    )
    confiner = Confiner(
        trial=surroundings.trial,
        mode=settings.node(ProjectSettings).confine,
        home=Path(surroundings.environ.get("HOME") or "/nonexistent"),
        environ=surroundings.environ,
        hidden=(surroundings.home, worktrees, *_private_files(settings)),
        checkout=path,
        readable=(plain.repository / "objects", home / "environments", surroundings.agents_folder),
        git_folder=plain.git_folder_of,
    )
    author = read_identity(plain, surroundings.environ)
    # one each: what git makes keeps a core busy, and more threads of ours only stand in one another's way
    hands = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2), thread_name_prefix="git")
    exposed = replace(plain, author=author, is_exposed=lambda: not confiner.is_on)
    git = GitProject(exposed, surroundings.clock, hands)
    adapters = ProjectAdapters(
        git=git,
        checkout=WorkingCopy(settings=plain),
        environments=BuiltEnvironments(
            root=home / "environments", search_path=child_environment(surroundings.environ, temporary="")["PATH"]
        ),
        tools=ToolRunner(
            launcher=launcher,
            tools=settings.node(ToolsSettings),
            environ=surroundings.environ,
            redactor=redactor,
            output_limit=limits.output_mb * 1024 * 1024,
            confiner=confiner,
        ),
        supervision=Supervisor(runs=home / "runs", worktrees=worktrees),
        launcher=launcher,
        confiner=confiner,
        settings=settings,
        environ=surroundings.environ,
        redactor=redactor,
        secrets=PatternGate(known),
        agents_folder=surroundings.agents_folder,
        inspector=surroundings.inspector,
    )
    try:
        yield adapters
    finally:
        await launcher.close()
        hands.shutdown(wait=False)


def _private_files(settings: Settings) -> Iterator[Path]:
    """What lies outside our own folders and is nothing for agents: a store elsewhere."""
    place = settings.node(ProjectSettings).database.removeprefix("sqlite:///")
    if place and "://" not in place:
        yield from (Path(f"{place}{ending}") for ending in ("", "-wal", "-shm"))


def agents_secrets(settings: Settings) -> Iterator[str]:
    """What the user's configuration gives to agents and tools by names that speak of secrets."""
    for agent in settings.node(AgentsSettings).agents.values():
        yield from secret_values(agent.env)
    for profile in settings.node(ToolsSettings).profiles.values():
        yield from secret_values(profile.env)
