"""Penstock works on Penstock: an epic on a clone of its own repository, through the gate that the clone's settings set.

The running installation is never touched, nor any branch that somebody works on: what comes of it is one branch more.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import disk
from penstock.bootstrap import build
from penstock.config.checks import ChecksSettings
from penstock.config.sections import ProjectSettings
from penstock.domain.errors import PenstockError, UserError, WorldError
from penstock.domain.surroundings import child_environment
from penstock.epics import ApprovalNeeded, EpicWish
from penstock.epics.delivering import MENDS
from penstock.reports.plain import one_line
from penstock.upkeep import CLONES, UNFINISHED

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.epics.desk import Tell

GIT_LIMIT = 300.0
MOST_PHASES = 40
MOST_ISSUES = 20
LONGEST_FINDING = 500
FLAGS: Mapping[str, object] = {"confine": "required", "allow_unchecked": False}
"""However the clone's own settings read: commands that a model wrote run only where they can be confined."""


class NotPenstock(UserError):
    """What was named, or what we run from, is no repository of Penstock."""


class NoGate(UserError):
    """The repository has no checks that a change of it would have to pass."""


class CloneFailed(WorldError):
    """A git command of ours on the clone failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to become better, and where Penstock's repository is."""

    epic: str = ""
    from_issues: bool = False
    repository: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """What came of it."""

    pipeline_id: str
    epic: str
    status: str
    sentence: str
    branch: str
    clone: Path
    repository: Path
    is_offered: bool
    """The branch is in the repository."""
    stopped: PenstockError | None = None
    """Why a phase came to nothing, where one did: the pipeline can be brought on in the clone."""


async def improve(wanted: Wanted, *, home: Path, environ: Mapping[str, str], tell: Tell) -> Improvement:
    """Take one epic to its end on a fresh clone; its branch is offered to the repository if it is complete."""
    repository = own_repository(wanted.repository)
    clone = await asyncio.to_thread(_cloned, repository, home, environ)
    penstock = build(folder=clone, environ=environ, flags=FLAGS)
    try:
        pipeline_id = await _begun(penstock, wanted, repository, clone)
        stopped = await _worked(penstock, pipeline_id, tell)
        seen = penstock.epics.view(pipeline_id)
    finally:
        await penstock.close()
    is_offered = seen["status"] == "complete" and await asyncio.to_thread(_offered, clone, seen["branch"], environ)
    return Improvement(
        pipeline_id=pipeline_id,
        epic=seen["description"],
        status=seen["status"],
        sentence=seen["sentence"],
        branch=seen["branch"],
        clone=clone,
        repository=repository,
        is_offered=is_offered,
        stopped=stopped,
    )


def own_repository(named: Path | None) -> Path:
    """Penstock's own repository: the one that is named, else the clone that this very code is run from."""
    place = named or Path(__file__).resolve().parents[2]
    try:
        project = tomllib.loads((place / "pyproject.toml").read_text("utf-8")).get("project", {})
    except (OSError, ValueError):
        project = {}
    if project.get("name") != "penstock" or not (place / ".git").exists():
        said = f"{place} is not" if named else f"this Penstock runs from {place}, which is not"
        raise NotPenstock(
            f"{said} a clone of Penstock's repository", hint="clone it, and name the clone with --repository PATH"
        )
    return place.resolve()


def _cloned(repository: Path, home: Path, environ: Mapping[str, str]) -> Path:
    clone = home / CLONES / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    unfinished = clone.with_name(f"{UNFINISHED}{clone.name}")
    clone.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _git(("clone", "--quiet", "--no-tags", "--template=", str(repository), str(unfinished)), clone.parent, environ)
    except CloneFailed:
        disk.remove_if_possible(unfinished)
        raise
    return unfinished.rename(clone)


async def _begun(penstock: Penstock, wanted: Wanted, repository: Path, clone: Path) -> str:
    """The pipeline, once all that it needs is there; where something is not, no clone is left behind."""
    try:
        await _must_be_governed(penstock)
        penstock.projects.trust_here(penstock.projects.current())
        epic, context = _epic(penstock, wanted, repository)
        return (await penstock.epics.create(EpicWish(description=epic, context=context)))[0]
    except PenstockError:
        await asyncio.to_thread(disk.remove_if_possible, clone)
        raise


async def _must_be_governed(penstock: Penstock) -> None:
    """Raise an error unless the clone has a gate, and this machine can confine what a model wrote."""
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        opened.parts.confine(opened.settings.node(ProjectSettings).confine)
        checks = opened.settings.node(ChecksSettings)
    if not checks.static and not checks.integrate:
        raise NoGate(
            "the repository's penstock.toml names no checks, and nothing may change Penstock unchecked",
            hint="add [checks] to it: `penstock init` proposes some",
        )


def _epic(penstock: Penstock, wanted: Wanted, repository: Path) -> tuple[str, Mapping[str, Any]]:
    if not wanted.from_issues:
        return wanted.epic, {}
    rows = open_findings(penstock, repository)
    if not rows:
        raise UserError("no finding about Penstock is open", hint='say what to improve: --epic "…"')
    return epic_of(rows), {MENDS: [row["id"] for row in rows]}


def epic_of(findings: Sequence[Mapping[str, Any]]) -> str:
    """The epic that mends some findings."""
    lines = [
        f"- {row['severity']} ({row['category']}): {one_line(row['description'], LONGEST_FINDING)}{_at(row)}"
        for row in findings
    ]
    return "\n".join(["Mend these findings of earlier work on Penstock, each with a test:", *lines])


def open_findings(penstock: Penstock, repository: Path) -> Sequence[Mapping[str, Any]]:
    """The open findings about Penstock's repository and its clones of ours, the newest first."""
    clones, views = (penstock.parts.home / CLONES).resolve(), penstock.parts.views
    places = ((one["id"], Path(one["path"])) for one in views.projects())
    ours = [id_ for id_, path in places if path == repository or path.is_relative_to(clones)]
    rows = [row for id_ in ours for row in views.issues(project=id_, is_open=True, limit=MOST_ISSUES)]
    return sorted(rows, key=lambda row: str(row["at"]), reverse=True)[:MOST_ISSUES]


def _at(row: Mapping[str, Any]) -> str:
    return f" ({one_line(row['location'])})" if row["location"] else ""


async def _worked(penstock: Penstock, pipeline_id: str, tell: Tell) -> PenstockError | None:
    """Bring it on for as long as nobody has to say anything; what stopped it, if a phase came to nothing or waits."""
    for _ in range(MOST_PHASES):
        try:
            advanced = await penstock.epics.advance(pipeline_id, stays=False, tell=tell)
        except ApprovalNeeded:
            return None
        except PenstockError as stopped:
            return stopped
        if advanced.status != "active":
            return None
    return None


def _offered(clone: Path, branch: str, environ: Mapping[str, str]) -> bool:
    """Push the branch, not forced, to where the clone came from; never another one."""
    try:
        _git(("push", "--quiet", "--no-verify", "origin", f"refs/heads/{branch}:refs/heads/{branch}"), clone, environ)
    except CloneFailed:
        return False
    return True


def _git(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
    settings = {
        **child_environment(environ, temporary=""),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
    try:
        done = subprocess.run(
            ("git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", *arguments),
            cwd=folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise CloneFailed(f"git {arguments[0]} could not be run in {folder}: {failed}") from failed
    if done.returncode != 0:
        raise CloneFailed(f"git {arguments[0]} failed in {folder}: {done.stderr.strip()[:500]}")
