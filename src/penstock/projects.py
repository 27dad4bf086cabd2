"""The use cases around a project: which one is meant, its settings, what it would run and whether that is trusted,
`init`.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.config.brought import named_files, would_run
from penstock.config.checks import ChecksSettings
from penstock.config.files import SECTION_FILES, SettingsFileUnreadable, read_file
from penstock.config.roles import PromptsSettings, RolesSettings
from penstock.config.sections import (
    BreakerSettings,
    ExecutorSettings,
    LimitSettings,
    ProjectSettings,
    SetupSettings,
)
from penstock.config.settings import Settings
from penstock.domain.acceptance import RUNNERS
from penstock.domain.errors import UserError
from penstock.domain.plan import Workstream
from penstock.domain.run import Policy
from penstock.domain.states import RunState
from penstock.engine.context import RunSettings
from penstock.engine.frozen import Frozen
from penstock.engine.furnishing import INCLUDE_FILE
from penstock.engine.prompts import FILES, PromptTemplates, chosen
from penstock.engine.soundness import refuse_unsound
from penstock.intake.bundles import BundleOptions
from penstock.parts import Parts, ProjectParts
from penstock.ports import HistoryLost, Loaded

MOST_NAMED = 5
TELLING = (*FILES.values(), INCLUDE_FILE)
"""What of a project says what agents are told, and which of the user's own files they are given."""
AGENTS, CHECKS = 8, 4
"""Slots of the machine where the settings name none: a single run never has fewer than its own workstreams need."""


class BaseNotClean(UserError):
    """The user's checkout holds changes that no commit has, and the project does not want a run then."""


