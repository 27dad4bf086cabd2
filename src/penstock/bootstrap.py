"""build(...): the only place that chooses adapters. Everything else asks for a port."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path

from penstock.accounts import Accounts
from penstock.adapters.agents.catalogue import UnknownAgent, agent_names, agent_of
from penstock.adapters.agents.settings import AgentsSettings
from penstock.adapters.agents.surroundings import Surroundings
from penstock.adapters.clock import SystemClock
from penstock.adapters.environments.built import BuiltEnvironments
from penstock.adapters.git.layout import COMMITTER, GitSettings
from penstock.adapters.git.looking import GitWorktrees
from penstock.adapters.git.mending import GitMending
from penstock.adapters.git.project import GitProject
from penstock.adapters.git.remains import GitRemains
from penstock.adapters.git.source import read_identity
from penstock.adapters.git.working_copy import WorkingCopy
from penstock.adapters.locks import FileLocks
from penstock.adapters.prices import ListedPrices
from penstock.adapters.processes.confiner import Confiner
from penstock.adapters.processes.hiding import hide
from penstock.adapters.processes.launcher import Launcher
from penstock.adapters.processes.supervisor import Supervisor
from penstock.adapters.processes.trial import Trial
from penstock.adapters.secrets import PatternGate
from penstock.adapters.slots import FileSlots
from penstock.adapters.store.journal import SqlJournal
from penstock.adapters.store.ledger import SqlLedger
from penstock.adapters.store.opening import Database, open_database
from penstock.adapters.store.views import SqlViews
from penstock.adapters.tools.profiles import ToolsSettings
from penstock.adapters.tools.runner import ToolRunner
from penstock.adapters.trust import TrustStore
from penstock.assembly import Assembly
from penstock.config.environment import read_environment
from penstock.config.files import read_file
from penstock.config.loading import Sources, load
from penstock.config.sections import PROJECT_SECTIONS, BudgetSettings, ExecutorSettings, LimitSettings, ProjectSettings
from penstock.config.settings import Settings
from penstock.domain.budget import MarkReached
from penstock.domain.errors import UserError
from penstock.domain.events import BudgetMarked
from penstock.domain.plan import Workstream
from penstock.domain.redaction import Redactor, is_secret_name, secret_values
from penstock.domain.surroundings import child_environment
from penstock.domain.tools import ToolProfile
from penstock.domain.usage import Caller
from penstock.engine.prompts import FILES
from penstock.gateway.directory import Directory
from penstock.gateway.keys import ProviderKeys
from penstock.gateway.opening import Opening
from penstock.gateway.settings import BUILT_IN, GatewaySettings, ModelsSettings, UpstreamsSettings
from penstock.ports import Agent, Clock, Effect, Locks
from penstock.projects import Projects
from penstock.service import Service
from penstock.tooling import Tooling

NODES: Mapping[str, type] = {
    **PROJECT_SECTIONS,
    "tools": ToolsSettings,
    "agents": AgentsSettings,
    "upstreams": UpstreamsSettings,
    "models": ModelsSettings,
    "gateway": GatewaySettings,
}


def no_effect(_name: str) -> None:
    """The effect hook of everyday life."""


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
        )

    @property
    def _output_limit(self) -> int:
        return self.settings.node(LimitSettings).output_mb * 1024 * 1024


@dataclass(kw_only=True)
class Adapters:
    """The adapters of this process; each is made when it is first asked for."""

    folder: Path
    environ: Mapping[str, str]
    flags: Mapping[str, object]
    clock: Clock
    effect: Effect
    closing: list[Callable[[], None]] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    """What a person should know of what was done on the way."""

    @cached_property
    def home(self) -> Path:
        """Where all state is."""
        return read_environment(self.environ, NODES).places.home

    @cached_property
    def local_locks(self) -> FileLocks:
        """Who owns which run, as far as this machine goes."""
        return FileLocks(self.home / "locks", self.clock)

    @cached_property
    def locks(self) -> Locks:
        """Who owns which run, for all who use the same database."""
        return self.database.locks(self.local_locks)

    @cached_property
    def slots(self) -> FileSlots:
        """The machine's room, shared with every other process that has this home."""
        return FileSlots(self.home / "slots", self.clock)

    @cached_property
    def trust(self) -> TrustStore:
        """What of each project may run."""
        return TrustStore(home=self.home)

    @cached_property
    def trial(self) -> Trial:
        """Whether this machine confines, tried once."""
        return Trial(self.environ)

    @property
    def confinement_fault(self) -> str:
        """Why this machine can't confine processes; empty if it can."""
        return self.trial.fault

    @cached_property
    def redactor(self) -> Redactor:
        """Takes out of everything what must not be written down."""
        return Redactor(secret_values(self.environ))

    @cached_property
    def database(self) -> Database:
        """The store, opened and up to date."""
        place = self.own_settings.node(ProjectSettings).database or str(self.home / "penstock.db")
        database = open_database(place, self.clock, effect=self.effect)
        self.closing.append(database.close)
        self.news += [database.prepared.news] if database.prepared.news else []
        return database

    @property
    def journal(self) -> SqlJournal:
        """Runs, events, commands and the inbox."""
        return self.database.journal

    @property
    def views(self) -> SqlViews:
        """Questions to the store."""
        return self.database.views

    @cached_property
    def ledger(self) -> SqlLedger:
        """Usage and budgets."""
        return self.database.ledger(redact=self.redactor.redact, marks=self.own_settings.node(BudgetSettings).marks)

    @cached_property
    def own_settings(self) -> Settings:
        """The settings without what a project says."""
        return self.settings({})

    def hide_keys(self) -> None:
        """Overwrite what this process was started with wherever its name speaks of a secret, or an upstream's key is
        there; and let no other process look into this one.
        """
        upstreams = self.own_settings.node(UpstreamsSettings)
        named = (upstreams.named(name) for name in (*upstreams.upstreams, *BUILT_IN))
        sources = ((one.key or "").partition(":")[2] for one in named if one is not None)
        keys = {name for source in sources for name in source.split(",")}
        hide({name for name in self.environ if name in keys or is_secret_name(name)})

    @cached_property
    def directory(self) -> Directory:
        """Which models there are, and where their keys are."""
        own = self.own_settings
        return Directory(
            upstreams=own.node(UpstreamsSettings),
            models=own.node(ModelsSettings),
            gateway=own.node(GatewaySettings),
            keys=ProviderKeys(self.environ),
        )

    @cached_property
    def models(self) -> Opening:
        """The one door to every model."""
        opening = Opening(
            directory=self.directory,
            settings=self.own_settings.node(GatewaySettings),
            ledger=lambda: self.ledger,
            prices=self._prices,
            clock=self.clock,
            tell=self._tell,
        )
        self.closing.append(opening.close)
        return opening

    def _prices(self) -> ListedPrices:
        upstreams = self.own_settings.node(UpstreamsSettings)
        known = {name: upstreams.named(name) for name in (*upstreams.upstreams, *BUILT_IN)}
        there = {name: upstream for name, upstream in known.items() if upstream is not None}
        tables = {name: upstream.price.table for name, upstream in there.items()}
        assumed = [self.environ.get(f"ANTHROPIC_{kind}_PRICE_PER_MTK") for kind in ("INPUT", "OUTPUT")]
        return ListedPrices(
            stated={name: table for name, table in tables.items() if table is not None},
            addresses={name: upstream.base_url for name, upstream in there.items()},
            assumed_input=_dollars(assumed[0]),
            assumed_output=_dollars(assumed[1]),
        )

    async def _tell(self, caller: Caller, mark: MarkReached) -> None:
        if caller.run:
            level = mark.account.level
            await self.journal.post(caller.run, BudgetMarked(level=level, mark=mark.mark, sentence=mark.sentence))

    def settings(self, project_files: Mapping[str, bytes]) -> Settings:
        """The settings, with what a project's files say."""
        environment = read_environment(self.environ, NODES)
        user_file = environment.places.user_file
        own = Sources(
            environment=environment, user=read_file(user_file) if user_file.exists() else None, flags=self.flags
        )
        profiles = load(NODES, own).node(ProjectSettings).tool_profiles_path
        found = (profiles, read_file(self.folder / profiles)) if profiles else None
        return load(NODES, replace(own, project=project_files, tool_profiles=found))

    def prompt_files(self) -> Mapping[str, bytes]:
        """The prompt templates in the user's own configuration folder."""
        folder = read_environment(self.environ, NODES).places.user_file.parent
        return {name: read_file(folder / name) for name in FILES.values() if (folder / name).is_file()}

    def tool_commands(self, settings: Settings) -> frozenset[str]:
        """The commands of the tool profiles."""
        return settings.node(ToolsSettings).commands()

    @property
    def agents_folder(self) -> Path:
        """Where agents are installed for Penstock alone: its `bin` holds one program for each."""
        named = self.environ.get("PENSTOCK_AGENTS", "")
        return Path(named).absolute() if named else self.home / "agents"

    @property
    def search_path(self) -> str:
        """Where programs are looked for: what a child is given."""
        return child_environment(self.environ, temporary="")["PATH"]

    def tool_profiles(self, settings: Settings) -> Mapping[str, ToolProfile]:
        """How each tool is called, by its id."""
        return settings.node(ToolsSettings).profiles

    @asynccontextmanager
    async def project(self, project_id: str, path: Path, settings: Settings) -> AsyncIterator[ProjectAdapters]:
        """The adapters of a project, closed at the end."""
        limits = settings.node(LimitSettings)
        home = self.home / "projects" / project_id
        in_project = settings.node(ProjectSettings).worktree_root == "project"
        worktrees = (path if in_project else home) / ".worktrees"
        database = settings.node(ProjectSettings).database
        known = (*secret_values({**self.environ, "": database}), *_agents_secrets(settings))
        redactor = Redactor(known)
        launcher = Launcher(redact=redactor.redact, effect=self.effect)
        plain = GitSettings(
            home=home,
            worktree_root=worktrees,
            user_repository=path,
            author=COMMITTER,
            snapshot_ignored_mb=limits.snapshot_ignored_mb,
            keep_days=limits.keep_days,
            search_path=self.environ.get("PATH", os.defpath),
            inherit=self.local_locks.descriptors,
            effect=self.effect,
        )
        confiner = Confiner(
            trial=self.trial,
            mode=settings.node(ProjectSettings).confine,
            home=Path(self.environ.get("HOME") or "/nonexistent"),
            hidden=(self.home, worktrees, *_private_files(path, settings)),
            readable=(plain.repository / "objects", home / "environments", self.agents_folder),
            git_folder=plain.git_folder_of,
        )
        author = read_identity(plain, self.environ)
        # one each: what git makes keeps a core busy, and more threads of ours only stand in one another's way
        hands = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2), thread_name_prefix="git")
        exposed = replace(plain, author=author, is_exposed=lambda: not confiner.is_on)
        git = GitProject(exposed, self.clock, hands)
        adapters = ProjectAdapters(
            git=git,
            checkout=WorkingCopy(settings=plain),
            environments=BuiltEnvironments(
                root=home / "environments", search_path=child_environment(self.environ, temporary="")["PATH"]
            ),
            tools=ToolRunner(
                launcher=launcher,
                tools=settings.node(ToolsSettings),
                environ=self.environ,
                redactor=redactor,
                output_limit=limits.output_mb * 1024 * 1024,
                confiner=confiner,
            ),
            supervision=Supervisor(runs=home / "runs", worktrees=worktrees),
            launcher=launcher,
            confiner=confiner,
            settings=settings,
            environ=self.environ,
            redactor=redactor,
            secrets=PatternGate(known),
            agents_folder=self.agents_folder,
        )
        try:
            yield adapters
        finally:
            await launcher.close()
            hands.shutdown(wait=False)


