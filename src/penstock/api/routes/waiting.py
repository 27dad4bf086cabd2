"""What waits for a person, under `/api/v1/approvals`: pipelines before a phase, and workstreams under review."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from urllib.parse import quote

from fastapi import APIRouter

from penstock.api.here import ApiState, Here, Limit, Offset
from penstock.api.problems import answers
from penstock.api.shapes.runs import Waiting
from penstock.api.strict import StrictRoute
from penstock.api.work import MOST_UNFINISHED
from penstock.domain.states import PipelineStatus, WorkstreamState

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"], route_class=StrictRoute)


@router.get("", operation_id="list_approvals", response_model=list[Waiting], responses=answers())
def list_approvals(here: Here, limit: Limit = 100, offset: Offset = 0) -> list[Waiting]:
    """Everything that goes on only once a person approves it, and where to do so; newest first."""
    end = offset + limit
    return list(islice(chain(_pipelines(here, end), _workstreams(here)), offset, end))


def _pipelines(here: ApiState, limit: int) -> Iterator[Waiting]:
    for row in here.penstock.parts.views.pipelines(status=PipelineStatus.WAITING, limit=limit):
        yield Waiting(
            kind="pipeline",
            id=row["pipeline_id"],
            what=row["current_phase"],
            sentence=row["sentence"],
            approve=f"/api/v1/pipelines/{quote(row['pipeline_id'], safe='')}/approve",
        )


def _workstreams(here: ApiState) -> Iterator[Waiting]:
    views = here.penstock.parts.views
    for run in views.runs(is_unfinished=True, limit=MOST_UNFINISHED):
        if not run["counts"].get(WorkstreamState.REVIEWING):
            continue
        for one in views.run(run["run_id"])["workstreams"]:
            if one["status"] == WorkstreamState.REVIEWING:
                yield Waiting(
                    kind="workstream",
                    id=run["run_id"],
                    what=one["ws_id"],
                    sentence=one["sentence"],
                    approve=f"/api/v1/runs/{quote(run['run_id'], safe='')}/approve",
                )