class NoProject(UserError):
    """The folder is not in a git repository."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is not in a git repository",
            hint="go to your project, name it with --project, or make one with `git init` and a first commit",
        )


class ProjectUnnameable(UserError):
    """The path of the project is no text, so that nothing could be stored of it."""

    def __init__(self, path: Path) -> None:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        super().__init__(f"the path {shown} is not UTF-8", hint="give the folder another name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A git repository that Penstock works on."""

    id: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A project with the settings of its base commit."""

    project: Project
    settings: Settings
    parts: ProjectParts
    base: str
    base_branch: str
    would_run: str
    is_trusted: bool
    difference: str
    warnings: tuple[str, ...]
    prompts: PromptTemplates
    """What agents would be told by."""


def project_at(folder: Path) -> Project:
    """The git repository that holds a folder: found by its `.git`, without running git in it."""
    start = folder.resolve()
    for path in (start, *start.parents):
        if (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir()):
            if any("\ud800" <= letter <= "\udfff" for letter in str(path)):
                raise ProjectUnnameable(path)
            name = re.sub(r"[^A-Za-z0-9]+", "-", path.name).strip("-").lower()[:40] or "project"
            digest = hashlib.sha256(str(path).encode()).hexdigest()[:10]
            return Project(id=f"{name}-{digest}", path=path)
    raise NoProject(folder)


class Projects:
    """What can be asked about projects."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def current(self) -> Project:
        """The project that a command without one means."""
        return project_at(self._parts.folder)

    def is_kept_here(self, project_id: str) -> bool:
        """Whether Penstock's own repository of a project is in this home: the database may be shared with others."""
        return (self._parts.home / "projects" / project_id / "repo.git").is_dir()

    def settings_here(self) -> Settings:
        """The settings with the project's files as they lie in the checkout: for looking, never for running."""
        try:
            return self._parts.settings(checkout_files(self.current().path))
        except NoProject:
            return self._parts.settings({})

    @asynccontextmanager
    async def opened(self, project: Project) -> AsyncIterator[Opened]:
        """Fetch the project and read the settings of its base commit: those decide, never the checkout's."""
        here = self._parts.settings(checkout_files(project.path))
        async with self._parts.project(project.id, project.path, here) as parts:
            base_branch, base = await parts.repository.fetch(here.node(ProjectSettings).base_branch or None)
        async with self.standing(project, base, base_branch) as opened:
            yield opened

    @asynccontextmanager
    async def standing(self, project: Project, base: str, base_branch: str = "") -> AsyncIterator[Opened]:
        """The project with the settings of a commit that Penstock's own repository has; nothing is fetched."""
        async with self._parts.project(project.id, project.path, self._parts.settings({})) as parts:
            files = await committed_files(parts, base)
        settings = self._parts.settings(files)
        async with self._parts.project(project.id, project.path, settings) as parts:
            telling = await _found(parts, base, TELLING)
            named = named_files(settings, (await parts.history.paths(base)).__contains__)
            text = would_run(settings, {**await _found(parts, base, named), **telling})
            yield Opened(
                project=project,
                settings=settings,
                parts=parts,
                base=base,
                base_branch=base_branch,
                would_run=text,
                is_trusted=self._parts.trust.is_trusted(project.id, text),
                difference=self._parts.trust.difference(project.id, text),
                warnings=(
                    *settings.warnings,
                    *(_uncommitted_settings(project, files, base_branch) if base_branch else ()),
                ),
                prompts=chosen(
                    telling,
                    self._parts.prompt_files(),
                    most=settings.node(PromptsSettings).max_chars,
                    redact=parts.redactor.redact,
                ),
            )

    @asynccontextmanager
    async def parts_of(self, loaded: Loaded, *, to_work: bool = True) -> AsyncIterator[ProjectParts]:
        """The ports of a stored run's project, with the settings of the commit that the run began from.

        A run that is only ended or asked about needs no commit: that must go on where all commits were lost.
        """
        path = Path(loaded.project_path)
        async with self._parts.project(loaded.project, path, self._parts.settings({})) as parts:
            try:
                files = await committed_files(parts, loaded.run.base)
            except HistoryLost:
                if to_work:
                    raise
                files = {}
        async with self._parts.project(loaded.project, path, self._parts.settings(files)) as parts:
            yield parts

    async def must_be_sound(self, loaded: Loaded) -> None:
        """Refuse a run whose repository or commits are gone, with what to do, before anything is started."""
        if loaded.run.state is RunState.PENDING:
            return
        path = Path(loaded.project_path)
        async with self._parts.project(loaded.project, path, self._parts.settings({})) as parts:
            await refuse_unsound(loaded.run, parts.mending, parts.commits)

    def trust(self, opened: Opened) -> None:
        """Agree to what was shown: the base may have moved on since, and what it brings now was seen by nobody."""
        self._parts.trust.record(opened.project.id, opened.would_run, self._parts.clock.now())

    def would_run_here(self, project: Project) -> str:
        """What the checkout's files would run."""
        settings = self._parts.settings(checkout_files(project.path))
        # a word of a command need not be anything that a system could look for
        named = named_files(settings, lambda path: os.path.isfile(project.path / path))  # noqa: PTH113 - never raises
        telling = (path for path in TELLING if (project.path / path).is_file())
        files = {path: read_file(project.path / path) for path in (*named, *telling)}
        return would_run(settings, files)

    def trust_here(self, project: Project) -> None:
        """Agree to what the checkout's files would run: for files that we have just written ourselves."""
        self._parts.trust.record(project.id, self.would_run_here(project), self._parts.clock.now())

    def freeze(
        self, settings: Settings, *, prompts: PromptTemplates | None = None, max_parallel: int | None = None
    ) -> Frozen:
        """What of the settings and of the prompt templates a run keeps for its whole life."""
        executor, limits = settings.node(ExecutorSettings), settings.node(LimitSettings)
        checks, project = settings.node(ChecksSettings), settings.node(ProjectSettings)
        parallel = max_parallel or executor.max_parallel
        if parallel < 1:
            raise UserError(f"{parallel} workstreams at once were asked for; at least 1 is needed")
        policy = Policy(
            max_parallel=parallel,
            breaker=settings.node(BreakerSettings).limits(),
            review="review" in project.approvals,
            gate_approvals="gate" in project.approvals,
            recheck=project.integrate_recheck,
        )
        run_settings = RunSettings(
            static=checks.static_checks(limits.check_timeout),
            integrate=checks.integrate_checks(limits.check_timeout),
            groups=checks.group_checks(limits.check_timeout),
            agent_timeout=limits.agent_timeout,
            idle_timeout=limits.agent_idle_timeout,
            max_calls=limits.max_calls,
            check_timeout=limits.check_timeout,
            allow_unchecked=project.allow_unchecked,
            confine=project.confine,
            branch_template=project.branch,
            roles=settings.node(RolesSettings).roles(),
            prompts=prompts or PromptTemplates(most=settings.node(PromptsSettings).max_chars),
            setup=settings.node(SetupSettings).setup(limits.setup_timeout),
            limits={
                "agent": executor.agents or max(parallel, AGENTS),
                "check": executor.checks or max(parallel, CHECKS),
                "disk": executor.disk,
            },
        )
        return Frozen(policy=policy, settings=run_settings)

    def plan_folder(self, project: Project, settings: Settings, asked: Path | None) -> Path:
        """Where the bundles are: what was asked for, else the setting, relative to the project."""
        if asked is not None:
            return self._parts.folder / asked
        return project.path / settings.node(ProjectSettings).workstreams_dir

    def plan_options(
        self, project: Project, settings: Settings, *, find_agent: Callable[[Workstream], object] | None = None
    ) -> BundleOptions:
        """How bundles are read for a project; with `find_agent` a workstream without one is a problem too."""
        own = settings.node(ProjectSettings)
        checks = settings.node(ChecksSettings)
        return BundleOptions(
            find_agent=find_agent,
            tool_commands=self._parts.tool_commands(settings),
            runners=RUNNERS | frozenset(own.runners),
            make_targets=make_targets(project.path),
            allow_overlap=own.allow_overlap,
            has_checks=bool(checks.static or checks.integrate),
            check_groups={name: len(group) for name, group in checks.groups.items()},
            allow_unchecked=own.allow_unchecked,
            ignore_case=ignores_case(project.path),
        )

    def default_agent(self, settings: Settings) -> str:
        """The agent of workstreams that name none."""
        return settings.node(ProjectSettings).agent


