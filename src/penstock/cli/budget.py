"""The commands about money: budget show, budget set."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import LATEST, Json, meant, meant_pipeline
from penstock.domain.budget import MOST_DOLLARS, MOST_TOKENS, micros_of
from penstock.reports import spending

if TYPE_CHECKING:
    from penstock.accounts import Payer
    from penstock.bootstrap import Penstock

RunOf = Annotated[str, typer.Option("--run", metavar="RUN", help="The budget of this run; `latest` for the newest.")]
PipelineOf = Annotated[
    str, typer.Option("--pipeline", metavar="PIPELINE", help="The budget of this pipeline; `latest` for the newest.")
]
WorkstreamOf = Annotated[str, typer.Option("--ws", metavar="WS", help="The budget of this workstream of the run.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="Show what models cost, and set what they may cost",
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
    )
    group.command(
        "show",
        short_help="Show what was spent, and of which budget",
        epilog="Example: penstock budget show --run latest",
    )(show)
    group.command(
        "set",
        short_help="Set the cap of a project, a pipeline, a run or a workstream",
        epilog="Example: penstock budget set --run latest --usd 5",
    )(set_cap)
    app.add_typer(group, name="budget")


def show(
    context: typer.Context,
    run: RunOf = "",
    workstream: WorkstreamOf = "",
    pipeline: PipelineOf = "",
    as_json: Json = False,
) -> int:
    """Show what was spent and reserved of which budget: of a run with its workstreams, of a pipeline, else of the whole
    project.
    """
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        payer = _payer(penstock, run, workstream, pipeline)
        rows: list[dict[str, Any]] = [spending.as_row(await penstock.accounts.account(payer))]
        if payer.run and not payer.workstream:
            rows += [row for row in penstock.accounts.of_run(payer.run) if row["key"] != payer.run]
        if as_json:
            invocation.terminal.pretty_json(rows)
        else:
            invocation.terminal.line("\n".join(spending.as_lines(rows)))
        return exits.COMPLETED

    return invocation.perform(look)


def set_cap(  # noqa: PLR0913, PLR0917 - one parameter for each option
    context: typer.Context,
    usd: Annotated[
        float | None, typer.Option("--usd", metavar="N", min=0, max=MOST_DOLLARS, help="So many dollars at most.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", metavar="N", min=0, max=MOST_TOKENS, help="So many tokens at most.")
    ] = None,
    no_limit: Annotated[bool, typer.Option("--no-limit", help="Lift the cap.")] = False,
    run: RunOf = "",
    workstream: WorkstreamOf = "",
    pipeline: PipelineOf = "",
    as_json: Json = False,
) -> int:
    """Set the cap of a run, of one of its workstreams, of a pipeline, or of the whole project; what was spent already
    counts.

    It holds from the next call on, in runs that are under way, too.
    """
    invocation = invocations.of(context)

    async def change(penstock: "Penstock") -> int:
        payer = _payer(penstock, run, workstream, pipeline)
        micros = micros_of(usd)
        account = await penstock.accounts.set_cap(payer, micros=micros, tokens=tokens, lift=no_limit)
        row = spending.as_row(account)
        if as_json:
            invocation.terminal.pretty_json(row)
        else:
            invocation.terminal.line("\n".join(spending.as_lines([row])))
        return exits.COMPLETED

    return invocation.perform(change)


def _payer(penstock: "Penstock", run: str, workstream: str, pipeline: str) -> "Payer":
    from penstock.accounts import Payer  # noqa: PLC0415 - only needed once a command runs

    wanted = run or (LATEST if workstream else "")
    of_pipeline = meant_pipeline(penstock, pipeline) if pipeline else ""
    if of_pipeline:
        penstock.parts.views.pipeline(of_pipeline)  # UnknownPipeline where there is none
    return Payer(run=meant(penstock, wanted) if wanted else "", workstream=workstream, pipeline=of_pipeline)
