"""The commands that look at runs and change nothing: show-run, show-dag, show-errors, show-events, follow."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, MaybeRun, RunOption, holder_in_words, meant, one_run
from penstock.reports import listing
from penstock.reports import run as report

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.terminal import Terminal

LOOK_EVERY = 0.25
AT_ONCE = 500
MOST_RUNS = 50
ALL_RUNS = 100_000


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("show-run", short_help="Show a run, or list them all", epilog="Example: penstock show-run latest")(
        show_run
    )
    app.command(
        "show-dag", short_help="Show the graph of a run with its states", epilog="Example: penstock show-dag latest"
    )(show_dag)
    app.command(
        "show-errors",
        short_help="Show what went wrong in a run",
        epilog="Example: penstock show-errors --run latest --json",
    )(show_errors)
    app.command(
        "show-events",
        short_help="Show the events of a run",
        epilog="Example: penstock show-events --run latest --ws ws-greeting",
    )(show_events)
    app.command("follow", short_help="Print a run's events as they come", epilog="Example: penstock follow latest")(
        follow
    )


def show_run(
    context: typer.Context,
    run: MaybeRun = "",
    option: RunOption = "",
    as_json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Write the report as a document.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=ALL_RUNS, help="List so many at most.")
    ] = MOST_RUNS,
) -> int:
    """Show one run: its state and why, every workstream, who works on it, and what to do next.

    Without RUN it lists the runs of the project, newest first; outside a project all runs.
    """
    invocation = invocations.of(context)
    named = one_run(run, option)

    async def look(penstock: "Penstock") -> int:
        if named:
            _show(penstock, invocation.terminal, meant(penstock, named), as_json=as_json, as_markdown=as_markdown)
        else:
            _list(penstock, invocation.terminal, limit, as_json=as_json)
        return exits.COMPLETED

    return invocation.perform(look)


def _show(penstock: "Penstock", terminal: "Terminal", run_id: str, *, as_json: bool, as_markdown: bool) -> None:
    view = penstock.parts.views.run(run_id)
    holder, now = holder_in_words(penstock, run_id), penstock.parts.clock.now()
    if as_json:
        terminal.pretty_json({**view, "worked_on": holder or None})
    elif as_markdown:
        terminal.document(report.as_markdown(view, holder=holder, now=now))
    else:
        terminal.line(report.as_text(view, holder=holder, now=now))


def _list(penstock: "Penstock", terminal: "Terminal", limit: int, *, as_json: bool) -> None:
    from penstock.projects import NoProject  # noqa: PLC0415 - heavy, and only needed once a command runs

    try:
        project: str | None = penstock.projects.current().id
    except NoProject:
        project = None
    found = penstock.parts.views.runs(project=project, limit=limit + 1)
    runs = found[:limit]
    if as_json:
        terminal.pretty_json(runs)
    elif runs:
        terminal.line(listing.runs_text(runs))
    else:
        terminal.line("no runs yet; begin one with `penstock run`")
    if len(found) > limit:
        terminal.note(f"there are older runs, too: `penstock show-run --limit {min(2 * limit, ALL_RUNS)}` lists more")


def show_dag(context: typer.Context, run: MaybeRun = "", option: RunOption = "", as_json: Json = False) -> int:
    """Show the graph of a run in levels, with the state of each workstream."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        view = penstock.parts.views.run(meant(penstock, one_run(run, option)))
        if as_json:
            names = ("ws_id", "status", "depends_on", "after", "gate")
            rows = [{name: row[name] for name in names} for row in view["workstreams"]]
            invocation.terminal.pretty_json({"run_id": view["run_id"], "status": view["status"], "workstreams": rows})
        else:
            invocation.terminal.line(listing.dag_text(view))
        return exits.COMPLETED

    return invocation.perform(look)


def show_errors(context: typer.Context, run: MaybeRun = "", option: RunOption = "", as_json: Json = False) -> int:
    """Show what went wrong in a run, latest first; the same error is shown once, with its count."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        run_id = meant(penstock, one_run(run, option))
        errors = penstock.parts.views.errors(run_id)
        if as_json:
            invocation.terminal.pretty_json(errors)
        else:
            invocation.terminal.line(listing.errors_text(errors) or f"no errors in {run_id}")
        return exits.COMPLETED

    return invocation.perform(look)


def show_events(
    context: typer.Context,
    run: MaybeRun = "",
    option: RunOption = "",
    workstream: Annotated[str, typer.Option("--ws", metavar="WS", help="Only of this workstream.")] = "",
    as_json: Json = False,
) -> int:
    """Show the events of a run, oldest first. With --json one event per line, with everything that is stored of it."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        run_id = meant(penstock, one_run(run, option))
        if workstream:
            _must_know(penstock.parts.views.run(run_id), workstream)
        after = 0
        while not invocation.terminal.is_gone:
            events = penstock.parts.views.events(run_id, workstream=workstream or None, after=after, limit=AT_ONCE)
            for event in events:
                _print_event(invocation.terminal, event, as_json=as_json, clock="%Y-%m-%d %H:%M:%S", everything=True)
            if len(events) < AT_ONCE:
                break
            after = events[-1]["id"]
        return exits.COMPLETED

    return invocation.perform(look)


def _must_know(view: dict[str, Any], workstream: str) -> None:
    from penstock.domain.errors import UserError  # noqa: PLC0415 - beside its only use

    known = [row["ws_id"] for row in view["workstreams"]]
    if workstream not in known:
        raise UserError(
            f"run {view['run_id']} has no workstream {workstream!r}; it has: {', '.join(known[:10])}",
            hint="name one of them",
        )


def _print_event(
    terminal: "Terminal", event: dict[str, Any], *, as_json: bool, clock: str = "%H:%M:%S", everything: bool = False
) -> None:
    if as_json:
        terminal.json(event)
        return
    shown = listing.event_line(event, clock=clock, everything=everything)
    if shown is not None:
        terminal.line(*shown)


def follow(context: typer.Context, run: MaybeRun = "", option: RunOption = "", as_json: Json = False) -> int:
    """Print a run's events as they come, until the run ends; the exit code is then the run's.

    Ctrl-C ends only this command.
    """
    invocation = invocations.of(context)

    async def watch(penstock: "Penstock") -> int:
        run_id = meant(penstock, one_run(run, option))
        return await _follow(penstock, invocation.terminal, run_id, as_json=as_json)

    return invocation.perform(watch)


async def _follow(penstock: "Penstock", terminal: "Terminal", run_id: str, *, as_json: bool) -> int:
    import asyncio  # noqa: PLC0415 - slow to import, and `--help` does without

    views, after, has_said = penstock.parts.views, 0, False
    while True:
        view = views.run(run_id)  # before the events: what ended the run is then among them
        events = views.events(run_id, after=after, limit=AT_ONCE)
        for event in events:
            _print_event(terminal, event, as_json=as_json)
            after = event["id"]
        if terminal.is_gone:
            return exits.COMPLETED
        if not events and report.is_over(view):
            return exits.of_run(view)
        if not events and not has_said and not holder_in_words(penstock, run_id):
            has_said = True
            terminal.note("\n".join(report.next_steps(view)))
        if len(events) < AT_ONCE:
            await asyncio.sleep(LOOK_EVERY)
