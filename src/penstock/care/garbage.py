"""What `gc` would remove: one list, made without removing anything, that the real one then goes through.

Nothing of a run that is worked on, paused or not at its end is ever on it. What the store does not know may be another
store's: it goes by age only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from penstock import disk
from penstock.care.places import Known, Standing, every_place
from penstock.care.rest import EVERY_RUN, opened_for, settings_here
from penstock.config.sections import LimitSettings
from penstock.domain.states import TERMINAL_RUN, PipelineStatus
from penstock.parts import Parts
from penstock.ports import Place
from penstock.projects import Project, project_at
from penstock.upkeep import CLONES, UNFINISHED, Kind, Remnant

GRACE = timedelta(days=1)
"""Scrap and objects that are younger may still be somebody's."""
GOING_ON = (PipelineStatus.ACTIVE, PipelineStatus.WAITING)
PACKED = "what no commit needs goes, the rest is packed"
NOWHERE = Path("/nonexistent")
"""Where a project lies that has state and no run in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that goes, and why."""

    project: Project
    remnant: Remnant
    reason: str
    place: Place | None = None
    """Of a worktree."""

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "kind": self.remnant.kind.value,
            "project": self.project.id,
            "run_id": self.remnant.run or None,
            "name": self.remnant.name,
            "bytes": self.remnant.size,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A run of which nothing is removed, and why."""

    run_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """Everything that goes, and what was left on purpose."""

    items: tuple[Item, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old things must be in one project."""

    now: datetime
    days: int
    asked: int | None
    """What the user asked for, over every promise."""
    ended: Mapping[str, datetime]
    """When each run ended that has ended."""
    unfinished: frozenset[str]
    busy: bool
    """Somebody works on a run of this project."""
    goes_on: bool
    """A pipeline of this project has not ended."""

    def judge(self, one: Remnant) -> str:
        """Why it goes, or nothing."""
        if one.run in self.unfinished:
            return ""
        if not one.run:
            return self._shared(one)
        if one.run not in self.ended:
            return self._since(one.used, self.days, "its run is not in the store, and it was last written")
        return self._of_ended(one, self.ended[one.run])

    def _of_ended(self, one: Remnant, ended: datetime) -> str:
        match one.kind:
            case Kind.CHECKOUTS:
                return "its run has ended"
            case Kind.KEPT:
                return self._since(one.used, self._promised(one), "moved aside")
            case Kind.SNAPSHOTS:  # one that was made long after the run's end is kept as long as any
                return self._since(max(one.used, ended), self.days, "last needed")
            case _:
                return self._since(ended, self.days, "its run ended")

    def _shared(self, one: Remnant) -> str:
        if one.kind is Kind.SCRAP:
            return "left by a killed process" if self.now - one.used >= GRACE else ""
        if self.busy or (one.kind is Kind.CLONE and (self.unfinished or self.goes_on)):
            return ""
        if one.kind is Kind.OBJECTS:
            return PACKED if self.now - one.used >= GRACE else ""
        return self._since(one.used, self.days, "last used")

    def _promised(self, one: Remnant) -> int:
        return self.days if self.asked is not None or one.promised is None else one.promised

    def _since(self, moment: datetime, days: int, words: str) -> str:
        age = self.now - moment
        return f"{words} {age.days} days ago" if age.days >= days else ""

    def judge_worktree(self, known: Known, one: Remnant) -> str:
        """Why a worktree goes, or nothing."""
        run = known.place.run
        if run in self.unfinished:
            return ""
        if run not in self.ended:
            return self._since(one.used, self.days, "its run is not in the store, and it was last written")
        if known.standing is Standing.FAILED:
            return self._since(self.ended[run], self.days, "failed, and its run ended")
        return "its run has ended"


async def find_garbage(parts: Parts, older_than: int | None) -> Garbage:
    """Everything that goes, over all projects of this state folder."""
    items: list[Item] = []
    left: list[Left] = []
    for project in _projects(parts):
        ages, unfinished = _ages(parts, project, older_than)
        left += unfinished
        items += await _of_project(parts, project, ages)
    items += _reports(parts, older_than)
    items += _unfinished_clones(parts)
    return Garbage(items=tuple(items), left=tuple(left))


def _projects(parts: Parts) -> list[Project]:
    stored = {row["id"]: Path(row["path"]) for row in parts.views.projects()}
    for path in (parts.home / CLONES).glob("*/.git"):  # of whoever was killed before it became a project of the store's
        if path.parent.name.startswith(UNFINISHED):
            continue
        clone = project_at(path.parent)
        stored.setdefault(clone.id, clone.path)
    on_disk = (path.name for path in (parts.home / "projects").glob("*") if path.is_dir())
    return [Project(id=name, path=stored.get(name, NOWHERE)) for name in sorted({*stored, *on_disk})]


