"""The command that gives what a pipeline has made: artifacts, as JSON or as documents."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Pipeline, meant_pipeline, path_of
from penstock.cli.texts import give
from penstock.domain.errors import UserError

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock


class Format(StrEnum):
    """In which form."""

    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "artifacts",
        short_help="Show what a pipeline has made",
        epilog="Example: penstock artifacts latest epic --format markdown --output epic.md",
    )(artifacts)


def artifacts(
    context: typer.Context,
    pipeline: Pipeline,
    kind: Annotated[
        str, typer.Argument(metavar="[TYPE]", help="Only this artifact: epic, arch_notes, …", show_default=False)
    ] = "",
    form: Annotated[Format, typer.Option("--format", help="JSON, or the document made from it.")] = Format.JSON,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", parser=path_of, help="Write into this file.")
    ] = None,
) -> int:
    """Show the artifacts of a pipeline, the newest of each type: an object by type, or the payload of one."""
    invocation = invocations.of(context)
    shape = Format.JSON if as_json else form

    async def look(penstock: "Penstock") -> int:
        found = _newest(penstock, meant_pipeline(penstock, pipeline), kind)
        give(invocation, output, [_shown(found, shape, is_one=bool(kind))])
        return exits.COMPLETED

    return invocation.perform(look)


def _newest(penstock: "Penstock", pipeline_id: str, kind: str) -> dict[str, dict[str, Any]]:
    """The newest artifact of each type, or of the one that is meant."""
    from penstock.planning.artifacts import canonical_type  # noqa: PLC0415 - only needed once a command runs

    found = {one["artifact_type"]: one for one in penstock.parts.views.artifacts_of(pipeline_id)}
    if not kind:
        return found
    wanted = canonical_type(kind)
    if wanted not in found:
        there = f"there are {', '.join(found)}" if found else "there are none yet"
        raise UserError(
            f"pipeline {pipeline_id} has no artifact {kind!r}; {there}",
            hint=f"go on with: penstock advance {pipeline_id}",
        )
    return {wanted: found[wanted]}


def _shown(found: dict[str, dict[str, Any]], form: Format, *, is_one: bool) -> str:
    if form is Format.JSON:
        payloads = {kind: one["payload"] for kind, one in found.items()}
        wanted = next(iter(payloads.values())) if is_one else payloads
        return f"{json.dumps(wanted, indent=2, ensure_ascii=True)}\n"
    return "\n".join(one[form.value] for one in found.values())
