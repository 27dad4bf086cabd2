"""The commands about epics and their pipelines: epic create, list, show, approve, reject."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, Pipeline, meant_pipeline, user_name
from penstock.cli.texts import STDIN, read_json, read_text
from penstock.domain.errors import UserError
from penstock.reports import pipelines as report

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.epics import Advanced

MOST_LISTED = 50

Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the record.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="Begin pipelines from a wish in words, look at them, and decide on them",
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
    )
    group.command(
        "create",
        short_help="Begin a pipeline from a wish in words",
        epilog='Example: penstock epic create "Add a health check endpoint" --id EPIC-7',
    )(create)
    group.command("list", short_help="List pipelines, newest first", epilog="Example: penstock epic list --json")(
        list_pipelines
    )
    group.command("show", short_help="Show how far a pipeline has come", epilog="Example: penstock epic show latest")(
        show
    )
    group.command("approve", short_help="Approve the phase that waits", epilog="Example: penstock epic approve latest")(
        approve
    )
    group.command(
        "reject",
        short_help="End a pipeline that waits for approval",
        epilog='Example: penstock epic reject latest --note "Too big; split it"',
    )(reject)
    app.add_typer(group, name="epic")


def create(
    context: typer.Context,
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="The wish in words; `-` reads it from stdin.", show_default=False)
    ] = "",
    epic_id: Annotated[str, typer.Option("--id", metavar="EPIC", help="A name of your own for the epic.")] = "",
    context_file: Annotated[
        str, typer.Option("--context", metavar="FILE", help="A JSON object that all phases are shown; `-` is stdin.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Begin a pipeline for the project that you stand in. Nothing is asked of a model before `penstock advance`."""
    invocation = invocations.of(context)
    if text == STDIN == context_file:
        raise UserError("both the wish and its context are to be read from stdin", hint="give one of them in a file")
    wish = read_text(invocation, STDIN, "the wish") if text == STDIN else text
    given = read_json(invocation, context_file, "the context") if context_file else {}
    if not isinstance(given, dict):
        raise UserError(f"the context in {context_file} is no JSON object")

    async def begin(penstock: "Penstock") -> int:
        from penstock.epics import EpicWish  # noqa: PLC0415 - only needed once a command runs

        pipeline_id, warnings = await penstock.epics.create(EpicWish(description=wish, epic_id=epic_id, context=given))
        for warning in warnings:
            invocation.terminal.warn(warning)
        view = penstock.epics.view(pipeline_id)
        if as_json:
            invocation.terminal.pretty_json(view)
        else:
            invocation.terminal.line(f"pipeline {pipeline_id}", "strong")
            invocation.terminal.line(report.next_step(view))
        return exits.COMPLETED

    return invocation.perform(begin)


def list_pipelines(
    context: typer.Context,
    status: Annotated[
        str, typer.Option("--status", metavar="STATUS", help="Only those: active, waiting, complete or failed.")
    ] = "",
    every: Annotated[bool, typer.Option("--all-projects", help="Those of every project.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="So many at most.")] = MOST_LISTED,
    as_json: Json = False,
) -> int:
    """List the pipelines of the project, newest first."""
    invocation = invocations.of(context)
    if status and status not in _statuses():
        raise UserError(f"there is no status {status!r}; possible are {', '.join(_statuses())}")

    async def look(penstock: "Penstock") -> int:
        project = None if every else penstock.projects.current().id
        found = penstock.parts.views.pipelines(project=project, status=status or None, limit=limit)
        if as_json:
            invocation.terminal.pretty_json(found)
        else:
            invocation.terminal.line(report.listing_text(found) if found else "no pipelines")
        return exits.COMPLETED

    return invocation.perform(look)


def _statuses() -> list[str]:
    from penstock.domain.states import PipelineStatus  # noqa: PLC0415 - only needed once a command runs

    return [status.value for status in PipelineStatus]


def show(context: typer.Context, pipeline: Pipeline, as_json: Json = False) -> int:
    """Show a pipeline: its epic, its phase, every attempt, its artifacts, and what to do next."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        view = penstock.epics.view(meant_pipeline(penstock, pipeline))
        holder = penstock.epics.holder(view["pipeline_id"])
        words = "" if holder is None else f"by process {holder.pid} on {holder.host} since {holder.since}"
        if as_json:
            invocation.terminal.pretty_json({**view, "worked_on": words or None})
        else:
            run = penstock.parts.views.run(view["run_id"]) if view["run_id"] else None
            invocation.terminal.line(report.as_text(view, run, holder=words))
        return exits.COMPLETED

    return invocation.perform(look)


def approve(context: typer.Context, pipeline: Pipeline, note: Note = "", as_json: Json = False) -> int:
    """Approve that the present phase be performed; `penstock advance` then performs it."""
    return _decide(context, pipeline, note, as_json=as_json, is_approved=True)


def reject(context: typer.Context, pipeline: Pipeline, note: Note = "", as_json: Json = False) -> int:
    """End a pipeline instead of approving its phase. What it made is kept."""
    return _decide(context, pipeline, note, as_json=as_json, is_approved=False)


def _decide(context: typer.Context, pipeline: str, note: str, *, as_json: bool, is_approved: bool) -> int:
    invocation = invocations.of(context)

    async def decide(penstock: "Penstock") -> int:
        pipeline_id = meant_pipeline(penstock, pipeline)
        answer = penstock.epics.approve if is_approved else penstock.epics.reject
        advanced = await answer(pipeline_id, by=user_name(invocation.environ), note=note)
        if as_json:
            invocation.terminal.pretty_json(as_answer(penstock, advanced))
        elif is_approved:
            invocation.terminal.line(f"{advanced.previous_phase} of {pipeline_id} is approved")
            invocation.terminal.line(report.next_step(penstock.epics.view(pipeline_id)))
        else:
            invocation.terminal.line(f"{pipeline_id} has ended: {advanced.sentence or advanced.state}")
        return exits.COMPLETED

    return invocation.perform(decide)


def as_answer(penstock: "Penstock", advanced: "Advanced") -> dict[str, Any]:
    """What became of asking, as the API answers it."""
    view = penstock.epics.view(advanced.pipeline_id)
    return {
        "pipeline_id": advanced.pipeline_id,
        "previous_phase": advanced.previous_phase,
        "current_phase": advanced.current_phase or None,
        "state": advanced.state,
        "status": advanced.status,
        "sentence": advanced.sentence,
        "updated_at": view["updated_at"],
    }
