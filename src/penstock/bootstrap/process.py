"""The adapters of this process; each is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from penstock.adapters.agents.inspecting import Inspector
from penstock.adapters.asking import PydanticAsker
from penstock.adapters.locks import FileLocks
from penstock.adapters.notify import Channels, NotificationsSettings
from penstock.adapters.processes.hiding import hide
from penstock.adapters.processes.trial import Trial
from penstock.adapters.slots import FileSlots
from penstock.adapters.store.journal import SqlJournal
from penstock.adapters.store.ledger import SqlLedger
from penstock.adapters.store.opening import Database, open_database
from penstock.adapters.store.pipelines import SqlPipelines
from penstock.adapters.store.prompts import SqlPrompts
from penstock.adapters.store.replies import SqlReplies
from penstock.adapters.store.site import Site
from penstock.adapters.store.sqlite import SqliteSite
from penstock.adapters.store.views import SqlViews
from penstock.adapters.tools.profiles import ToolsSettings
from penstock.adapters.trust import TrustStore
from penstock.bootstrap.doors import ModelDoors
from penstock.bootstrap.nodes import NODES
from penstock.bootstrap.project import ProjectAdapters, agents_secrets, opened
from penstock.config.environment import read_environment
from penstock.config.files import read_file
from penstock.config.loading import Sources, load
from penstock.config.sections import BudgetSettings, ProjectSettings
from penstock.config.server import ServerSettings
from penstock.config.settings import Settings
from penstock.domain.redaction import Redactor, is_secret_name, secret_values
from penstock.domain.surroundings import child_environment
from penstock.domain.tools import ToolProfile
from penstock.engine.prompts import FILES
from penstock.gateway.opening import Opening
from penstock.ports import Clock, Effect, Locks

DATABASE = "penstock.db"
"""The file that everything is stored in where no other database is named."""


def no_effect(_name: str) -> None:
    """The effect hook of everyday life."""


def lock_folder(site: Site, home: Path) -> Path:
    """Where the locks of this machine are: beside a database in a file, which several homes may share."""
    if not isinstance(site, SqliteSite):
        return home / "locks"
    file = site.path.resolve()
    return file.with_name("locks" if file.name == DATABASE else f"{file.name}.locks")


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
    def locks(self) -> Locks:
        """Who owns which run, for all who use the same database."""
        return self.database.locks(FileLocks(lock_folder(self.database.prepared.site, self.home), self.clock))

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

    def doubt_about_caller(self, client: tuple[str, int], server: tuple[str, int]) -> str:
        """Why who calls a server of ours may be a confined process; empty if it is none."""
        from penstock.adapters.processes import callers  # noqa: PLC0415 - only a server has any

        return callers.doubt_about_caller(client, server)

    @property
    def confinement_fault(self) -> str:
        """Why this machine can't confine processes; empty if it can."""
        return self.trial.fault

    @cached_property
    def redactor(self) -> Redactor:
        """Takes out of everything what must not be written down."""
        own = self.own_settings.node(ServerSettings).api_keys
        return Redactor((*secret_values(self.environ), *self.provider_keys, *own))

    @cached_property
    def database(self) -> Database:
        """The store, opened and up to date."""
        place = self.own_settings.node(ProjectSettings).database or str(self.home / DATABASE)
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

    @property
    def pipelines(self) -> SqlPipelines:
        """Pipelines and what comes of them."""
        return self.database.pipelines

    @property
    def prompts(self) -> SqlPrompts:
        """What roles are told, and the phases."""
        return self.database.prompts

    @property
    def replies(self) -> SqlReplies:
        """Answers to requests that may be repeated."""
        return self.database.replies

    @cached_property
    def ledger(self) -> SqlLedger:
        """Usage and budgets."""
        return self.database.ledger(redact=self.redactor.redact, marks=self.own_settings.node(BudgetSettings).marks)

    @cached_property
    def own_settings(self) -> Settings:
        """The settings without what a project says."""
        return self.settings({})

    @cached_property
    def doors(self) -> ModelDoors:
        """What is needed to reach models."""
        return ModelDoors(
            home=self.home,
            secrets=(*secret_values(self.environ), *agents_secrets(self.own_settings)),
            settings=self.own_settings,
            environ=self.environ,
            clock=self.clock,
            ledger=lambda: self.ledger,
            journal=lambda: self.journal,
        )

    @cached_property
    def models(self) -> Opening:
        """The one door to every model."""
        self.closing.append(self.doors.models.close)
        return self.doors.models

    @cached_property
    def asker(self) -> PydanticAsker:
        """Asks models in the names of roles."""
        return PydanticAsker()

    @cached_property
    def notifier(self) -> Channels:
        """Tells the user's own channels."""
        shown = {name: value for name, value in self.environ.items() if name not in self._key_names}
        return Channels(self.own_settings.node(NotificationsSettings), self.redactor.redact, shown)

    @property
    def provider_keys(self) -> tuple[str, ...]:
        """The keys that variables hold, whatever their names."""
        return tuple(self.environ[name] for name in self.doors.key_names if self.environ.get(name))

    def hide_keys(self) -> None:
        """Overwrite what this process was started with wherever its name speaks of a secret or a provider's key is
        there; and let no other process look into this one.
        """
        hide(self._key_names)

    @property
    def _key_names(self) -> set[str]:
        return {name for name in self.environ if name in self.doors.key_names or is_secret_name(name)}

    def project(self, project_id: str, path: Path, settings: Settings) -> AbstractAsyncContextManager[ProjectAdapters]:
        """The adapters of a project, closed at the end."""
        return opened(self, project_id, path, settings)

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

    @cached_property
    def inspector(self) -> Inspector:
        """Looks at agents."""
        return Inspector(memo=self.home / "agent-versions.json")

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
