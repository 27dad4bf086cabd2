"""One attempt as a process: started once, its end reported. An end that is on record is never repeated."""

from __future__ import annotations

import asyncio
import shutil
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.logs import settle_log
from penstock.adapters.processes.reaping import read_outcome
from penstock.domain.surroundings import child_environment
from penstock.ports import AgentReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from penstock.adapters.processes.launcher import Launcher
    from penstock.adapters.processes.request import Outcome, Request
    from penstock.domain.redaction import Redactor
    from penstock.ports import AgentTask

TAIL = 16 * 1024


class AgentEnding(StrEnum):
    """How an attempt ended, as far as its process shows it."""

    FINISHED = "finished"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    STOPPED = "stopped"
    NOT_FOUND = "not_found"


_ENDINGS = {
    Ending.TIMED_OUT: AgentEnding.TIMED_OUT,
    Ending.STOPPED: AgentEnding.STOPPED,
    Ending.LOST: AgentEnding.LOST,
    Ending.NOT_FOUND: AgentEnding.NOT_FOUND,
}


async def run_attempt(
    launcher: Launcher, made: Callable[[], Request], redactor: Redactor, success: tuple[int, ...] = (0,)
) -> AgentReport:
    """The report of the process that a request asks for: run now, or ended before its owner could record it."""
    request, outcome = await asyncio.to_thread(_prepared, made)
    if outcome is None:
        running = await launcher.start(request)
        try:
            outcome = await running.wait()
        except asyncio.CancelledError:
            await running.stop()
            raise
    return await asyncio.to_thread(_report, outcome, request.argv[0], redactor, success)


def _prepared(made: Callable[[], Request]) -> tuple[Request, Outcome | None]:
    request = made()
    return request, read_outcome(request.folder)


def started_as(
    argv: tuple[str, ...],
    task: AgentTask,
    environ: Mapping[str, str],
    temporary: Path,
    extra: Mapping[str, str] | None = None,
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Arguments and environment of an agent: it gets what its worktree was given, and is never itself taken from it."""
    variables = {**task.furnishing.variables, **(extra or {})}
    plain = child_environment(environ, temporary=str(temporary), extra=variables)
    program = argv[0] if "/" in argv[0] else shutil.which(argv[0], path=plain["PATH"])
    if program is None:
        return argv, plain
    programs = tuple(map(str, task.furnishing.programs))
    return (program, *argv[1:]), child_environment(
        environ, temporary=str(temporary), extra=variables, programs=programs
    )


def own_folder(folder: Path) -> Path:
    """The attempt's temporary folder, made for its owner alone."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    return temporary


def _report(outcome: Outcome, command: str, redactor: Redactor, success: tuple[int, ...]) -> AgentReport:
    stdout = settle_log(outcome.stdout, redactor.redact)
    settle_log(outcome.stderr, redactor.redact)
    ending = _ending(outcome, success)
    return AgentReport(
        ending=ending,
        exit_code=outcome.exit_code,
        sentence=redactor.redact(_sentence(outcome, ending, command)),
        output=stdout[-TAIL:],
        duration=outcome.duration,
        confined=outcome.confined,
    )


def _ending(outcome: Outcome, success: tuple[int, ...]) -> AgentEnding:
    if outcome.ending is Ending.EXITED and outcome.exit_code in success:
        return AgentEnding.FINISHED
    return _ENDINGS.get(outcome.ending, AgentEnding.FAILED)


def _sentence(outcome: Outcome, ending: AgentEnding, command: str) -> str:
    # It goes on from "the agent".
    match ending:
        case AgentEnding.FINISHED:
            said = "ended by itself"
        case AgentEnding.TIMED_OUT:
            said = f"was stopped after {outcome.duration:.0f} seconds: its time was over"
        case AgentEnding.LOST:
            said = "was lost: how its process would have ended is unknown"
        case AgentEnding.STOPPED:
            said = "was stopped"
        case AgentEnding.NOT_FOUND:
            said = f"could not be found: its program {command} is not on PATH"
        case AgentEnding.FAILED:
            said = _failure(outcome)
    left = f"; {outcome.leftovers} processes that it left behind were stopped" if outcome.leftovers else ""
    return said + left


def _failure(outcome: Outcome) -> str:
    if outcome.ending is Ending.SIGNALLED:
        return f"was ended by signal {abs(outcome.exit_code or 0)}"
    if outcome.ending is Ending.NOT_STARTED:
        return f"could not be started: {outcome.error or 'no reason is known'}"
    return f"ended with exit code {outcome.exit_code}"
