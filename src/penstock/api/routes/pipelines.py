"""Pipelines under `/api/v1/pipelines`: an epic's way through the phases."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response, StreamingResponse

from penstock.api.here import REPEATABLE, After, ApiState, AskedPage, Filter, Here, Limit, Offset, PipelineId
from penstock.api.problems import answers
from penstock.api.shapes.common import Holder
from penstock.api.shapes.pipelines import (
    AdvancedTo,
    Artifact,
    Created,
    Decision,
    Finding,
    NewArtifact,
    NewPipeline,
    Pipeline,
    PipelineEvent,
    StoredArtifact,
    WholePipeline,
)
from penstock.api.streams import AT_ONCE, STREAM_ANSWER, Follows, LastEventId, Rows, cursor, stream
from penstock.api.strict import StrictRoute
from penstock.domain.errors import UserError
from penstock.epics.asked import Advanced, EpicWish
from penstock.planning.artifacts import canonical_type

router = APIRouter(prefix="/api/v1/pipelines", tags=["pipelines"], route_class=StrictRoute)
THERE = answers(404)
DECIDED = answers(404, 409)
PERFORMED = {**answers(402, 404, 409, 502, 503), 202: {"model": AdvancedTo, "description": "The phase was begun"}}
"""What performing a phase may be answered with."""
Waits = Annotated[bool, Query(description="False: answer at once; the phase is performed in the background")]
Status = Literal["active", "waiting", "complete", "failed"]


@router.post(
    "",
    operation_id="create_pipeline",
    status_code=201,
    response_model=Created,
    responses=answers(409),
    dependencies=REPEATABLE,
)
async def create_pipeline(here: Here, body: NewPipeline) -> Created:
    """Make a pipeline of an epic; nothing is performed yet."""
    wish = EpicWish(description=body.description, epic_id=body.epic_id, context=body.context)
    pipeline_id, warnings = await here.penstock.epics.create(wish)
    return Created(pipeline_id=pipeline_id, warnings=list(warnings))


@router.get("", operation_id="list_pipelines", response_model=list[Pipeline], responses=THERE)
def list_pipelines(
    here: Here, page: AskedPage, project: Filter = None, status: Status | None = None
) -> list[dict[str, Any]]:
    """The latest pipelines, newest first."""
    views = here.penstock.parts.views
    return views.pipelines(project=project, status=status, before=page.before, limit=page.limit, offset=page.offset)


@router.get("/{pipeline_id}", operation_id="show_pipeline", response_model=WholePipeline, responses=THERE)
def show_pipeline(here: Here, pipeline_id: PipelineId) -> dict[str, Any]:
    """One pipeline with its moves, its attempts and its artifacts, and who works on it."""
    return {**here.penstock.epics.view(pipeline_id), "worked_on": holder_of(here, pipeline_id)}


@router.post(
    "/{pipeline_id}/advance",
    operation_id="advance_pipeline",
    response_model=AdvancedTo,
    responses=PERFORMED,
    dependencies=REPEATABLE,
)
async def advance_pipeline(here: Here, pipeline_id: PipelineId, wait: Waits = True) -> Response:
    """Perform the present phase and move on. Who hangs up cancels nothing."""
    advanced = await advance(here, pipeline_id, waits=wait)
    return JSONResponse(_told(advanced).model_dump(), status_code=200 if advanced.is_over else 202)


@router.post(
    "/{pipeline_id}/approve",
    operation_id="approve_pipeline",
    response_model=AdvancedTo,
    responses=DECIDED,
    dependencies=REPEATABLE,
)
async def approve_pipeline(here: Here, pipeline_id: PipelineId, body: Decision | None = None) -> AdvancedTo:
    """Approve that the phase it waits with be performed."""
    said = body or Decision()
    return _told(await here.penstock.epics.approve(pipeline_id, by=said.by, note=said.note))


@router.post(
    "/{pipeline_id}/reject",
    operation_id="reject_pipeline",
    response_model=AdvancedTo,
    responses=DECIDED,
    dependencies=REPEATABLE,
)
async def reject_pipeline(here: Here, pipeline_id: PipelineId, body: Decision | None = None) -> AdvancedTo:
    """End a pipeline: what it waits for is not approved."""
    said = body or Decision()
    return _told(await here.penstock.epics.reject(pipeline_id, by=said.by, note=said.note))


@router.get("/{pipeline_id}/artifacts", operation_id="list_artifacts", response_model=list[Artifact], responses=THERE)
def list_artifacts(
    here: Here,
    pipeline_id: PipelineId,
    type: Filter = None,  # noqa: A002 - the name on the wire
    limit: Limit = 50,
    offset: Offset = 0,
) -> list[dict[str, Any]]:
    """The artifacts of a pipeline, oldest first; the newest of a type counts."""
    wanted = None if type is None else canonical_type(type)
    return here.penstock.parts.views.artifacts_of(pipeline_id, type=wanted)[offset : offset + limit]


@router.post(
    "/{pipeline_id}/artifacts",
    operation_id="put_artifact",
    status_code=201,
    response_model=StoredArtifact,
    responses=DECIDED,
    dependencies=REPEATABLE,
)
async def put_artifact(here: Here, pipeline_id: PipelineId, body: NewArtifact) -> StoredArtifact:
    """Replace an artifact by a person's own: it is validated, and the later phases use it."""
    await phase_must_exist(here, body.phase)
    artifact_id = await here.penstock.epics.put_artifact(
        pipeline_id, artifact_type=body.artifact_type, payload=body.payload, role=body.role, phase=body.phase
    )
    return StoredArtifact(artifact_id=artifact_id)


