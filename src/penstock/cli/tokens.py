"""The command about tokens and money of all calls: token-report."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import LATEST, meant_pipeline, path_of
from penstock.cli.texts import give
from penstock.domain.errors import UserError
from penstock.reports import tokens as report
from penstock.reports import window

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.ports.library import UsageFilter


class By(StrEnum):
    """How it is added up."""

    PIPELINE = "pipeline"
    PHASE = "phase"
    ROLE = "role"
    MODEL = "model"
    AGENT = "agent"
    DAY = "day"


class Format(StrEnum):
    """In which form."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "token-report",
        short_help="Report what models were used for, and what it cost",
        epilog="Example: penstock token-report --pipeline latest --by phase",
    )(token_report)


def token_report(  # noqa: PLR0913, PLR0917 - one parameter for each option that users were promised
    context: typer.Context,
    pipeline: Annotated[
        str, typer.Option("--pipeline", metavar="ID", help="Only of this pipeline; `latest` for the newest.")
    ] = "",
    by: Annotated[By | None, typer.Option("--by", help="Add it up so; default: several ways.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="D", help="From this day on, or this moment (UTC).")] = "",
    until: Annotated[str, typer.Option("--until", metavar="D", help="This day included, or before this moment.")] = "",
    project: Annotated[bool, typer.Option("--here", help="Only of the project that you stand in.")] = False,
    calls: Annotated[bool, typer.Option("--calls", help="Give each call by itself, as CSV or JSON lines.")] = False,
    form: Annotated[Format, typer.Option("--format", help="A table, CSV or JSON.")] = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", parser=path_of, help="Write into this file.")
    ] = None,
) -> int:
    """Report the tokens of all calls to models and what they cost: by pipeline, phase, role, model, agent or day.

    As JSON it is the whole report in the shape of the API; as CSV one table of it (by phase if a pipeline is named,
    else by pipeline).
    """
    invocation = invocations.of(context)
    form = Format.JSON if as_json else form
    if calls and (by or form is Format.TABLE):
        raise UserError("--calls gives each call by itself", hint="with it, give --format csv or json, and no --by")
    between = (window.beginning("--since", since), window.end("--until", until))

    async def look(penstock: "Penstock") -> int:
        wanted = _wanted(penstock, pipeline, between, here=project)
        if calls:
            rows = penstock.parts.views.usage_rows(wanted)
            give(invocation, output, report.csv_lines(rows) if form is Format.CSV else _json_lines(rows))
        else:
            found = penstock.parts.views.token_report(wanted)
            give(invocation, output, _pieces(found, form, by, is_one=bool(pipeline)))
        return exits.COMPLETED

    return invocation.perform(look)


def _wanted(
    penstock: "Penstock", pipeline: str, between: tuple[datetime | None, datetime | None], *, here: bool
) -> "UsageFilter":
    from penstock.ports.library import UsageFilter  # noqa: PLC0415 - only needed once a command runs

    named = meant_pipeline(penstock, pipeline) if pipeline == LATEST else pipeline
    if named:
        penstock.parts.views.pipeline(named)  # UnknownPipeline where there is none
    return UsageFilter(
        pipeline=named,
        project=penstock.projects.current().id if here else "",
        since=between[0],
        until=between[1],
    )


def _pieces(found: Mapping[str, Any], form: Format, by: By | None, *, is_one: bool) -> Iterator[str]:
    if form is Format.JSON:
        yield f"{json.dumps(found, indent=2)}\n"
    elif form is Format.CSV:
        way = by or (By.PHASE if is_one else By.PIPELINE)
        yield from report.csv_lines(found[f"by_{way}"], report.ENTRY)
    else:
        yield "\n".join(report.as_lines(found, by or "")) + "\n"


def _json_lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield f"{json.dumps(row)}\n"
