"""Putting a request to a run, waiting within bounds until it was taken, and saying what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from penstock.cli import exits
from penstock.cli.options import meant
from penstock.domain.errors import UserError
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    CancelAsked,
    PauseAsked,
    Rejected,
    Request,
    ResetAsked,
    RollbackAsked,
)
from penstock.domain.states import RunState

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.invocation import Invocation
    from penstock.service import Answer

LOOK_EVERY = 0.1


class RequestRefused(UserError):
    """The run's owner did not take what was asked."""


Done = Callable[[dict[str, Any]], bool]


def ask(
    invocation: Invocation,
    named: str,
    request: Request,
    *,
    seconds: float,
    as_json: bool,
    done: Done | None = None,
) -> int:
    """Ask it of the run that is meant, and wait so many seconds; the exit code."""
    terminal = invocation.terminal

    async def put(penstock: Penstock) -> int:
        run_id = await _target(penstock, named, request)
        answer = await penstock.service.ask(run_id, request)
        is_done = await _await_answer(penstock, answer, seconds, done)
        words = _in_words(penstock, answer, request, is_done=is_done)
        if as_json:
            facts = {"run_id": run_id, "request_id": answer.request_id, "done": is_done}
            status = penstock.parts.views.run(run_id)["status"]
            terminal.pretty_json({**facts, "status": status, "sentence": words})
        else:
            terminal.line(words)
        return exits.WAITING if seconds and not is_done else exits.COMPLETED

    return invocation.perform(put)


async def _target(penstock: Penstock, named: str, request: Request) -> str:
    if not named and isinstance(request, PauseAsked):
        return await penstock.service.latest_unfinished()
    return meant(penstock, named)


UNFINISHED = (RunState.PENDING, RunState.RUNNING, RunState.PAUSED)


async def _await_answer(penstock: Penstock, answer: Answer, seconds: float, done: Done | None) -> bool:
    """Wait, within bounds, until the request was taken and what it is for has come about; whether it has."""
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


def _in_words(penstock: Penstock, answer: Answer, request: Request, *, is_done: bool) -> str:
    run_id, holder = answer.run_id, penstock.service.holder(answer.run_id)
    if not is_done:
        who = f"process {holder.pid} on {holder.host}" if holder else "whoever works on it next"
        asked = f"asked as request {answer.request_id}, not done yet"
        return f"{asked}: {who} will take it; see `penstock show-run {run_id}`"
    lines = [_achieved(request, run_id)]
    if holder is None and penstock.parts.views.run(run_id)["status"] in UNFINISHED:
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
        case RollbackAsked():
            said = f"has a new head without {request.workstream}"
        case _:
            said = "has taken it"
    return f"run {run_id} {said}"
