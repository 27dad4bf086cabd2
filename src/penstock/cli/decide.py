"""The commands that ask something of a run: pause, cancel, approve, reject, abandon-run, reset-workstream.

Who owns the run does it; where nobody does, it is done at once.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import MaybeRun, Run, RunOption, Workstream, meant, one_run
from penstock.domain.errors import UserError
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    CancelAsked,
    PauseAsked,
    Rejected,
    Request,
    ResetAsked,
)
from penstock.reports import run as report
from penstock.reports.plain import one_line

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.service import Answer

LOOK_EVERY = 0.1
SOON = 5.0
UNTIL_TAKEN = 30.0
UNTIL_GONE = 60.0

NoWait = Annotated[bool, typer.Option("--no-wait", help="Only leave the request; do not wait until it is done.")]


class RequestRefused(UserError):
    """The run's owner did not take what was asked."""


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


def pause(
    context: typer.Context,
    run: MaybeRun = "",
    option: RunOption = "",
    now: Annotated[bool, typer.Option("--now", help="Stop the running steps instead of letting them end.")] = False,
    no_wait: NoWait = False,
) -> int:
    """Pause a run. Steps that run may end first, unless --now; `penstock resume` goes on."""
    return _ask(context, one_run(run, option), PauseAsked(now=now), seconds=0.0 if no_wait else UNTIL_TAKEN)


def cancel(context: typer.Context, run: Run = "", option: RunOption = "", no_wait: NoWait = False) -> int:
    """End a run for good: its steps are stopped, everything is kept. Answers when the processes are gone."""
    named = _must_name(one_run(run, option))
    return _ask(context, named, CancelAsked(), seconds=0.0 if no_wait else UNTIL_GONE, done=report.is_over)


def abandon_run(context: typer.Context, run: Run = "", option: RunOption = "", no_wait: NoWait = False) -> int:
    """Give a run up, whatever its state, and tidy its folders away; logs and snapshots are kept."""
    named = _must_name(one_run(run, option))

    def is_abandoned(view: dict[str, Any]) -> bool:
        return bool(view["status"] == "abandoned")

    return _ask(context, named, AbandonAsked(), seconds=0.0 if no_wait else UNTIL_GONE, done=is_abandoned)


def approve(
    context: typer.Context,
    run: Run,
    workstream: Annotated[
        str, typer.Argument(metavar="[WS]", help="The workstream that waits.", show_default=False)
    ] = "",
    gate: Annotated[int, typer.Option("--gate", metavar="N", min=0, help="Let this gate begin instead.")] = 0,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Kept with the decision.")] = "",
) -> int:
    """Approve a workstream that waits for a person, or let a gate begin."""
    if bool(workstream) == bool(gate):
        raise UserError("approve either one workstream or one gate", hint="penstock approve RUN WS | RUN --gate N")
    by = _user(context)
    return _ask(context, run, Approved(workstream=workstream, gate=gate, by=by, note=note), seconds=SOON)


def reject(
    context: typer.Context,
    run: Run,
    workstream: Workstream,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What to change: it gets into the prompt.")] = "",
    final: Annotated[bool, typer.Option("--final", help="Give up on the workstream instead of revising it.")] = False,
) -> int:
    """Ask for a revision of a workstream that waits for a person; with --final, give up on it."""
    request = Rejected(workstream=workstream, final=final, by=_user(context), note=note)
    return _ask(context, run, request, seconds=SOON)


def reset_workstream(context: typer.Context, run: Run, workstream: Workstream) -> int:
    """Let a failed workstream begin again. What its folder holds is kept first; what it blocked follows by itself."""
    return _ask(context, run, ResetAsked(workstream=workstream), seconds=SOON)


def _must_name(named: str) -> str:
    if not named:
        raise UserError("this ends a run for good: name it", hint="`penstock show-run` lists the runs")
    return named


def _user(context: typer.Context) -> str:
    environ = invocations.of(context).environ
    return one_line(environ.get("USER") or environ.get("USERNAME") or "", 80)


Done = Callable[[dict[str, Any]], bool]


def _ask(context: typer.Context, named: str, request: Request, *, seconds: float, done: Done | None = None) -> int:
    invocation = invocations.of(context)
    terminal = invocation.terminal

    async def ask(penstock: "Penstock") -> int:
        run_id = await _target(penstock, named, request)
        answer = await penstock.service.ask(run_id, request)
        is_done = await _await_answer(penstock, answer, seconds, done)
        terminal.line(_in_words(penstock, answer, request, is_done=is_done))
        return exits.WAITING if done is not None and not is_done and seconds else exits.COMPLETED

    return invocation.perform(ask)


async def _target(penstock: "Penstock", named: str, request: Request) -> str:
    if not named and isinstance(request, PauseAsked):
        return await penstock.service.latest_unfinished()
    return meant(penstock, named)


async def _await_answer(penstock: "Penstock", answer: "Answer", seconds: float, done: Done | None) -> bool:
    """Wait, within bounds, until the request was taken and what it is for has come about; whether it has."""
    import asyncio  # noqa: PLC0415 - slow to import, and `--help` does without

    views, clock = penstock.parts.views, penstock.parts.clock
    until = clock.monotonic() + seconds
    while True:
        state = views.request(answer.request_id)
        if state["refused"]:
            raise RequestRefused(f"run {answer.run_id}: {state['refused']}")
        if state["taken_at"] and (done is None or done(views.run(answer.run_id))):
            return True
        if clock.monotonic() >= until:
            return False
        await asyncio.sleep(LOOK_EVERY)


def _in_words(penstock: "Penstock", answer: "Answer", request: Request, *, is_done: bool) -> str:
    run_id, holder = answer.run_id, penstock.service.holder(answer.run_id)
    if not is_done:
        who = f"process {holder.pid} on {holder.host}" if holder else "whoever works on it next"
        asked = f"asked as request {answer.request_id}, not done yet"
        return f"{asked}: {who} will take it; see `penstock show-run {run_id}`"
    lines = [_achieved(request, run_id)]
    if holder is None and not isinstance(request, CancelAsked | AbandonAsked):
        lines.append(f"nobody works on the run; go on with: penstock resume {run_id}")
    return "\n".join(lines)


def _achieved(request: Request, run_id: str) -> str:
    match request:
        case PauseAsked():
            ends = "its steps are being stopped" if request.now else "steps that run may still end"
            said = f"is paused; {ends}"
        case CancelAsked():
            said = "is cancelled; what it made is kept"
        case AbandonAsked():
            said = "is abandoned; what it made is kept"
        case Approved():
            said = f"goes on: {f'gate {request.gate}' if request.gate else request.workstream} is approved"
        case Rejected():
            ends = "has failed for good" if request.final else "goes back to be revised"
            said = f"goes on: {request.workstream} {ends}"
        case ResetAsked():
            said = f"is open again: {request.workstream} begins anew"
        case _:
            said = "has taken it"
    return f"run {run_id} {said}"
