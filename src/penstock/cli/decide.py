"""The commands that ask something of a run: pause, cancel, approve, reject, abandon-run, reset-workstream,
rollback-workstream.

Who owns the run does it; where nobody does, it is done at once.
"""

from typing import Annotated, Any

import typer

from penstock.cli import invocation as invocations
from penstock.cli.options import Json, MaybeRun, Run, RunOption, Workstream, one_run, user_name
from penstock.domain.errors import UserError, WorldError
from penstock.reports import run as report

SOON = 5.0
UNTIL_TAKEN = 30.0
UNTIL_GONE = 60.0

NoWait = Annotated[bool, typer.Option("--no-wait", help="Only leave the request; do not wait until it is done.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("pause", short_help="Pause a run", epilog="Example: penstock pause latest --now")(pause)
    app.command(
        "cancel",
        short_help="End a run for good, and keep what it made",
        epilog="Example: penstock cancel run-20260101T120000Z-1a2b",
    )(cancel)
    app.command(
        "approve",
        short_help="Approve a workstream or a gate that waits",
        epilog="Example: penstock approve latest ws-greeting",
    )(approve)
    app.command(
        "reject",
        short_help="Ask for a revision of a workstream",
        epilog='Example: penstock reject latest ws-greeting --note "Greet in capitals"',
    )(reject)
    app.command(
        "abandon-run",
        short_help="Give a run up, whatever its state",
        epilog="Example: penstock abandon-run run-20260101T120000Z-1a2b",
    )(abandon_run)
    app.command(
        "reset-workstream",
        short_help="Let a failed workstream begin again",
        epilog="Example: penstock reset-workstream latest ws-greeting",
    )(reset_workstream)
    app.command(
        "rollback-workstream",
        short_help="Take a merged workstream back",
        epilog="Example: penstock rollback-workstream latest ws-greeting --cascade",
    )(rollback_workstream)


def pause(
    context: typer.Context,
    run: MaybeRun = "",
    option: RunOption = "",
    now: Annotated[bool, typer.Option("--now", help="Stop the running steps instead of letting them end.")] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> int:
    """Pause a run. Steps that run may end first, unless --now; `penstock resume` goes on."""
    from penstock.cli.asking import ask  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.domain.events import PauseAsked  # noqa: PLC0415 - as above

    return ask(
        invocations.of(context),
        one_run(run, option),
        PauseAsked(now=now),
        seconds=0.0 if no_wait else UNTIL_TAKEN,
        as_json=as_json,
    )


def cancel(
    context: typer.Context, run: Run = "", option: RunOption = "", no_wait: NoWait = False, as_json: Json = False
) -> int:
    """End a run for good: its steps are stopped, everything is kept. Answers when the processes are gone."""
    from penstock.cli.asking import ask  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.domain.events import CancelAsked  # noqa: PLC0415 - as above

    named = _must_name(one_run(run, option))
    return ask(
        invocations.of(context),
        named,
        CancelAsked(),
        seconds=0.0 if no_wait else UNTIL_GONE,
        as_json=as_json,
        done=report.is_over,
    )


def abandon_run(
    context: typer.Context, run: Run = "", option: RunOption = "", no_wait: NoWait = False, as_json: Json = False
) -> int:
    """Give a run up, whatever its state, and tidy its folders away; logs and snapshots are kept."""
    from penstock.cli.asking import ask  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.domain.events import AbandonAsked  # noqa: PLC0415 - as above

    named = _must_name(one_run(run, option))

    def is_abandoned(view: dict[str, Any]) -> bool:
        return bool(view["status"] == "abandoned")

    return ask(
        invocations.of(context),
        named,
        AbandonAsked(),
        seconds=0.0 if no_wait else UNTIL_GONE,
        as_json=as_json,
        done=is_abandoned,
    )


def approve(
    context: typer.Context,
    run: Run,
    workstream: Annotated[
        str, typer.Argument(metavar="[WS]", help="The workstream that waits.", show_default=False)
    ] = "",
    gate: Annotated[int, typer.Option("--gate", metavar="N", min=0, help="Let this gate begin instead.")] = 0,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Kept with the decision.")] = "",
    as_json: Json = False,
) -> int:
    """Approve a workstream that waits for a person, or let a gate begin."""
    from penstock.cli.asking import ask  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.domain.events import Approved  # noqa: PLC0415 - as above

    if bool(workstream) == bool(gate):
        raise UserError("approve either one workstream or one gate", hint="penstock approve RUN WS | RUN --gate N")
    by = user_name(invocations.of(context).environ)
    return ask(
        invocations.of(context),
        run,
        Approved(workstream=workstream, gate=gate, by=by, note=note),
        seconds=SOON,
        as_json=as_json,
    )


def reject(
    context: typer.Context,
    run: Run,
    workstream: Workstream,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What to change: it gets into the prompt.")] = "",
    final: Annotated[bool, typer.Option("--final", help="Give up on the workstream instead of revising it.")] = False,
    as_json: Json = False,
) -> int:
    """Ask for a revision of a workstream that waits for a person; with --final, give up on it."""
    from penstock.cli.asking import ask  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.domain.events import Rejected  # noqa: PLC0415 - as above

    request = Rejected(workstream=workstream, final=final, by=user_name(invocations.of(context).environ), note=note)
    return ask(invocations.of(context), run, request, seconds=SOON, as_json=as_json)


def reset_workstream(context: typer.Context, run: Run, workstream: Workstream, as_json: Json = False) -> int:
    """Let a failed workstream begin again. What its folder holds is kept first; what it blocked follows by itself."""
    from penstock.cli.asking import ask  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.domain.events import ResetAsked  # noqa: PLC0415 - as above

    return ask(invocations.of(context), run, ResetAsked(workstream=workstream), seconds=SOON, as_json=as_json)


def rollback_workstream(
    context: typer.Context,
    run: Run,
    workstream: Workstream,
    cascade: Annotated[bool, typer.Option("--cascade", help="Take back what was built upon it too.")] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> int:
    """Take a merged workstream back: a new commit that undoes its merge, verified like any merge."""
    from penstock.cli.asking import ask  # noqa: PLC0415 - slow to import, and `--help` does without
    from penstock.domain.events import RollbackAsked  # noqa: PLC0415 - as above

    def is_decided(view: dict[str, Any]) -> bool:
        found = next(one for one in view["workstreams"] if one["ws_id"] == workstream)
        if found["status"] == "done" and found["sentence"]:
            raise WorldError(f"{workstream} {found['sentence']}", hint="nothing was changed")
        return bool(found["status"] == "abandoned")

    request = RollbackAsked(workstream=workstream, cascade=cascade)
    return ask(
        invocations.of(context),
        run,
        request,
        seconds=0.0 if no_wait else UNTIL_GONE,
        as_json=as_json,
        done=is_decided,
    )


def _must_name(named: str) -> str:
    if not named:
        raise UserError("this ends a run for good: name it", hint="`penstock show-run` lists the runs")
    return named