@router.get(
    "/{pipeline_id}/events", operation_id="list_pipeline_events", response_model=list[PipelineEvent], responses=THERE
)
def list_pipeline_events(
    here: Here, pipeline_id: PipelineId, after: After = 0, limit: Limit = 100
) -> list[dict[str, Any]]:
    """What happened after an id, oldest first; the last id is the cursor of the next page."""
    return here.penstock.parts.views.pipeline_notes(pipeline_id, after=after, limit=limit)


@router.get(
    "/{pipeline_id}/events/stream",
    operation_id="stream_pipeline_events",
    response_class=StreamingResponse,
    responses={**THERE, **STREAM_ANSWER},
)
async def stream_pipeline_events(
    here: Here,
    pipeline_id: PipelineId,
    after: After = 0,
    follow: Follows = True,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """What happened and what happens, as server-sent events."""

    def look(at: int) -> Rows:
        return here.penstock.parts.views.pipeline_notes(pipeline_id, after=at, limit=AT_ONCE)

    return await stream(here, look, "type", cursor(after, last_event_id), follows=follow)


@router.get("/{pipeline_id}/issues", operation_id="list_issues", response_model=list[Finding], responses=THERE)
def list_issues(here: Here, pipeline_id: PipelineId, limit: Limit = 100, offset: Offset = 0) -> list[dict[str, Any]]:
    """The findings of a pipeline, newest first."""
    here.penstock.epics.view(pipeline_id)
    return here.penstock.parts.views.issues(pipeline=pipeline_id, limit=offset + limit)[offset:]


async def advance(here: ApiState, pipeline_id: str, *, waits: bool) -> Advanced:
    """Perform the present phase; ends with ServerStops where the server does not last that long."""
    return await here.ending.outlasted(here.penstock.epics.advance(pipeline_id, waits=waits))


async def phase_must_exist(here: ApiState, named: str) -> None:
    """Refuse a phase that is not configured; none is the present one."""
    if not named:
        return
    await here.penstock.prompts.ensure_seeded()
    known = [one.phase for one in await here.penstock.prompts.phases()]
    if named not in known:
        raise UserError(f"there is no phase {named!r}; there are: {', '.join(known)}")


def holder_of(here: ApiState, pipeline_id: str) -> Holder | None:
    """Who performs the pipeline's phase."""
    found = here.penstock.epics.holder(pipeline_id)
    return None if found is None else Holder(pid=found.pid, host=found.host, since=found.since)


def _told(advanced: Advanced) -> AdvancedTo:
    return AdvancedTo(
        pipeline_id=advanced.pipeline_id,
        previous_phase=advanced.previous_phase,
        current_phase=advanced.current_phase,
        state=advanced.state,
        status=advanced.status,
        sentence=advanced.sentence,
        is_over=advanced.is_over,
    )
