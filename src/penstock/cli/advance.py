"""The command that brings a pipeline on: advance, with what is going on as it happens."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.epics import as_answer
from penstock.cli.options import Json, Pipeline, meant_pipeline
from penstock.reports import listing
from penstock.reports import pipelines as report
from penstock.reports.notes import line

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.terminal import Terminal
    from penstock.domain.pipelines import PipelineNote
    from penstock.epics import Advanced

LOOK_EVERY = 0.25
AT_ONCE = 500
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
    as_json: Json = False,
) -> int:
    """Perform the present phase of a pipeline and move on to the next; the dev phase is a whole run.

    With --json one object on a line for each phase that was performed. Ctrl-C leaves; the same command goes on later.
    """
    invocation = invocations.of(context)

    async def go_on(penstock: "Penstock") -> int:
        from penstock.epics import ApprovalNeeded  # noqa: PLC0415 - only needed once a command runs

        pipeline_id = meant_pipeline(penstock, pipeline)
        terminal = invocation.terminal
        while True:
            try:
                advanced = await _performed(penstock, terminal, pipeline_id, as_json=as_json)
            except ApprovalNeeded as needed:
                terminal.error(str(needed))
                return exits.WAITING
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


async def _performed(penstock: "Penstock", terminal: "Terminal", pipeline_id: str, *, as_json: bool) -> "Advanced":
    import asyncio  # noqa: PLC0415 - slow to import, and `--help` does without

    watching = _Watching(penstock, terminal.silent() if as_json else terminal)
    performing = asyncio.ensure_future(penstock.epics.advance(pipeline_id, tell=watching.hear))
    try:
        while not performing.done():
            await asyncio.wait({performing}, timeout=LOOK_EVERY)
            watching.look()
    finally:
        performing.cancel()
    return performing.result()


class _Watching:
    """Prints what a pipeline is told, and the events of the run that it has begun."""

    def __init__(self, penstock: "Penstock", terminal: "Terminal") -> None:
        self._views = penstock.parts.views
        self._terminal = terminal
        self._run = ""
        self._after = 0

    def hear(self, note: "PipelineNote") -> None:
        """Print one note."""
        if note.type == "run_started":
            self._run, self._after = str(note.payload.get("run_id")), 0
        words = report.spoken(note.type, note.payload)
        if words is not None:
            self._terminal.line(line(f"{datetime.now(UTC).astimezone():%H:%M:%S}", "", words), words.tone)

    def look(self) -> None:
        """Print what is new of the run."""
        if not self._run:
            return
        events = self._views.events(self._run, after=self._after, limit=AT_ONCE)
        for event in events:
            self._after = event["id"]
            shown = listing.event_line(event)
            if shown is not None:
                self._terminal.line(*shown)
