"""The command that brings a pipeline on: advance, with what is going on as it happens."""

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.epics import as_answer
from penstock.cli.options import Json, Pipeline, Wait, meant_pipeline
from penstock.reports import pipelines as report

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.terminal import Terminal
    from penstock.epics import Advanced

CODES = {"complete": exits.COMPLETED, "failed": exits.FAILED, "waiting": exits.WAITING, "active": exits.COMPLETED}


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "advance",
        short_help="Perform the present phase of a pipeline",
        epilog="Example: penstock advance latest --all",
    )(advance)


def advance(
    context: typer.Context,
    pipeline: Pipeline,
    whole: Annotated[bool, typer.Option("--all", help="Go on until the pipeline ends or waits for a person.")] = False,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Perform the present phase of a pipeline and move on to the next; the dev phase is a whole run.

    Where that run stands still (paused, or waiting for an approval or a usage limit) this ends, unless it is to wait.
    With --json one object on a line for each phase that was performed. Ctrl-C leaves; the same command goes on later.
    """
    invocation = invocations.of(context)

    async def go_on(penstock: "Penstock") -> int:
        from penstock.cli.watching import Watching  # noqa: PLC0415 - slow to import, and `--help` does without
        from penstock.epics import ApprovalNeeded, RunWaits  # noqa: PLC0415 - only needed once a command runs

        pipeline_id = meant_pipeline(penstock, pipeline)
        terminal = invocation.terminal
        while True:
            watching = Watching(penstock.parts.views, terminal.silent() if as_json else terminal)
            performed = penstock.epics.advance(pipeline_id, stays=wait, tell=watching.hear)
            try:
                advanced = await watching.through(performed)
            except ApprovalNeeded as needed:
                terminal.error(str(needed))
                return exits.WAITING
            except RunWaits as waits:
                terminal.error(str(waits))
                return exits.of_run(penstock.parts.views.run(waits.run_id))
            _say(penstock, terminal, advanced, as_json=as_json)
            if not whole or advanced.status != "active":
                return CODES[advanced.status]

    return invocation.perform(go_on)


def _say(penstock: "Penstock", terminal: "Terminal", advanced: "Advanced", *, as_json: bool) -> None:
    if as_json:
        terminal.json(as_answer(penstock, advanced))
        return
    after = advanced.current_phase or advanced.state
    terminal.line(f"{advanced.previous_phase} -> {after}", "strong")
    if advanced.sentence:
        terminal.line(advanced.sentence)
    if advanced.status != "active":
        terminal.line(report.next_step(penstock.epics.view(advanced.pipeline_id)))
