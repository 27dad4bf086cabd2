"""Which usage is meant, as questions say it; and usage as files that stream."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Depends, Query
from starlette.responses import StreamingResponse

from penstock.api.here import LONGEST_ID, ApiState
from penstock.api.wire import BrokenOff
from penstock.domain.errors import WorldError
from penstock.ports import UsageFilter
from penstock.reports import window
from penstock.reports.tokens import csv_lines

Word: TypeAlias = Annotated[str, Query(max_length=LONGEST_ID)]
Since: TypeAlias = Annotated[
    str,
    Query(
        max_length=window.LONGEST, description="From this day on, or this moment (RFC 3339); UTC where no zone is given"
    ),
]
Until: TypeAlias = Annotated[
    str,
    Query(
        max_length=window.LONGEST,
        description="This day included, or before this moment (RFC 3339); UTC where no zone is given",
    ),
]
Format: TypeAlias = Literal["json", "csv"]
CSV_CONTENT: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuestion:
    """Which usage is asked for, as it was asked."""

    project: str
    pipeline: str
    phase: str
    role: str
    since: str
    until: str

    @property
    def wanted(self) -> UsageFilter:
        """The same for the store; UserError for a time that no usage can have."""
        return UsageFilter(
            project=self.project,
            pipeline=self.pipeline,
            phase=self.phase,
            role=self.role,
            since=window.beginning("since", self.since),
            until=window.end("until", self.until),
        )


def _question(
    project: Word = "",
    pipeline: Word = "",
    phase: Word = "",
    role: Word = "",
    since: Since = "",
    until: Until = "",
) -> UsageQuestion:
    return UsageQuestion(project=project, pipeline=pipeline, phase=phase, role=role, since=since, until=until)


AskedUsage: TypeAlias = Annotated[UsageQuestion, Depends(_question)]


def wanted_usage(here: ApiState, asked: UsageQuestion) -> UsageFilter:
    """Which usage is meant; UnknownPipeline for a pipeline that nobody knows."""
    if asked.pipeline:
        here.penstock.parts.views.pipeline(asked.pipeline)
    return asked.wanted


def exported(rows: Iterator[dict[str, Any]], form: Format) -> StreamingResponse:
    """The records as a file, read piece by piece. The first is read at once, so that errors are answers."""
    first = list(_taken(rows))
    every = chain(first, _to_the_end(rows))
    headers = {"Content-Disposition": f'attachment; filename="usage.{form}"'}
    if form == "csv":
        return StreamingResponse(csv_lines(every), media_type="text/csv", headers=headers)
    return StreamingResponse(_json(every), media_type="application/json", headers=headers)


def _taken(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield row
        return


def _to_the_end(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    try:
        yield from rows
    except WorldError as error:
        raise BrokenOff(error.sentence) from error


def _json(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    between = "["
    for row in rows:
        yield f"{between}{json.dumps(row, default=str)}"
        between = ",\n"
    yield "[]" if between == "[" else "]"
