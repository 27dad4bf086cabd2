"""Runs under `/api/v1/runs`: looking at them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from penstock.api.here import MOST_ROWS, After, ApiState, AskedPage, Filter, Here, Limit, Offset, RunId, WorkstreamId
from penstock.api.problems import NotThere, answers
from penstock.api.shapes.common import Holder
from penstock.api.shapes.runs import Attempt, Run, RunError, RunEvent, Verdict, WholeRun, Workstream
from penstock.api.streams import AT_ONCE, STREAM_ANSWER, Follows, LastEventId, Rows, cursor, stream
from penstock.api.strict import StrictRoute

router = APIRouter(prefix="/api/v1/runs", tags=["runs"], route_class=StrictRoute)
THERE = answers(404)


@router.get("", operation_id="list_runs", response_model=list[Run], responses=THERE)
def list_runs(
    here: Here, page: AskedPage, project: Filter = None, pipeline: Filter = None, status: Filter = None
) -> list[dict[str, Any]]:
    """The latest runs, newest first."""
    views, end = here.penstock.parts.views, page.offset + page.limit
    most = end if status is None else 100_000
    rows = views.runs(project=project, pipeline=pipeline, before=page.before, limit=most)
    kept = [row for row in rows if status is None or row["status"] == status]
    return kept[page.offset : end]


@router.get("/{run_id}", operation_id="show_run", response_model=WholeRun, responses=THERE)
def show_run(here: Here, run_id: RunId) -> dict[str, Any]:
    """One run with its workstreams, what it used, and who works on it."""
    view = here.penstock.parts.views.run(run_id)
    return {**view, "worked_on": holder_of(here, run_id)}


@router.get("/{run_id}/workstreams", operation_id="list_workstreams", response_model=list[Workstream], responses=THERE)
def list_workstreams(here: Here, run_id: RunId) -> list[dict[str, Any]]:
    """The workstreams of a run, in the order of its plan."""
    found: list[dict[str, Any]] = here.penstock.parts.views.run(run_id)["workstreams"]
    return found


@router.get("/{run_id}/workstreams/{ws_id}", operation_id="show_workstream", response_model=Workstream, responses=THERE)
def show_workstream(here: Here, run_id: RunId, ws_id: WorkstreamId) -> dict[str, Any]:
    """One workstream of a run."""
    return workstream_of(here, run_id, ws_id)


@router.get("/{run_id}/attempts", operation_id="list_attempts", response_model=list[Attempt], responses=THERE)
def list_attempts(
    here: Here, run_id: RunId, ws_id: Filter = None, limit: Limit = MOST_ROWS, offset: Offset = 0
) -> list[dict[str, Any]]:
    """The attempts of a run, oldest first."""
    rows = here.penstock.parts.views.attempts(run_id)
    return [row for row in rows if ws_id is None or row["ws_id"] == ws_id][offset : offset + limit]


@router.get("/{run_id}/verdicts", operation_id="list_verdicts", response_model=list[Verdict], responses=THERE)
def list_verdicts(here: Here, run_id: RunId) -> list[dict[str, Any]]:
    """What was judged to be merged, oldest first."""
    return here.penstock.parts.views.verdicts(run_id)


@router.get("/{run_id}/errors", operation_id="list_errors", response_model=list[RunError], responses=THERE)
def list_errors(here: Here, run_id: RunId) -> list[dict[str, Any]]:
    """What went wrong, latest first."""
    return here.penstock.parts.views.errors(run_id)


@router.get("/{run_id}/events", operation_id="list_run_events", response_model=list[RunEvent], responses=THERE)
def list_run_events(
    here: Here, run_id: RunId, ws_id: Filter = None, after: After = 0, limit: Limit = 100
) -> list[dict[str, Any]]:
    """What has happened after an id, oldest first; the last id is the cursor of the next page."""
    return here.penstock.parts.views.events(run_id, workstream=ws_id, after=after, limit=limit)


@router.get(
    "/{run_id}/events/stream",
    operation_id="stream_run_events",
    response_class=StreamingResponse,
    responses={**THERE, **STREAM_ANSWER},
)
async def stream_run_events(
    here: Here,
    run_id: RunId,
    after: After = 0,
    follow: Follows = True,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """What has happened and what happens, as server-sent events."""

    def look(at: int) -> Rows:
        return here.penstock.parts.views.events(run_id, after=at, limit=AT_ONCE)

    return await stream(here, look, "event_type", cursor(after, last_event_id), follows=follow)


def holder_of(here: ApiState, run_id: str) -> Holder | None:
    """Who works on a run."""
    found = here.penstock.service.holder(run_id)
    return None if found is None else Holder(pid=found.pid, host=found.host, since=found.since)


def workstream_of(here: ApiState, run_id: str, ws_id: str) -> dict[str, Any]:
    """One workstream of a run, or NotThere."""
    rows: list[dict[str, Any]] = here.penstock.parts.views.run(run_id)["workstreams"]
    for row in rows:
        if row["ws_id"] == ws_id:
            return row
    known = ", ".join(row["ws_id"] for row in rows[:10])
    raise NotThere(f"run {run_id} has no workstream {ws_id!r}; it has {known or 'none'}")
