"""The use case that removes worktrees. What is removed is kept first, and only under the lock of its run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from penstock.care.places import Known, Standing, every_place, meant
from penstock.care.rest import known, opened_for
from penstock.domain.changes import Stamp
from penstock.engine.furnishing import worktree_record
from penstock.engine.making import Errand
from penstock.engine.owner import RunIsOwned, owning
from penstock.parts import Parts, ProjectParts
from penstock.ports import Place
from penstock.projects import Project

CLEANED = "Kept before the worktree was cleaned up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What became, or would become, of one worktree."""

    ws_id: str
    run_id: str
    path: str
    goes: bool
    """Whether it is one that goes; in a dry run it is still there."""
    removed: bool
    reason: str
    is_owned: bool = False
    """Left because somebody works on its run."""
    snapshot: str | None = None
    """The ref that has its content; None for one that was empty or is only shown."""
    moved_to: str | None = None
    """Where the folder was moved, because git could not hold all of it."""

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which worktrees to clean up: all that nobody needs, or only some."""

    workstream: str = ""
    run_id: str = ""
    orphans: bool = False
    force: bool = False
    dry_run: bool = False

    def is_about(self, place: Place) -> bool:
        """Whether the place is one of those that are meant."""
        return self.workstream in ("", place.workstream) and self.run_id in ("", place.run)

    def judge(self, one: Known) -> tuple[bool, str]:
        """Whether it goes, and why or why not."""
        standing = one.standing
        if standing is Standing.ORPHANED:
            return True, "nobody's: its run is unknown, or its owner was killed"
        if self.orphans:
            return False, f"not an orphan: {standing.value}"
        if standing is Standing.OVER:
            return True, "its run has ended"
        if self.force:
            return True, f"{standing.value}, and forced"
        kept = "failed: kept for inspection, until `penstock gc` finds it old"
        return False, kept if standing is Standing.FAILED else "its run goes on in it"


async def cleaned_up(parts: Parts, project: Project, wish: Wish) -> list[Cleaned]:
    """Remove worktrees whose content is kept before; those of a run that somebody works on are refused, named."""
    asked = [one for one in await every_place(parts, project) if wish.is_about(one.place)]
    found = [await _clean(parts, project, one, wish) for one in asked]
    if not found and wish.workstream:
        one = await meant(parts, project, wish.workstream, wish.run_id)
        async with opened_for(parts, project, one.loaded) as opened:
            path = str(opened.worktrees.folder(one.place))
        nothing = Cleaned(
            ws_id=one.place.workstream,
            run_id=one.place.run,
            path=path,
            goes=False,
            removed=False,
            reason="it has no worktree",
        )
        found.append(nothing)
    return found


async def _clean(parts: Parts, project: Project, one: Known, wish: Wish) -> Cleaned:
    async with opened_for(parts, project, one.loaded) as opened:
        path = str(opened.worktrees.folder(one.place))
        snapshot = moved_to = None
        is_owned = False
        try:
            async with owning(parts.locks, one.place.run):
                one = replace(one, loaded=await known(parts, one.place.run, project.id))
                goes, reason = wish.judge(one)
                if goes and not wish.dry_run:
                    snapshot, moved_to = await remove_worktree(parts, opened, one, CLEANED)
        except RunIsOwned as owned:
            goes, reason, is_owned = False, owned.sentence, True
        return Cleaned(
            ws_id=one.place.workstream,
            run_id=one.place.run,
            path=path,
            goes=goes,
            removed=goes and not wish.dry_run,
            reason=reason,
            is_owned=is_owned,
            snapshot=snapshot,
            moved_to=moved_to,
        )


async def remove_worktree(
    parts: Parts, opened: ProjectParts, one: Known, subject: str
) -> tuple[str | None, str | None]:
    """Keep what a worktree holds, then remove it: the ref that has it, and where it was moved if git could not hold it.

    Only under the lock of its run.
    """
    forget_lost_end(opened, one)
    await _take_out_what_was_lent(opened, one.place)
    trailer = f"{subject}\n\nPenstock-Attempt: {one.place.run}/{one.place.workstream}\n"
    preserved = await opened.workspace.preserve(one.place, Stamp(message=trailer, at=parts.clock.now()))
    await opened.workspace.remove(preserved)
    return preserved.ref, str(preserved.moved_to) if preserved.moved_to else None


async def _take_out_what_was_lent(opened: ProjectParts, place: Place) -> None:
    """A killed attempt's worktree still has its environment and copies of the user's files: they enter no snapshot."""
    for workstream, key in opened.attempts.recorded(place.run):
        if workstream == place.workstream:
            folder = await opened.supervision.folder(place.run, workstream, key)
            errand = Errand(folder=folder, marker=opened.supervision.marker(place.run, workstream, key))
            await opened.environments.withdraw(opened.worktrees.folder(place), worktree_record(errand))


def forget_lost_end(opened: ProjectParts, one: Known) -> str:
    """Let an agent that had ended work again, since what it made is no longer where it left it; the attempt's key.

    Else the next owner would judge the agent by a folder that it never saw. Empty where there is no such attempt.
    """
    attempt = one.progress.attempt if one.progress is not None else None
    if attempt is None or not opened.supervision.has_ended(one.place.run, one.place.workstream, attempt.key):
        return ""
    opened.attempts.forget_end(one.place.run, one.place.workstream, attempt.key)
    return attempt.key
