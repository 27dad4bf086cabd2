"""Projects under `/api/v1/projects`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from penstock.api.here import Here, Limit, Offset
from penstock.api.problems import answers
from penstock.api.shapes.common import Moment, Told
from penstock.api.strict import StrictRoute

router = APIRouter(prefix="/api/v1/projects", tags=["projects"], route_class=StrictRoute)


class Project(Told):
    """A git repository that Penstock works on."""

    id: str
    path: str
    created_at: Moment | None = None


@router.get("", operation_id="list_projects", response_model=list[Project], responses=answers())
def list_projects(here: Here, limit: Limit = 100, offset: Offset = 0) -> list[dict[str, Any]]:
    """Every project that has a run or a pipeline."""
    return here.penstock.parts.views.projects()[offset : offset + limit]


@router.get("/current", operation_id="show_current_project", response_model=Project, responses=answers(409))
def show_current_project(here: Here) -> Project:
    """The project that requests mean which name none: that of the folder in which the server was started."""
    project = here.penstock.projects.current()
    return Project(id=project.id, path=str(project.path))
