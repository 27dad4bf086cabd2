"""What recovery looks at in one run: a row of looks, each of which yields what is wrong, with what would mend it.

None of them changes anything; none of them starts work.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from penstock.care.cleaning import forget_lost_end, remove_worktree
from penstock.care.places import Known, Standing, has_folder, place_of
from penstock.care.rest import status_of
from penstock.domain.run import Run
from penstock.domain.states import TERMINAL_RUN, RunState, WorkstreamState
from penstock.engine import frozen
from penstock.engine.soundness import needed
from penstock.parts import Parts, ProjectParts
from penstock.ports import Loaded, Place
from penstock.projects import Project

RECOVERED = "Kept before the worktree was removed by recover-run"
BEFORE_BRANCH = "_branch"
"""The place whose snapshots keep what stood on the integration branch without a verdict."""
_AGENT_STEP = re.compile(r"(?:\d+\.)?(?:edit|fix)-\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One run that is looked at, under its lock."""

    parts: Parts
    opened: ProjectParts
    project: Project
    loaded: Loaded

    @property
    def run(self) -> Run:
        """The run as its rows tell it."""
        return self.loaded.run


Mend = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ill:
    """One thing that is not as it should be."""

    about: str
    found: str
    cure: str
    """What mends it, in the past tense; where nothing does, what a person can do."""
    mend: Mend | None = None
    details: tuple[str, ...] = ()


Look = Callable[[Patient], AsyncIterator[Ill]]


async def processes(patient: Patient) -> AsyncIterator[Ill]:
    """What an earlier owner left running."""
    pids = await patient.opened.attempts.leftovers(patient.run.id)
    if pids:
        found = f"an earlier owner left {len(pids)} running: {', '.join(map(str, pids))}"
        mend = partial(patient.opened.supervision.reap, patient.run.id)
        yield Ill(about="processes", found=found, cure="killed", mend=mend)


async def repository(patient: Patient) -> AsyncIterator[Ill]:
    """Penstock's own repository."""
    mending, path = patient.opened.mending, patient.project.path
    if not mending.has_repository():
        found, cure = "Penstock's own repository of the project is gone", f"made anew from {path}"
        yield Ill(about="repository", found=found, cure=cure, mend=mending.rebuild)


async def locks(patient: Patient) -> AsyncIterator[Ill]:
    """What killed git processes left locked."""
    stale = await patient.opened.mending.stale_locks()
    if stale:
        mend = patient.opened.repository.clear_stale_locks
        yield Ill(about="locks", found=f"{len(stale)} stale lock files", cure="removed", mend=mend, details=stale)


async def refs(patient: Patient) -> AsyncIterator[Ill]:
    """Refs that lead nowhere: they stop git."""
    lost = await patient.opened.mending.lost_refs(drop=False)
    if lost:
        yield Ill(
            about="refs",
            found=f"{len(lost)} refs name commits that are not there",
            cure="removed; their commits are lost",
            mend=partial(patient.opened.mending.lost_refs, drop=True),
            details=tuple(f"{ref} {commit}" for ref, commit in lost),
        )


async def commits(patient: Patient) -> AsyncIterator[Ill]:
    """What the store says was made, and the repository does not have."""
    run, verdicts = patient.run, patient.parts.views.verdicts(patient.run.id)
    wanted = needed(run) if run.state not in TERMINAL_RUN else {}
    there = await patient.opened.commits.trees({*wanted, *(one["commit"] for one in verdicts)})
    for one in verdicts:
        tree, members = there.get(one["commit"]), ", ".join(one["members"])
        if tree is None:
            found = f"the merge of {members} ({one['commit'][:12]}) has a verdict and is not there"
            yield Ill(about="verdicts", found=found, cure=_lost(run))
        elif tree != one["tree"]:
            found = f"verdict {one['id']} is for the tree {one['tree']}, and its commit has {tree}"
            yield Ill(about="verdicts", found=found, cure="left as it is: the branch never moves there")
    judged = {one["commit"] for one in verdicts}
    for commit, words in wanted.items():
        if commit not in there and commit not in judged:
            yield Ill(about="commits", found=f"{words} ({commit[:12]}) is not there", cure=_lost(run))


def _lost(run: Run) -> str:
    if run.state in TERMINAL_RUN:
        return "lost; if the branch was pushed, your own repository has it"
    return f"lost: the run can't go on; end it with `penstock cancel {run.id}` and begin a new one"


