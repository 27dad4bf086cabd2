"""create_app(...): the whole HTTP API over one Penstock. It serves; what it serves, the use cases know."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

import penstock
from penstock.api import assets
from penstock.api.auth import Guard
from penstock.api.dialects import combine, combine_metrics
from penstock.api.ending import Ending
from penstock.api.here import ApiState
from penstock.api.idempotency import Idempotency
from penstock.api.limits import BodyLimit
from penstock.api.problems import Problem, invalid, problem_of
from penstock.api.routes import (
    artifacts,
    budgets,
    pipelines,
    projects,
    prompts,
    run_requests,
    runs,
    system,
    usage,
    waiting,
)
from penstock.api.routes import phases as phase_routes
from penstock.api.tracing import Tracing
from penstock.api.wire import MAY_BE_DONE, request_id_of
from penstock.api.work import Works
from penstock.bootstrap import Penstock
from penstock.config.server import ServerSettings
from penstock.domain.errors import Bug, PenstockError

LOG = logging.getLogger("penstock.api")
DESCRIPTION = """Penstock takes an epic in words through its phases to merged, tested code, and counts every token.

`/api/v1` is the native API; `/pipelines`, `/artifacts` and `/metrics` speak the dialect of the Combine. Errors say
`error` (a code that does not change), `message` (a sentence) and `details.hint` (what to do). A write with an
`Idempotency-Key` that is repeated within a day gets the first answer again."""

ROUTERS: Sequence[APIRouter] = (
    system.router,
    projects.router,
    pipelines.router,
    artifacts.router,
    phase_routes.router,
    prompts.router,
    runs.router,
    run_requests.router,
    waiting.router,
    usage.router,
    budgets.router,
    combine.router,
    combine_metrics.router,
)

_OWN_WORDS = {
    404: ("not_found", "there is nothing at this address; /docs shows what there is"),
    405: ("method_not_allowed", "this address knows no such method; /docs shows those that it knows"),
    413: ("too_large", "the body of the request is too large"),
}
"""Code and sentence of what the framework itself refuses."""


def create_app(built: Penstock, settings: ServerSettings, *, is_unauthenticated: bool = False) -> FastAPI:
    """The application. When it starts it goes on with all that is under way and that nobody works on."""
    app = FastAPI(
        title="Penstock",
        version=penstock.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.api = ApiState(
        penstock=built,
        settings=settings,
        is_unauthenticated=is_unauthenticated,
        works=Works(built),
        ending=Ending(),
    )
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(assets.router)
    app.add_exception_handler(PenstockError, _named)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    # the last one added is the first that sees a request
    app.add_middleware(Idempotency, parts=built.parts)
    app.add_middleware(BodyLimit, limit=settings.body_limit)
    app.add_middleware(
        Guard,
        host=settings.host,
        allowed_hosts=settings.allowed_hosts,
        keys=settings.api_keys,
        doubt=built.parts.doubt_about_caller,
    )
    app.add_middleware(Tracing)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Whatever others left is taken up at the start; at the end everything is let go of."""
    here: ApiState = app.state.api
    for what, ids in (
        ("pipelines", await here.penstock.epics.take_up()),
        ("runs", await here.works.take_up()),
    ):
        if ids:
            LOG.info("taken_up %s=%s", what, ",".join(ids))
    yield
    here.ending.begin()
    await here.works.close()
    await here.penstock.epics.close()


async def _named(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PenstockError)  # noqa: S101 - that is what it is registered for
    request_id = request_id_of(request.scope)
    if isinstance(error, Bug):
        LOG.error("bug request=%s", request_id, exc_info=error)
    problem = problem_of(error)
    request.scope[MAY_BE_DONE] = problem.may_be_done
    return problem.answer(request_id)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - that is what it is registered for
    faults: Sequence[Any] = error.errors()
    return invalid(faults).answer(request_id_of(request.scope))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - that is what it is registered for
    code, words = _OWN_WORDS.get(error.status_code, ("bad_request", str(error.detail)))
    problem = Problem(status=error.status_code, code=code, message=words, headers=dict(error.headers or {}))
    return problem.answer(request_id_of(request.scope))
