"""The phases under `/api/v1/phases`: who is asked, what comes of it, what comes next. A change is checked whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from penstock.api.here import REPEATABLE, Here
from penstock.api.problems import answers
from penstock.api.shapes.library import Phase, PutPhase
from penstock.api.strict import StrictRoute
from penstock.planning.phase_wishes import PhaseWish, phase_as_json

router = APIRouter(prefix="/api/v1/phases", tags=["phases"], route_class=StrictRoute)
PhaseName = Annotated[str, Path(min_length=1, max_length=64, description="The phase's name")]


@router.get("", operation_id="list_phases", response_model=list[Phase], responses=answers())
async def list_phases(here: Here) -> list[dict[str, Any]]:
    """Every phase that is configured, in the order in which they are gone through."""
    await here.penstock.prompts.ensure_seeded()
    return [phase_as_json(one) for one in await here.penstock.prompts.phases()]


@router.put(
    "/{phase}", operation_id="put_phase", response_model=Phase, responses=answers(404, 409), dependencies=REPEATABLE
)
async def put_phase(here: Here, phase: PhaseName, body: PutPhase) -> dict[str, Any]:
    """Store a phase or change it; refused if the phases could not be gone through then, and nothing is changed."""
    await here.penstock.prompts.ensure_seeded()
    wish = PhaseWish(
        phase=phase,
        role=body.role_name,
        artifact_type=body.artifact_type,
        next_phase=body.next_phase,
        is_active=body.is_active,
        config=body.config,
    )
    (stored,) = await here.penstock.prompts.put_phases([wish])
    return phase_as_json(stored)
