"""What `doctor` asks of a project: what its base commit says, and whether what it names is there."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from penstock.config.checks import CheckSettings, ChecksSettings
from penstock.config.sections import ProjectSettings, SetupSettings
from penstock.config.settings import Settings
from penstock.doctor.findings import Finding, Patient, guarded
from penstock.domain.surroundings import child_environment
from penstock.projects import NoProject, Opened, Projects


def project(patient: Patient) -> Iterator[Finding]:
    try:
        project = patient.build().projects.current()
    except NoProject as error:
        yield Finding(name="project", level="warn", sentence=error.sentence, remedy=error.hint or "")
        return

    async def look() -> list[Finding]:
        built = patient.build()
        try:
            async with built.projects.opened(project) as opened:
                looks = [(name, partial(look, patient, built.projects, opened)) for name, look in ABOUT_PROJECT]
                return [finding for name, look in looks for finding in guarded(name, look)]
        finally:
            await built.close()

    yield from asyncio.run(look())


def _base(_patient: Patient, _projects: Projects, opened: Opened) -> Iterator[Finding]:
    sentence = f"{opened.project.path} can be worked on; runs start from {opened.base_branch} at {opened.base[:12]}"
    yield Finding(name="project", level="ok", sentence=sentence)
    for warning in opened.warnings:
        yield Finding(name="project", level="warn", sentence=warning)


def _trust(_patient: Patient, _projects: Projects, opened: Opened) -> Iterator[Finding]:
    if opened.is_trusted:
        yield Finding(name="trust", level="ok", sentence="what the project would run is agreed to")
    else:
        remedy = "look with `penstock trust --show`, then `penstock trust`"
        yield Finding(
            name="trust", level="warn", sentence="its commands are not agreed to: no run starts", remedy=remedy
        )


def _plan(_patient: Patient, projects: Projects, opened: Opened) -> Iterator[Finding]:
    from penstock.intake import bundles  # noqa: PLC0415 - a broken one is a finding

    folder = projects.plan_folder(opened.project, opened.settings, None)
    if not folder.exists():
        remedy = "write bundles there; `penstock init --sample` writes one to look at"
        yield Finding(name="plan", level="warn", sentence=f"there is no {folder}", remedy=remedy)
        return
    options = projects.plan_options(opened.project, opened.settings, find_agent=opened.parts.agent)
    report = bundles.check(folder, options)
    sentence = f"{folder}: {report.bundles_checked} bundles, {len(report.problems)} problems"
    remedy = "" if report.is_ok else "`penstock plan check` names them"
    yield Finding(name="plan", level="ok" if report.is_ok else "warn", sentence=sentence, remedy=remedy)


def _agents(patient: Patient, projects: Projects, opened: Opened) -> Iterator[Finding]:
    values, path = opened.settings.values, patient.environ.get("PATH")
    own = sorted({key.split(".")[1] for key in values if key.startswith("agents.")})
    default = projects.default_agent(opened.settings)
    if not own:
        remedy = "declare one as [agents.NAME] in ~/.config/penstock/config.toml"
        yield Finding(name="agents", level="warn", sentence="you have configured none of your own", remedy=remedy)
    else:
        says = f"default {default}" if default else "no default: workstreams name theirs as `tool`"
        yield Finding(name="agents", level="ok", sentence=f"{', '.join(own)}; {says}")
    for name in own:
        command, binary = values.get(f"agents.{name}.command"), values.get(f"agents.{name}.binary")
        first = command[0] if isinstance(command, tuple) and command else binary
        if isinstance(first, str) and first and shutil.which(first, path=path) is None:
            sentence = f"{name}: {first} was not found"
            yield Finding(name="agents", level="warn", sentence=sentence, remedy="install it, or mend the setting")


def _checks(patient: Patient, _projects: Projects, opened: Opened) -> Iterator[Finding]:
    settings: Settings = opened.settings
    checks = settings.node(ChecksSettings)
    named = {**checks.static, **_named("integrate", checks.integrate)}
    for group, members in checks.groups.items():
        named |= _named(group, members)
    if not named:
        unchecked = settings.node(ProjectSettings).allow_unchecked
        remedy = "" if unchecked else "name some under [checks], or give each workstream an acceptance command"
        yield Finding(name="checks", level="warn", sentence="the project has no checks", remedy=remedy)
        return
    path = child_environment(patient.environ, temporary="/tmp").get("PATH")  # noqa: S108 - only PATH is read
    setup = settings.node(SetupSettings)
    if setup.commands:  # what they need may be what it makes
        yield Finding(name="checks", level="ok", sentence=f"{', '.join(named)}; set-up comes first")
        return
    missing = [name for name, one in named.items() if not _is_there(one.command, opened.project.path, path)]
    if missing:
        sentence = f"{', '.join(missing)}: the command was not found on the PATH that checks get"
        remedy = "install it outside your activated virtual environment, or have [setup] make an environment"
        yield Finding(name="checks", level="warn", sentence=sentence, remedy=remedy)
    else:
        yield Finding(name="checks", level="ok", sentence=", ".join(named))


def _named(group: str, checks: Mapping[str, CheckSettings]) -> dict[str, CheckSettings]:
    return {f"{group}.{name}": one for name, one in checks.items()}


def _is_there(command: str, folder: Path, path: str | None) -> bool:
    """Whether a command's first word can be found; True where only a shell could say."""
    try:
        word = next(iter(shlex.split(command)), "")
    except ValueError:
        return True
    if not re.fullmatch(r"[\w./+-]+", word):
        return True
    return (folder / word).exists() if "/" in word else shutil.which(word, path=path) is not None or word in _BUILTINS


_BUILTINS = frozenset({"cd", "test", "true", "false", "set", "export", "exit", "if", "for", "while", "echo", "command"})


ABOUT_PROJECT: tuple[tuple[str, Callable[[Patient, Projects, Opened], Iterator[Finding]]], ...] = (
    ("project", _base),
    ("trust", _trust),
    ("plan", _plan),
    ("agents", _agents),
    ("checks", _checks),
)