async def committed_files(parts: ProjectParts, commit: str) -> Mapping[str, bytes]:
    """The files of a commit that hold settings."""
    committed = await parts.history.paths(commit)
    files = await _found(parts, commit, [name for name in SECTION_FILES if name in committed])
    for name, content in files.items():
        if (target := _link_target(name, content, committed)) is not None:
            reason = f"it is a link to {target}, and none is followed: put the file itself there"
            raise SettingsFileUnreadable(name, reason)
    return files


def _link_target(name: str, content: bytes, committed: Collection[str]) -> str | None:
    """Where a file leads that is a link, for git keeps of one nothing but that: no settings begin so, or are a path."""
    target = content.decode("utf-8", "replace")
    if name.endswith(".txt") or "\n" in target:
        return None
    is_path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) in committed
    return target if is_path or target.startswith(("/", "../")) else None


async def _found(parts: ProjectParts, commit: str, names: Sequence[str]) -> Mapping[str, bytes]:
    found = {name: await parts.history.read(commit, name) for name in names}
    return {name: content for name, content in found.items() if content is not None}


def checkout_files(path: Path) -> Mapping[str, bytes]:
    """The files of a checkout that hold settings."""
    return {name: read_file(path / name) for name in SECTION_FILES if (path / name).is_file()}


def _uncommitted_settings(project: Project, committed: Mapping[str, bytes], branch: str) -> tuple[str, ...]:
    here = checkout_files(project.path)
    differing = [name for name in sorted({*here, *committed}) if here.get(name) != committed.get(name)]
    if not differing:
        return ()
    return (f"{', '.join(differing)} in your checkout differs from {branch}; what is committed there decides",)


def left_out(changed: Sequence[str], opened: Opened) -> tuple[str, ...]:
    """A warning of what is not committed and so not worked on; refused where the project wants a clean base."""
    if not changed:
        return ()
    more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
    named = f"{', '.join(changed[:MOST_NAMED])}{more}"
    if opened.settings.node(ProjectSettings).require_clean_base:
        raise BaseNotClean(
            f"this project demands a clean checkout (require_clean_base), and this is not committed: {named}",
            hint="commit it, or put it aside with `git stash`",
        )
    return (f"not committed, so not part of the run, which starts from {opened.base_branch}: {named}",)


_TARGET = re.compile(r"^([A-Za-z0-9_.-]+)\s*:(?!=)", re.MULTILINE)


def make_targets(path: Path) -> frozenset[str] | None:
    """The targets of a project's Makefile, or None if it has none."""
    makefile = path / "Makefile"
    if not makefile.is_file():
        return None
    return frozenset(_TARGET.findall(makefile.read_text("utf-8", "replace")))


def ignores_case(path: Path) -> bool:
    """Whether the file system of a project takes two spellings of a name for one."""
    try:
        return (path / ".GIT").samefile(path / ".git")
    except OSError:
        return False
