"""The server itself: what it is, and whether it is well."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

import penstock
from penstock.api.assets import page
from penstock.api.here import ApiState, Here
from penstock.api.problems import answers
from penstock.api.shapes.common import Told
from penstock.api.strict import StrictRoute
from penstock.api.upstream import Upstream, upstream_of
from penstock.config.sections import ProjectSettings
from penstock.domain.errors import PenstockError

router = APIRouter(tags=["server"], route_class=StrictRoute)

DATABASE_PATIENCE = 5.0


class ServiceInfo(Told):
    """What this server is."""

    service: str
    version: str
    status: str
    docs: str
    openapi: str
    health: str


class DatabaseHealth(Told):
    """Whether the store answers."""

    kind: str = Field(description="sqlite or postgresql")
    status: str = Field(description="connected or unreachable")
    message: str | None = None


class Health(Told):
    """How the server stands."""

    status: str = Field(description="healthy or unhealthy")
    version: str
    database: DatabaseHealth
    upstream: Upstream
    unauthenticated: bool = Field(description="It listens beyond this machine and wants no key")
    data_driven_orchestration: bool


@router.get(
    "/",
    operation_id="service_info",
    response_model=ServiceInfo,
    responses={**answers(), 200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
def service_info(request: Request) -> Response:
    """What this server is: JSON, or a page for browsers."""
    if wants_html(request):
        return _landing()
    told = {
        "service": "penstock",
        "version": penstock.__version__,
        "status": "healthy",
        "docs": "/docs",
        "openapi": "/openapi.json",
        "health": "/health",
    }
    return JSONResponse(told)


@router.get(
    "/health",
    operation_id="health",
    response_model=Health,
    responses={**answers(), 503: {"model": Health, "description": "The database does not answer"}},
)
async def health(here: Here) -> Response:
    """Whether server and store are well, and who answers for models. Needs no key."""
    database = await _database(here)
    is_well = database["status"] == "connected"
    told = {
        "status": "healthy" if is_well else "unhealthy",
        "version": penstock.__version__,
        "database": database,
        "upstream": upstream_of(here.penstock).model_dump(),
        "unauthenticated": here.is_unauthenticated,
        "data_driven_orchestration": here.settings.data_driven_orchestration,
    }
    return JSONResponse(told, status_code=200 if is_well else 503)


async def _database(here: ApiState) -> dict[str, Any]:
    parts = here.penstock.parts
    place = parts.own_settings.node(ProjectSettings).database
    kind = "postgresql" if place.startswith("postgres") else "sqlite"
    try:
        await asyncio.wait_for(asyncio.to_thread(parts.views.runs, limit=1), DATABASE_PATIENCE)
    except PenstockError as error:
        return {"kind": kind, "status": "unreachable", "message": parts.redactor.redact(error.sentence)}
    except TimeoutError:
        return {"kind": kind, "status": "unreachable", "message": f"no answer within {DATABASE_PATIENCE:g} seconds"}
    return {"kind": kind, "status": "connected", "message": None}


def wants_html(request: Request) -> bool:
    """Whether who asks is a browser that shows pages."""
    return "text/html" in request.headers.get("accept", "").lower()


def _landing() -> HTMLResponse:
    links = (
        ("/docs", "the operations, to be tried out"),
        ("/redoc", "the operations, to be read"),
        ("/metrics", "what pipelines used"),
        ("/health", "how the server stands"),
    )
    items = "".join(f'<li><a href="{path}">{path}</a>: {escape(words)}</li>\n' for path, words in links)
    return page(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Penstock</title>\n'
        '<link rel="stylesheet" href="/assets/penstock.css">\n</head>\n<body>\n'
        f"<h1>Penstock {escape(penstock.__version__)}</h1>\n<p>The server is running.</p>\n<ul>\n{items}</ul>\n"
        "</body>\n</html>\n"
    )
