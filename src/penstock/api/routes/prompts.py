"""What roles are told, under `/api/v1/prompts`: versions, of which one of each role is in force."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from penstock.api.here import LONGEST_ID, REPEATABLE, ApiState, Filter, Here, Limit, Offset
from penstock.api.problems import NotThere, answers
from penstock.api.shapes.library import NewPrompt, Prompt, PromptDifference
from penstock.api.strict import StrictRoute
from penstock.domain.phases import RolePrompt
from penstock.domain.prompt_text import PARTS, PromptText, difference

router = APIRouter(prefix="/api/v1/prompts", tags=["prompts"], route_class=StrictRoute)
THERE = answers(404)
Named = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, description="An id, a role, or `ROLE@VERSION`")]


@router.get("", operation_id="list_prompts", response_model=list[Prompt], responses=THERE)
async def list_prompts(here: Here, role: Filter = None, limit: Limit = 200, offset: Offset = 0) -> list[dict[str, Any]]:
    """Every version of a role's prompt, or of all, by role, oldest first."""
    await here.penstock.prompts.ensure_seeded()
    return here.penstock.prompts.listed(role or "")[offset : offset + limit]


@router.post(
    "",
    operation_id="add_prompt",
    status_code=201,
    response_model=Prompt,
    responses=answers(404, 409),
    dependencies=REPEATABLE,
)
async def add_prompt(here: Here, body: NewPrompt) -> dict[str, Any]:
    """Store another version of a role's prompt; it takes effect at once where it is activated."""
    await here.penstock.prompts.ensure_seeded()
    made = await here.penstock.prompts.add(
        body.role_name,
        PromptText(**{name: getattr(body, name) for name in PARTS}),
        by=body.created_by,
        notes=body.notes,
        version=body.version,
        activate=body.activate,
    )
    return _told(here, made)


@router.get("/{prompt}", operation_id="show_prompt", response_model=Prompt, responses=THERE)
async def show_prompt(here: Here, prompt: Named) -> dict[str, Any]:
    """One version."""
    return _told(here, await _found(here, prompt))


@router.post(
    "/{prompt}/activate",
    operation_id="activate_prompt",
    response_model=Prompt,
    responses=answers(404, 409),
    dependencies=REPEATABLE,
)
async def activate_prompt(here: Here, prompt: Named) -> dict[str, Any]:
    """Put a version in force in place of another of its role."""
    found = await _found(here, prompt)
    return _told(here, await here.penstock.prompts.activate(found.id))


@router.get("/{prompt}/diff", operation_id="diff_prompts", response_model=PromptDifference, responses=THERE)
async def diff_prompts(
    here: Here, prompt: Named, against: Annotated[str, Query(min_length=1, max_length=LONGEST_ID)]
) -> PromptDifference:
    """What this version says otherwise than another one, which is taken for the earlier."""
    before, after = await _found(here, against), await _found(here, prompt)
    return PromptDifference(before=before.id, after=after.id, lines=list(difference(before, after)))


async def _found(here: ApiState, named: str) -> RolePrompt:
    await here.penstock.prompts.ensure_seeded()
    return await here.penstock.prompts.find(named)


def _told(here: ApiState, prompt: RolePrompt) -> dict[str, Any]:
    """A version in the shape of lists."""
    for row in here.penstock.prompts.listed(prompt.role):
        if row["id"] == prompt.id:
            return row
    raise NotThere(f"the prompt {prompt.id!r} is there no longer")
