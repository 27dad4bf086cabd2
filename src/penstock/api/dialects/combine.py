"""The Combine's dialect: `/pipelines` and `/artifacts`, translated onto the use cases of pipelines."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from penstock.api.dialects.combine_shapes import (
    ArtifactList,
    CombineAdvanced,
    CombinePipeline,
    CombineStatus,
    GivenArtifact,
    ListedArtifact,
    NewEpic,
    StoredByHand,
)
from penstock.api.here import LONGEST_ID, REPEATABLE, Filter, Here, PipelineId
from penstock.api.problems import answers
from penstock.api.routes.pipelines import PERFORMED, Waits, advance, phase_must_exist
from penstock.api.strict import StrictRoute
from penstock.epics.asked import EpicWish
from penstock.planning.artifacts import canonical_type

router = APIRouter(tags=["combine"], route_class=StrictRoute)
ALIASES = {"arch_notes": "arch_spec"}
"""Types of artifacts that have a second name in this dialect; both are keys."""
ArtifactId = Annotated[str, Path(min_length=1, max_length=LONGEST_ID)]
Row = dict[str, Any]


@router.post(
    "/pipelines",
    operation_id="combine_create_pipeline",
    status_code=201,
    response_model=CombinePipeline,
    responses=answers(409),
    dependencies=REPEATABLE,
)
async def create_pipeline(here: Here, body: NewEpic) -> Row:
    """Make a pipeline of an epic, which an id, a description or both say."""
    wish = EpicWish(
        description=body.epic_description or "", epic_id=body.epic_id or "", context=body.initial_context or {}
    )
    pipeline_id, warnings = await here.penstock.epics.create(wish)
    view = await asyncio.to_thread(here.penstock.epics.view, pipeline_id)
    return {**_head(view), "warnings": list(warnings)}


@router.get(
    "/pipelines/{pipeline_id}",
    operation_id="combine_show_pipeline",
    response_model=CombineStatus,
    responses=answers(404),
)
def show_pipeline(here: Here, pipeline_id: PipelineId) -> Row:
    """A pipeline with its newest artifacts by type and its moves."""
    view = here.penstock.epics.view(pipeline_id)
    rows = here.penstock.parts.views.artifacts_of(pipeline_id)
    return {
        **_head(view),
        "completed_at": view["completed_at"],
        "phase_history": view["phase_history"],
        "artifacts": {name: _shown(row) for name, row in _newest(rows).items()},
    }


@router.post(
    "/pipelines/{pipeline_id}/advance",
    operation_id="combine_advance_pipeline",
    response_model=CombineAdvanced,
    responses={**PERFORMED, 202: {"model": CombineAdvanced, "description": "The phase was begun"}},
    dependencies=REPEATABLE,
)
async def advance_pipeline(here: Here, pipeline_id: PipelineId, wait: Waits = True) -> Response:
    """Perform the present phase and move on; the answer comes when it is performed, however long that takes."""
    advanced = await advance(here, pipeline_id, waits=wait)
    view = await asyncio.to_thread(here.penstock.epics.view, pipeline_id)
    told = {
        "pipeline_id": pipeline_id,
        "previous_phase": advanced.previous_phase,
        "current_phase": advanced.current_phase or view["current_phase"],
        "state": advanced.state,
        "status": advanced.status,
        "updated_at": view["updated_at"],
        "sentence": advanced.sentence,
    }
    return JSONResponse(told, status_code=200 if advanced.is_over else 202)


@router.get(
    "/pipelines/{pipeline_id}/artifacts",
    operation_id="combine_list_artifacts",
    response_model=dict[str, Any] | ArtifactList,
    responses=answers(404),
)
def list_artifacts(
    here: Here,
    pipeline_id: PipelineId,
    format: Annotated[Literal["object", "list"], Query()] = "object",  # noqa: A002 - the name on the wire
    type: Filter = None,  # noqa: A002 - as above
) -> Row:
    """The newest artifact of each type by its type; with `format=list` every one, as a list."""
    wanted = None if type is None else canonical_type(type)
    rows = here.penstock.parts.views.artifacts_of(pipeline_id, type=wanted)
    if format == "list":
        return {"artifacts": [_listed(row) for row in rows]}
    return {name: row["payload"] for name, row in _newest(rows).items()}


@router.post(
    "/pipelines/{pipeline_id}/artifacts",
    operation_id="combine_put_artifact",
    status_code=201,
    response_model=StoredByHand,
    responses=answers(404, 409),
    dependencies=REPEATABLE,
)
async def put_artifact(here: Here, pipeline_id: PipelineId, body: GivenArtifact) -> Row:
    """Replace an artifact by a person's own; it is validated, and the later phases use it."""
    await phase_must_exist(here, body.phase)
    artifact_id = await here.penstock.epics.put_artifact(
        pipeline_id, artifact_type=body.artifact_type, payload=body.payload, role=body.mentor_role, phase=body.phase
    )
    row = await asyncio.to_thread(here.penstock.parts.views.artifact, artifact_id)
    return {**_listed(row), "origin": row["origin"]}


@router.get(
    "/artifacts/{artifact_id}",
    operation_id="combine_show_artifact",
    response_model=ListedArtifact,
    responses=answers(404),
)
def show_artifact(here: Here, artifact_id: ArtifactId) -> Row:
    """One artifact."""
    return _listed(here.penstock.parts.views.artifact(artifact_id))


def _head(view: Row) -> Row:
    names = ("pipeline_id", "epic_id", "state", "status", "current_phase", "created_at", "updated_at")
    return {name: view[name] for name in names}


def _newest(rows: list[Row]) -> dict[str, Row]:
    """The newest of each type, under all names that the type has here."""
    newest: dict[str, Row] = {}
    for row in rows:
        newest[row["artifact_type"]] = row
    return {**newest, **{alias: newest[name] for name, alias in ALIASES.items() if name in newest}}


def _shown(row: Row) -> Row:
    names = ("artifact_id", "artifact_type", "phase", "mentor_role", "validation_status", "created_at", "payload")
    return {name: row[name] for name in names}


def _listed(row: Row) -> Row:
    names = ("artifact_id", "pipeline_id", "artifact_type", "created_at")
    return {**{name: row[name] for name in names}, "content": row["payload"]}
