"""Budgets under `/api/v1/budgets`: what was spent of which, and setting a cap."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from penstock.accounts import Payer
from penstock.api.here import REPEATABLE, Here, Limit, Offset
from penstock.api.problems import answers
from penstock.api.shapes.usage import Account, PutBudget
from penstock.api.strict import StrictRoute
from penstock.domain.budget import micros_of
from penstock.reports.spending import as_row

router = APIRouter(prefix="/api/v1/budgets", tags=["budgets"], route_class=StrictRoute)


@router.get("", operation_id="list_budgets", response_model=list[Account], responses=answers())
def list_budgets(here: Here, limit: Limit = 100, offset: Offset = 0) -> list[dict[str, Any]]:
    """Every account with its cap and what was spent, the widest first."""
    return here.penstock.parts.views.budgets()[offset : offset + limit]


@router.put("", operation_id="put_budget", response_model=Account, responses=answers(404, 409), dependencies=REPEATABLE)
async def put_budget(here: Here, body: PutBudget) -> dict[str, Any]:
    """Set a cap, or lift it; it holds from the next call on, and what was spent already counts."""
    if body.pipeline_id:
        await asyncio.to_thread(here.penstock.parts.views.pipeline, body.pipeline_id)
    payer = Payer(run=body.run_id, workstream=body.ws_id, pipeline=body.pipeline_id)
    account = await here.penstock.accounts.set_cap(
        payer, micros=micros_of(body.usd), tokens=body.tokens, lift=body.no_limit
    )
    return as_row(account)