async def branch(patient: Patient) -> AsyncIterator[Ill]:
    """Where the integration branch is, and where the last verdict says that it should be."""
    run, own = patient.run, patient.opened.commits
    head = run.head or run.base
    is_empty = run.state is RunState.PENDING or (run.state in TERMINAL_RUN and head == run.base)
    if is_empty or head not in await own.trees([head]):
        return
    at = await own.branch(run.branch)
    if at == head or (at is not None and run.moving and await own.is_ancestor(at, head)):
        return  # what is still to be moved, the next owner moves
    if await _is_left_behind(patient, head):
        return  # where the branch is belongs to what came after this run
    if not await _is_judged(patient, head):
        found = (
            f"{run.branch} is at {at or 'no commit'}, and no verdict speaks for {head}, which the store calls its head"
        )
        yield Ill(about="branch", found=found, cure=f"left as it is; end the run with `penstock cancel {run.id}`")
        return
    found, cure = f"{run.branch} is not there", f"made at {head[:12]}"
    if at is not None:
        behind = await own.is_ancestor(at, head)
        found = f"{run.branch} is at {at[:12]}, {'behind' if behind else 'not'} the last judged merge {head[:12]}"
        cure = f"moved to {head[:12]}" + ("" if behind else "; what stood there is kept under refs/penstock")
    yield Ill(about="branch", found=found, cure=cure, mend=partial(_put_branch, patient, head, at))


async def _is_left_behind(patient: Patient, head: str) -> bool:
    """Whether the run is of an epic that went on from its head: with another run, or by closing the work."""
    commission = frozen.from_json(patient.loaded.settings).settings.commission
    if commission is None or patient.run.state not in TERMINAL_RUN:
        return False
    pipeline = await patient.parts.pipelines.load(commission.pipeline)
    if pipeline.branch != patient.run.branch:  # it is a replay
        return False
    newest = pipeline.run_of_round
    if newest != patient.run.id and status_of(patient.parts, newest) is not None:
        return True
    return pipeline.head not in ("", head) and await patient.opened.commits.is_ancestor(head, pipeline.head)


async def _is_judged(patient: Patient, commit: str) -> bool:
    """Whether the store has a verdict for exactly the tree of that commit, or the run began with it."""
    if commit == patient.run.base:
        return True
    tree = (await patient.opened.commits.trees([commit])).get(commit)
    verdicts = patient.parts.views.verdicts(patient.run.id)
    return any((one["commit"], one["tree"]) == (commit, tree) for one in verdicts)


async def _put_branch(patient: Patient, head: str, at: str | None) -> None:
    own, run = patient.opened.commits, patient.run
    if at is not None:
        await own.hold(Place(run=run.id, workstream=BEFORE_BRANCH, branch=run.branch), at)
    await own.set_branch(run.branch, head, at)


async def worktrees(patient: Patient) -> AsyncIterator[Ill]:
    """Folders in which nobody will work any more."""
    for place in patient.opened.worktrees.places():
        if place.run != patient.run.id:
            continue
        one = Known(place=place, loaded=patient.loaded)
        if one.standing not in (Standing.OVER, Standing.ORPHANED):
            continue
        state = one.progress.state.value if one.progress is not None else "not in the plan"
        rest = "still has a folder" if has_folder(patient.opened, place) else "a record of its folder is left"
        found = f"{place.workstream} is {state} and {rest}"
        mend = partial(remove_worktree, patient.parts, patient.opened, one, RECOVERED)
        yield Ill(about="worktrees", found=found, cure="kept as a snapshot, then removed", mend=mend)


async def attempts(patient: Patient) -> AsyncIterator[Ill]:
    """Attempts that the next owner would take for others."""
    run, rows = patient.run, patient.parts.views.attempts(patient.run.id)
    stored = {(row["ws_id"], _key(row)) for row in rows}
    for workstream, key in patient.opened.attempts.recorded(run.id):
        if _AGENT_STEP.fullmatch(key) and (workstream, key) not in stored:
            found = f"{workstream}/{key} has a folder, and the store knows of no such attempt"
            mend = partial(_set_aside, patient, workstream, key)
            yield Ill(about="attempts", found=found, cure="set aside, so that nobody believes its outcome", mend=mend)
    if run.state in TERMINAL_RUN:
        return
    for rank in run.in_state(WorkstreamState.EDITING) | run.in_state(WorkstreamState.FIXING):
        one = Known(place=place_of(patient.loaded, run.plan.order[rank].id), loaded=patient.loaded)
        attempt, where = run.rows[rank].attempt, one.place
        if attempt is None or has_folder(patient.opened, where):
            continue
        if patient.opened.supervision.has_ended(where.run, where.workstream, attempt.key):
            found = f"the agent of {where.workstream} had ended ({attempt.key}), and its worktree is gone"
            mend = partial(_forget_end, patient, one)
            yield Ill(about="attempts", found=found, cure="counted as interrupted: it works again", mend=mend)


def _key(row: dict[str, Any]) -> str:  # Any: a row of the views
    label = f"{row['step']}-{row['attempt']}" if row["round"] == 1 else f"{row['round']}.{row['step']}-{row['attempt']}"
    return label if row["retry"] == 0 else f"{label}.{row['retry']}"


async def _set_aside(patient: Patient, workstream: str, key: str) -> None:
    patient.opened.attempts.set_aside(patient.run.id, workstream, key)


async def _forget_end(patient: Patient, one: Known) -> None:
    forget_lost_end(patient.opened, one)


FIRST: tuple[Look, ...] = (processes, repository)
"""Before what the run's own settings say can be read."""
THEN: tuple[Look, ...] = (locks, refs, commits, branch, worktrees, attempts)
