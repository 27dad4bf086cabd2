"""The commands that do the work of a run in this process: run and resume."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import LATEST, Json, MaybeRun, RunOption, Wait, meant, one_run, path_of
from penstock.domain.budget import MOST_DOLLARS, MOST_TOKENS
from penstock.domain.errors import UserError
from penstock.reports import run as report

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.invocation import Invocation
    from penstock.cli.terminal import Terminal
    from penstock.submission import Submission, Submitted


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "run",
        short_help="Run the project's workstreams",
        epilog="Example: penstock run --plan workstreams --max-parallel 2",
    )(run)
    app.command("resume", short_help="Go on with a run", epilog="Example: penstock resume latest")(resume)


def run(  # noqa: PLR0913, PLR0917 - one parameter for each option that users were promised
    context: typer.Context,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="DIR_OR_FILE", parser=path_of, help="The bundles to run; default: `workstreams`."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--workstreams-dir", metavar="DIR", parser=path_of, help="The same as --plan, for a folder."),
    ] = None,
    workstream: Annotated[str, typer.Option("--workstream-id", metavar="WS", help="Run only this one.")] = "",
    run_id: Annotated[str, typer.Option("--run-id", metavar="ID", help="Name the run yourself.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show order, settings, acceptance and every prompt; change nothing.")
    ] = False,
    resumed: Annotated[
        str, typer.Option("--resume", metavar="[RUN]", help="Go on with a run; without RUN the newest unfinished.")
    ] = "",
    max_parallel: Annotated[
        int | None, typer.Option("--max-parallel", metavar="N", min=1, help="So many workstreams at once.")
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost-usd", metavar="N", min=0, max=MOST_DOLLARS, help="Spend at most so many dollars."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", min=0, max=MOST_TOKENS, help="Spend at most so many tokens."),
    ] = None,
    wait: Wait = False,
    database: Annotated[
        str, typer.Option("--db", metavar="PLACE", help="Keep the run in this database: a file, or postgresql://…")
    ] = "",
    as_json: Json = False,
) -> int:
    """Run the project's workstreams: edit, check, merge, each in its own worktree, onto the branch penstock/RUN.

    Your branches, index and files are left alone. Ctrl-C pauses the run, a second one leaves at once.
    """
    invocation = invocations.of(context)
    if database:
        is_file = "://" not in database
        place = str(invocation.place(Path(database)).absolute()) if is_file else database
        invocation.flags["database"] = place
    if resumed:
        _must_stand_alone(plan, folder, workstream, run_id, max_parallel, max_cost, max_tokens, dry_run)
        return _resume(invocation, resumed, wait=wait, as_json=as_json)
    if plan is not None and folder is not None:
        raise UserError("--plan and --workstreams-dir both say where the bundles are", hint="give one of them")

    async def begin(penstock: "Penstock") -> int:
        from penstock.domain.budget import Cap, micros_of  # noqa: PLC0415 - as the next one
        from penstock.submission import Submission  # noqa: PLC0415 - heavy, and only needed once a command runs

        submission = Submission(
            plan=plan or folder,
            workstream=workstream or None,
            run_id=run_id or None,
            max_parallel=max_parallel,
            cap=Cap(tokens=max_tokens, micros=micros_of(max_cost)),
        )
        if dry_run or _is_dry(penstock):
            return await _preview(penstock, invocation.terminal, submission, as_json=as_json)
        submitted = await penstock.service.submit(submission)
        _announce(invocation.terminal, submitted, as_json=as_json)
        return await _drive(penstock, invocation.terminal, submitted.run_id, wait=wait, resume=False, as_json=as_json)

    return invocation.perform(begin)


def resume(
    context: typer.Context, run: MaybeRun = "", option: RunOption = "", wait: Wait = False, as_json: Json = False
) -> int:
    """Go on with a run that was paused, or whose process is gone; in the foreground, like `run`.

    Without RUN it is the newest run of the project that has not ended; where all have, the newest, if its budget was
    spent.
    """
    return _resume(invocations.of(context), one_run(run, option), wait=wait, as_json=as_json)


def _must_stand_alone(*others: object) -> None:
    if any(others):
        raise UserError(
            "--resume goes on with a stored run as it is; it can't be combined with what makes a new one",
            hint="leave out --plan, --workstreams-dir, --workstream-id, --run-id, --dry-run and whatever begins --max",
        )


def _resume(invocation: "Invocation", named: str, *, wait: bool, as_json: bool) -> int:
    async def go_on(penstock: "Penstock") -> int:
        is_any = not named or named == LATEST
        run_id = await _newest_to_go_on(penstock) if is_any else meant(penstock, named)
        _must_be_resumable(penstock.parts.views.run(run_id))
        if not as_json:
            invocation.terminal.line(f"run {run_id} goes on")
        return await _drive(penstock, invocation.terminal, run_id, wait=wait, resume=True, as_json=as_json)

    return invocation.perform(go_on)


async def _newest_to_go_on(penstock: "Penstock") -> str:
    """The newest run that has not ended; where all have, the newest of them if it can go on all the same."""
    try:
        return await penstock.service.latest_unfinished()
    except UserError:
        newest = penstock.parts.views.runs(project=penstock.projects.current().id, limit=1)
        if newest and _can_go_on(penstock.parts.views.run(newest[0]["run_id"])):
            return str(newest[0]["run_id"])
        raise


def _can_go_on(view: dict[str, Any]) -> bool:
    is_unpaid = view["reason"] == "budget_exhausted" and view["status"] != "abandoned"
    return not report.is_over(view) or is_unpaid or report.branch_waits(view)


def _must_be_resumable(view: dict[str, Any]) -> None:
    run_id, status = view["run_id"], view["status"]
    if _can_go_on(view):
        return
    failed = [row["ws_id"] for row in view["workstreams"] if row["status"] == "failed"]
    reset = f"reset what failed first: penstock reset-workstream {run_id} {failed[0]}" if failed else None
    raise UserError(
        f"run {run_id} is {status}: nothing in it can go on",
        hint=reset if status in ("partial", "failed") else "begin a new one with `penstock run`",
    )


def _is_dry(penstock: "Penstock") -> bool:
    from penstock.config.sections import ProjectSettings  # noqa: PLC0415 - only needed once a command runs

    return penstock.parts.settings({}).node(ProjectSettings).dry_run


def _announce(terminal: "Terminal", submitted: "Submitted", *, as_json: bool) -> None:
    if as_json:
        terminal.json(
            {
                "event_type": "run_submitted",
                "run_id": submitted.run_id,
                "branch": submitted.branch,
                "base": submitted.base,
                "base_branch": submitted.base_branch,
                "warnings": list(submitted.warnings),
            }
        )
        return
    terminal.line(f"run {submitted.run_id}", "strong")
    terminal.line(f"  base    {submitted.base_branch} at {submitted.base[:12]}")
    terminal.line(f"  branch  {submitted.branch}")
    for warning in submitted.warnings:
        terminal.warn(warning)


async def _preview(penstock: "Penstock", terminal: "Terminal", submission: "Submission", *, as_json: bool) -> int:
    from penstock.cli import preview  # noqa: PLC0415 - only for a dry run

    found = await penstock.service.preview(submission)
    if as_json:
        terminal.pretty_json(preview.as_json(found))
        return exits.COMPLETED
    for warning in found.warnings:
        terminal.warn(warning)
    terminal.line(preview.as_text(found))
    return exits.COMPLETED


async def _drive(
    penstock: "Penstock", terminal: "Terminal", run_id: str, *, wait: bool, resume: bool, as_json: bool
) -> int:
    from penstock.cli.interrupts import Interrupts  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.cli.progress import progress_for  # noqa: PLC0415 - as above

    with progress_for(terminal, as_json=as_json) as progress, Interrupts(run_id, progress) as interrupts:
        await penstock.service.work(run_id, stays=wait, resume=resume, watch=progress.watch, control=interrupts.attach)
    view = penstock.parts.views.run(run_id)
    code = exits.of_run(view)
    if interrupts.count and code == exits.WAITING:
        code = exits.INTERRUPTED
    if as_json:
        terminal.json({**view, "exit_code": code})
    else:
        terminal.line()
        terminal.line(report.as_text(view))
    return code
