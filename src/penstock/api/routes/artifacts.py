"""Artifacts under `/api/v1/artifacts`: one by its id, and its documents. What a model wrote is shown, never run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from penstock.api.here import LONGEST_ID, Here
from penstock.api.problems import answers
from penstock.api.shapes.pipelines import Artifact
from penstock.api.strict import StrictRoute

router = APIRouter(prefix="/api/v1/artifacts", tags=["artifacts"], route_class=StrictRoute)
ArtifactId = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, description="The artifact's id")]

DOCUMENT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_TEXT = {"schema": {"type": "string"}}


@router.get("/{artifact_id}", operation_id="show_artifact", response_model=Artifact, responses=answers(404))
def show_artifact(here: Here, artifact_id: ArtifactId) -> dict[str, Any]:
    """One artifact with its JSON and its documents."""
    return here.penstock.parts.views.artifact(artifact_id)


@router.get(
    "/{artifact_id}/document",
    operation_id="show_document",
    response_class=Response,
    responses={
        **answers(404),
        200: {"description": "The document", "content": {"text/markdown": _TEXT, "text/html": _TEXT}},
    },
)
def show_document(
    here: Here,
    artifact_id: ArtifactId,
    format: Annotated[Literal["markdown", "html"], Query()] = "markdown",  # noqa: A002 - the name on the wire
) -> Response:
    """The document that was made from an artifact, for people."""
    found = here.penstock.parts.views.artifact(artifact_id)
    headers = {"Content-Security-Policy": DOCUMENT_POLICY}
    return Response(found[format], media_type=f"text/{format}", headers=headers)