def _ages(parts: Parts, project: Project, asked: int | None) -> tuple[Ages, list[Left]]:
    keep_days = settings_here(parts, project).node(LimitSettings).keep_days
    ended: dict[str, datetime] = {}
    left: list[Left] = []
    busy = False
    for row in parts.views.runs(project=project.id, limit=EVERY_RUN):
        run_id, holder = row["run_id"], parts.locks.holder(row["run_id"])
        busy = busy or holder is not None
        if holder is not None:
            left.append(Left(run_id=run_id, reason=f"worked on by process {holder.pid} on {holder.host}"))
        elif row["status"] not in TERMINAL_RUN:
            left.append(Left(run_id=run_id, reason=f"{row['status']}, not at its end"))
        else:
            ended[run_id] = datetime.fromisoformat(row["completed_at"] or row["updated_at"])
    ages = Ages(
        now=parts.clock.now(),
        days=keep_days if asked is None else asked,
        asked=asked,
        ended=ended,
        unfinished=frozenset(one.run_id for one in left),
        busy=busy,
        goes_on=any(parts.views.pipelines(project=project.id, status=status.value, limit=1) for status in GOING_ON),
    )
    return ages, left


async def _of_project(parts: Parts, project: Project, ages: Ages) -> list[Item]:
    found: list[Item] = []
    async with opened_for(parts, project, None) as opened:
        places = await every_place(parts, project)
        for known in places:
            one = opened.worktrees.measure(known.place)
            if reason := ages.judge_worktree(known, one):
                found.append(Item(project=project, remnant=one, reason=reason, place=known.place))
        remnants = await opened.remains.found()
        bases = _bases(parts, project) if opened.mending.has_repository() else ()
        is_rootless = bool(bases and await opened.commits.unheld(bases))
    judged = ((one, ages.judge(one)) for one in remnants)
    found += [Item(project=project, remnant=one, reason=reason) for one, reason in judged if reason]
    runs = {*(one.run for one in remnants if one.run), *(known.place.run for known in places)}
    if is_rootless or runs - {*ages.ended, *ages.unfinished}:  # an epic that goes on, or another store, may need them
        return [item for item in found if item.remnant.kind is not Kind.OBJECTS]
    return found + list(_freed(project, found, ages))


def _bases(parts: Parts, project: Project) -> set[str]:
    """What the epics go on from that have not ended: before its first run nothing of ours but the user's branch, which
    may have been rewritten since, holds an epic's.
    """
    rows = [
        row
        for status in GOING_ON
        for row in parts.views.pipelines(project=project.id, status=status.value, limit=EVERY_RUN)
    ]
    return {commit for row in rows for commit in (row["base"], row["head"]) if commit}


def _freed(project: Project, found: list[Item], ages: Ages) -> Iterator[Item]:
    """Snapshots that go leave objects behind."""
    kinds = {item.remnant.kind for item in found}
    if Kind.SNAPSHOTS in kinds and Kind.OBJECTS not in kinds and not ages.busy:
        remnant = Remnant(kind=Kind.OBJECTS, run="", name="repo.git", size=0, used=ages.now)
        yield Item(project=project, remnant=remnant, reason=PACKED)


def _reports(parts: Parts, asked: int | None) -> Iterator[Item]:
    days = parts.settings({}).node(LimitSettings).keep_days if asked is None else asked
    for path in sorted((parts.home / "logs").glob("bug-*.txt")):
        status = path.lstat()
        written = datetime.fromtimestamp(status.st_mtime, parts.clock.now().tzinfo)
        age = parts.clock.now() - written
        if age.days >= days:
            remnant = Remnant(kind=Kind.REPORT, run="", name=path.name, size=status.st_size, used=written)
            project = Project(id="", path=NOWHERE)
            yield Item(project=project, remnant=remnant, reason=f"written {age.days} days ago")


def _unfinished_clones(parts: Parts) -> Iterator[Item]:
    """What a killed `self-improve` had only half cloned: nothing of it is anybody's work."""
    for path in sorted((parts.home / CLONES).glob(f"{UNFINISHED}*")):
        written = datetime.fromtimestamp(path.lstat().st_mtime, parts.clock.now().tzinfo)
        if parts.clock.now() - written >= GRACE:
            size = sum(entry.stat(follow_symlinks=False).st_size for entry in disk.below(path))
            remnant = Remnant(kind=Kind.SCRAP, run="", name=path.name, size=size, used=written)
            yield Item(project=Project(id="", path=NOWHERE), remnant=remnant, reason="left by a killed process")