def _dollars(text: str | None) -> Decimal | None:
    try:
        return None if not text else Decimal(text)
    except InvalidOperation:
        raise UserError(f"{text!r} is no price", hint="write dollars per million tokens, like 3 or 0.25") from None


def _private_files(project: Path, settings: Settings) -> Iterator[Path]:
    """What lies outside our own folders and is nothing for agents: a store elsewhere, the checkout's own secrets."""
    place = settings.node(ProjectSettings).database.removeprefix("sqlite:///")
    if place and "://" not in place:
        yield from (Path(f"{place}{ending}") for ending in ("", "-wal", "-shm"))
    yield from project.glob(".env*")


def _agents_secrets(settings: Settings) -> Iterator[str]:
    """What the user's configuration gives to agents and tools by names that speak of secrets."""
    for agent in settings.node(AgentsSettings).agents.values():
        yield from secret_values(agent.env)
    for profile in settings.node(ToolsSettings).profiles.values():
        yield from secret_values(profile.env)


@dataclass(frozen=True, kw_only=True)
class Penstock:
    """A process's Penstock, built."""

    service: Service
    projects: Projects
    assembly: Assembly
    tooling: Tooling
    accounts: Accounts
    parts: Adapters

    async def close(self) -> None:
        """Close what was opened, last first."""
        while self.parts.closing:
            self.parts.closing.pop()()


def build(
    *,
    folder: Path,
    environ: Mapping[str, str],
    flags: Mapping[str, object] | None = None,
    clock: Clock | None = None,
    effect: Effect = no_effect,
) -> Penstock:
    """Penstock for someone who stands in a folder, with an environment and some flags."""
    adapters = Adapters(folder=folder, environ=environ, flags=flags or {}, clock=clock or SystemClock(), effect=effect)
    projects = Projects(adapters)
    service = Service(adapters, projects)
    return Penstock(
        service=service,
        projects=projects,
        assembly=Assembly(adapters, projects, service),
        tooling=Tooling(adapters, projects, service),
        accounts=Accounts(adapters, projects),
        parts=adapters,
    )
