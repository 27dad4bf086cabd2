"""Usage under `/api/v1/usage`: each call, what they add up to, and both as files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from penstock.api.filters import CSV_CONTENT, AskedUsage, Format, exported, wanted_usage
from penstock.api.here import Filter, Here, Limit, Offset
from penstock.api.problems import answers
from penstock.api.shapes.usage import Call, TokenReport
from penstock.api.strict import StrictRoute

router = APIRouter(prefix="/api/v1/usage", tags=["usage"], route_class=StrictRoute)
THERE = answers(404)


@router.get("", operation_id="list_usage", response_model=list[Call], responses=THERE)
def list_usage(
    here: Here, run: Filter = None, project: Filter = None, limit: Limit = 100, offset: Offset = 0
) -> list[dict[str, Any]]:
    """The record of each call, oldest first."""
    return here.penstock.parts.views.usage(run=run, project=project, limit=limit, offset=offset)


@router.get("/report", operation_id="usage_report", response_model=TokenReport, responses=THERE)
def usage_report(here: Here, asked: AskedUsage) -> dict[str, Any]:
    """What the calls add up to, by pipeline, phase, role, model, agent and day."""
    return here.penstock.parts.views.token_report(wanted_usage(here, asked))


@router.get(
    "/export",
    operation_id="export_usage",
    response_class=StreamingResponse,
    responses={
        **THERE,
        200: {
            "description": "Every call, as a file",
            "content": {**CSV_CONTENT, "application/json": {"schema": {"type": "array"}}},
        },
    },
)
def export_usage(here: Here, asked: AskedUsage, format: Format = "csv") -> StreamingResponse:  # noqa: A002
    """The record of each call as a file; no spreadsheet takes a cell for a formula."""
    return exported(here.penstock.parts.views.usage_rows(wanted_usage(here, asked)), format)
