"""What waits for a person, under `/api/v1/approvals`: pipelines before a phase, and in runs workstreams under
review and gates that are closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from urllib.parse import quote

from fastapi import APIRouter

from penstock.api.here import ApiState, Here, Limit, Offset
from penstock.api.problems import answers
from penstock.api.shapes.runs import Waiting
from penstock.api.strict import StrictRoute
from penstock.domain.states import PipelineStatus, WorkstreamState
from penstock.ports.journal import MOST_UNFINISHED
from penstock.reports.run import closed_gate

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"], route_class=StrictRoute)


@router.get("", operation_id="list_approvals", response_model=list[Waiting], responses=answers())
def list_approvals(here: Here, limit: Limit = 100, offset: Offset = 0) -> list[Waiting]:
    """Everything that goes on only once a person approves it, and where to do so; newest first."""
    end = offset + limit
    return list(islice(chain(_pipelines(here, end), _in_runs(here)), offset, end))


def _pipelines(here: ApiState, limit: int) -> Iterator[Waiting]:
    for row in here.penstock.parts.views.pipelines(status=PipelineStatus.WAITING, limit=limit):
        yield Waiting(
            kind="pipeline",
            id=row["pipeline_id"],
            what=row["current_phase"],
            sentence=row["sentence"],
            approve=f"/api/v1/pipelines/{quote(row['pipeline_id'], safe='')}/approve",
        )


def _in_runs(here: ApiState) -> Iterator[Waiting]:
    views = here.penstock.parts.views
    for row in views.runs(is_unfinished=True, limit=MOST_UNFINISHED):
        if not any(map(row["counts"].get, (WorkstreamState.REVIEWING, WorkstreamState.READY))):
            continue
        run = views.run(row["run_id"])
        approve = f"/api/v1/runs/{quote(row['run_id'], safe='')}/approve"
        for one in run["workstreams"]:
            if one["status"] == WorkstreamState.REVIEWING:
                told = {"what": one["ws_id"], "sentence": one["sentence"]}
                yield Waiting(kind="workstream", id=row["run_id"], approve=approve, **told)
        gate = closed_gate(run)
        if gate is not None:
            yield Waiting(kind="gate", id=row["run_id"], what=str(gate), sentence=None, approve=approve)
