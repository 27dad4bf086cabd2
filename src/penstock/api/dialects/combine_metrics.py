"""The Combine's metrics: tokens, sums, one pipeline, days; a page for people and a text for Prometheus."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from penstock.api.dialects.metrics_page import metrics_page
from penstock.api.filters import CSV_CONTENT, AskedUsage, Format, wanted_usage
from penstock.api.here import Here, PipelineId
from penstock.api.problems import answers
from penstock.api.routes.system import wants_html
from penstock.api.shapes.usage import DailyCost, PipelineMetrics, RecentPipeline, Summary, TokenReport
from penstock.api.strict import StrictRoute
from penstock.reports.tokens import BY, ENTRY, csv_lines

router = APIRouter(prefix="/metrics", tags=["combine"], route_class=StrictRoute)
Row = dict[str, Any]
TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_GAUGES = (
    ("total_pipelines", "penstock_pipelines", "Pipelines that were made"),
    ("success_count", "penstock_pipelines_complete", "Pipelines that came to their end"),
    ("failure_count", "penstock_pipelines_failed", "Pipelines that failed"),
    ("total_input_tokens", "penstock_input_tokens", "Tokens that models read"),
    ("total_output_tokens", "penstock_output_tokens", "Tokens that models wrote"),
    ("total_cost_usd", "penstock_cost_usd", "Dollars, as far as prices are known"),
)


@router.get(
    "/tokens",
    operation_id="combine_tokens",
    response_model=TokenReport,
    responses={**answers(404), 200: {"content": CSV_CONTENT}},
)
def tokens(here: Here, asked: AskedUsage, format: Format = "json") -> Response:  # noqa: A002 - the name on the wire
    """What models were used for, added up; as CSV a line for each sum."""
    report = here.penstock.parts.views.token_report(wanted_usage(here, asked))
    if format == "json":
        return JSONResponse(report)
    rows = ({"by": by, **entry} for by in BY for entry in report[f"by_{by}"])
    return Response("".join(csv_lines(rows, ("by", *ENTRY))), media_type="text/csv")


@router.get("/summary", operation_id="combine_summary", response_model=Summary, responses=answers())
def summary(here: Here) -> Row:
    """All pipelines together."""
    return here.penstock.parts.views.metrics_summary()


@router.get(
    "/pipelines/{pipeline_id}",
    operation_id="combine_pipeline_metrics",
    response_model=PipelineMetrics,
    responses=answers(404),
)
def of_pipeline(here: Here, pipeline_id: PipelineId) -> Row:
    """What one pipeline used, by phase."""
    return here.penstock.parts.views.metrics_of(pipeline_id)


@router.get("/recent", operation_id="combine_recent", response_model=list[RecentPipeline], responses=answers())
def recent(here: Here, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> list[Row]:
    """The latest pipelines with what they have used."""
    return here.penstock.parts.views.metrics_recent(limit)


@router.get("/daily-costs", operation_id="combine_daily_costs", response_model=list[DailyCost], responses=answers())
def daily_costs(here: Here, days: Annotated[int, Query(ge=1, le=366)] = 7) -> list[Row]:
    """What was used on each of the last days."""
    return here.penstock.parts.views.daily_costs(days)


@router.get(
    "",
    operation_id="combine_metrics",
    response_model=Summary,
    responses={**answers(), 200: {"content": {"text/html": TEXT}}},
)
def metrics(here: Here, request: Request) -> Response:
    """All pipelines together: JSON, or a page for browsers that refreshes itself each 30 seconds."""
    views = here.penstock.parts.views
    if wants_html(request):
        return metrics_page(views.metrics_summary(), views.metrics_recent(20), views.daily_costs(7))
    return JSONResponse(views.metrics_summary())


@router.get(
    "/prometheus",
    operation_id="combine_prometheus",
    response_class=PlainTextResponse,
    responses={**answers(), 200: {"content": {"text/plain": TEXT}}},
)
def prometheus(here: Here) -> PlainTextResponse:
    """The same sums in the text form that Prometheus reads."""
    found = here.penstock.parts.views.metrics_summary()
    lines = [
        line
        for key, name, words in _GAUGES
        if found[key] is not None
        for line in (f"# HELP {name} {words}", f"# TYPE {name} gauge", f"{name} {found[key]}")
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
