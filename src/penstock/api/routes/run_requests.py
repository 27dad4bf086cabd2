"""Runs under `/api/v1/runs`: making them, and asking something of them. Who owns a run does it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from fastapi import APIRouter

from penstock.api.here import REPEATABLE, ApiState, Here, RunId, WorkstreamId
from penstock.api.problems import answers
from penstock.api.routes.runs import holder_of, workstream_of
from penstock.api.shapes.runs import Approve, Asked, Begun, Pause, Reject, Rollback, StartRun
from penstock.api.strict import StrictRoute
from penstock.domain.budget import Cap, micros_of
from penstock.domain.errors import UserError
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    CancelAsked,
    PauseAsked,
    Rejected,
    Request,
    ResetAsked,
    ResumeAsked,
    RollbackAsked,
)
from penstock.domain.states import RunState
from penstock.submission import SERVER, Submission

router = APIRouter(prefix="/api/v1/runs", tags=["runs"], route_class=StrictRoute)
TAKEN = answers(404, 409)


@router.post(
    "", operation_id="start_run", status_code=201, response_model=Begun, responses=answers(409), dependencies=REPEATABLE
)
async def start_run(here: Here, body: StartRun) -> Begun:
    """Make a run of the project's plan and begin with it; it is worked on in the background."""
    submission = Submission(
        plan=_inside(here, body.plan),
        workstream=body.workstream or None,
        run_id=body.run_id or None,
        max_parallel=body.max_parallel,
        cap=Cap(tokens=body.max_tokens, micros=micros_of(body.max_cost_usd)),
        begun_by=SERVER,
    )
    made = await here.penstock.service.submit(submission)
    here.works.begin(made.run_id)
    return Begun(
        run_id=made.run_id,
        branch=made.branch,
        base=made.base,
        base_branch=made.base_branch,
        warnings=list(made.warnings),
    )


@router.post(
    "/{run_id}/pause", operation_id="pause_run", response_model=Asked, responses=TAKEN, dependencies=REPEATABLE
)
async def pause_run(here: Here, run_id: RunId, body: Pause | None = None) -> Asked:
    """Pause a run: steps that run may end first, unless `now`."""
    return await _ask(here, run_id, PauseAsked(now=bool(body and body.now)))


@router.post(
    "/{run_id}/resume", operation_id="resume_run", response_model=Asked, responses=TAKEN, dependencies=REPEATABLE
)
async def resume_run(here: Here, run_id: RunId) -> Asked:
    """Go on with a run that was paused, that nobody works on, or whose budget was spent."""
    view = await asyncio.to_thread(here.penstock.parts.views.run, run_id)
    is_lost = view["status"] in {RunState.RUNNING, RunState.PENDING}
    if is_lost and here.penstock.service.holder(run_id) is None and not view["pipeline_id"]:
        here.works.begin(run_id)
        return Asked(run_id=run_id, request_id=None, taken=True, status=view["status"], worked_on=None)
    return await _ask(here, run_id, ResumeAsked())


@router.post(
    "/{run_id}/cancel", operation_id="cancel_run", response_model=Asked, responses=TAKEN, dependencies=REPEATABLE
)
async def cancel_run(here: Here, run_id: RunId) -> Asked:
    """End a run for good: its steps are stopped, everything is kept."""
    return await _ask(here, run_id, CancelAsked())


@router.post(
    "/{run_id}/abandon", operation_id="abandon_run", response_model=Asked, responses=TAKEN, dependencies=REPEATABLE
)
async def abandon_run(here: Here, run_id: RunId) -> Asked:
    """Give a run up, whatever its state, and tidy its folders away; logs and snapshots are kept."""
    return await _ask(here, run_id, AbandonAsked())


@router.post(
    "/{run_id}/approve", operation_id="approve_in_run", response_model=Asked, responses=TAKEN, dependencies=REPEATABLE
)
async def approve_in_run(here: Here, run_id: RunId, body: Approve) -> Asked:
    """Approve a workstream that waits for a person, or let a gate begin."""
    if bool(body.workstream) == bool(body.gate):
        raise UserError("approve either one workstream or one gate", hint='{"workstream": "…"} or {"gate": N}')
    request = Approved(workstream=body.workstream, gate=body.gate, by=body.by, note=body.note)
    return await _ask(here, run_id, request)


@router.post(
    "/{run_id}/reject", operation_id="reject_in_run", response_model=Asked, responses=TAKEN, dependencies=REPEATABLE
)
async def reject_in_run(here: Here, run_id: RunId, body: Reject) -> Asked:
    """Ask for a revision of a workstream that waits for a person, or give up on it."""
    request = Rejected(workstream=body.workstream, final=body.final, by=body.by, note=body.note)
    return await _ask(here, run_id, request)


@router.post(
    "/{run_id}/workstreams/{ws_id}/reset",
    operation_id="reset_workstream",
    response_model=Asked,
    responses=TAKEN,
    dependencies=REPEATABLE,
)
async def reset_workstream(here: Here, run_id: RunId, ws_id: WorkstreamId) -> Asked:
    """Let a failed workstream begin again."""
    await asyncio.to_thread(workstream_of, here, run_id, ws_id)
    return await _ask(here, run_id, ResetAsked(workstream=ws_id))


@router.post(
    "/{run_id}/workstreams/{ws_id}/rollback",
    operation_id="rollback_workstream",
    response_model=Asked,
    responses=TAKEN,
    dependencies=REPEATABLE,
)
async def rollback_workstream(here: Here, run_id: RunId, ws_id: WorkstreamId, body: Rollback | None = None) -> Asked:
    """Take a merged workstream back: a new commit that undoes its merge, verified like any merge."""
    await asyncio.to_thread(workstream_of, here, run_id, ws_id)
    return await _ask(here, run_id, RollbackAsked(workstream=ws_id, cascade=bool(body and body.cascade)))


async def _ask(here: ApiState, run_id: str, request: Request) -> Asked:
    answer = await here.penstock.service.ask(run_id, request)
    if answer.holder is None:
        await here.works.go_on(run_id)
    view = await asyncio.to_thread(here.penstock.parts.views.run, run_id)
    return Asked(
        run_id=run_id,
        request_id=answer.request_id,
        taken=answer.holder is None,
        status=view["status"],
        worked_on=holder_of(here, run_id),
    )


def _inside(here: ApiState, plan: str) -> Path | None:
    """A plan that a request names: inside the project and nowhere else."""
    if not plan:
        return None
    project = here.penstock.projects.current().path
    path = _real(project / plan) if plan.isprintable() else None
    if path is None or not path.is_relative_to(project.resolve()):
        raise UserError(
            "the plan is not there, or lies outside the project",
            hint="name a folder of bundles relative to the project",
        )
    return path


def _real(path: Path) -> Path | None:
    """Where a path leads; none where nothing is, or where links lead in a circle."""
    try:
        return Path(os.path.realpath(path, strict=True))
    except OSError:
        return None
