"""What every operation has at hand, and the parameters that many share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from fastapi import Depends, Header, Path, Query, Request

from penstock.api.ending import Ending
from penstock.api.work import Works
from penstock.bootstrap import Penstock
from penstock.config.server import ServerSettings

MOST_STREAMS = 100
MOST_ROWS = 500
LARGEST = 2**53 - 1
LONGEST_ID = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiState:
    """One server's Penstock, and how it stands."""

    penstock: Penstock
    settings: ServerSettings
    is_unauthenticated: bool
    """It listens beyond this machine without a key, because its user said so."""
    works: Works
    ending: Ending
    streams: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_STREAMS))


def _state(request: Request) -> ApiState:
    found = request.app.state.api
    assert isinstance(found, ApiState)  # noqa: S101 - create_app puts it there
    return found


Here: TypeAlias = Annotated[ApiState, Depends(_state)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=MOST_ROWS, description="So many at most")]
Offset: TypeAlias = Annotated[int, Query(ge=0, le=100_000, description="So many are left out at the beginning")]
After: TypeAlias = Annotated[int, Query(ge=0, le=LARGEST, description="Only what came after this id")]
Filter: TypeAlias = Annotated[str | None, Query(max_length=LONGEST_ID)]
RunId: TypeAlias = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, description="The run's id")]
WorkstreamId: TypeAlias = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, description="The workstream's id")]
PipelineId: TypeAlias = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, description="The pipeline's id")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list is asked for whose newest stands first."""

    before: str | None
    limit: int
    offset: int


def _page(
    before: Annotated[
        str | None, Query(max_length=LONGEST_ID, description="Only those older than this one: the last of a page")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page:
    return Page(before=before, limit=limit, offset=offset)


AskedPage: TypeAlias = Annotated[Page, Depends(_page)]


def _documented(
    idempotency_key: Annotated[
        str | None,
        Header(max_length=255, description="The same request with the same key gets the first answer again, for a day"),
    ] = None,
) -> None:
    """For the documentation: the layer around the application sees to it."""


REPEATABLE = [Depends(_documented)]
