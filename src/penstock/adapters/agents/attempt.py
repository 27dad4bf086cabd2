"""One attempt as a process: started once, its end reported. An end that is on record is never repeated."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from penstock.adapters.agents.task import AgentEnding, AgentReport
from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.logs import settle_log
from penstock.adapters.processes.reaping import read_outcome
from penstock.adapters.processes.request import Outcome, Request
from penstock.domain.redaction import Redactor

TAIL = 16 * 1024

_ENDINGS = {
    Ending.TIMED_OUT: AgentEnding.TIMED_OUT,
    Ending.STOPPED: AgentEnding.STOPPED,
    Ending.LOST: AgentEnding.LOST,
    Ending.NOT_FOUND: AgentEnding.NOT_FOUND,
}


class Started(Protocol):
    """A process that runs."""

    async def wait(self) -> Outcome:
        """Its end."""
        ...

    async def stop(self) -> Outcome:
        """Stop it, and all that it has started."""
        ...


class Starter(Protocol):
    """What starts processes."""

    async def start(self, request: Request, /) -> Started:
        """Start one."""
        ...


async def run_attempt(
    launcher: Starter, request: Request, redactor: Redactor, success: tuple[int, ...] = (0,)
) -> AgentReport:
    """The report of the process that the request asks for: run now, or ended before its owner could record it."""
    outcome = await asyncio.to_thread(read_outcome, request.folder)
    if outcome is None:
        running = await launcher.start(request)
        try:
            outcome = await running.wait()
        except asyncio.CancelledError:
            await running.stop()
            raise
    return await asyncio.to_thread(_report, outcome, request.argv[0], redactor, success)


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
        stdout_tail=stdout[-TAIL:],
        duration=outcome.duration,
    )


def _ending(outcome: Outcome, success: tuple[int, ...]) -> AgentEnding:
    if outcome.ending is Ending.EXITED and outcome.exit_code in success:
        return AgentEnding.FINISHED
    return _ENDINGS.get(outcome.ending, AgentEnding.FAILED)


def _sentence(outcome: Outcome, ending: AgentEnding, command: str) -> str:
    match ending:
        case AgentEnding.FINISHED:
            said = "the agent ended by itself"
        case AgentEnding.TIMED_OUT:
            said = f"the agent was stopped after {outcome.duration:.0f} seconds: its time was over"
        case AgentEnding.LOST:
            said = "the agent's process was lost: how it would have ended is unknown"
        case AgentEnding.STOPPED:
            said = "the agent was stopped"
        case AgentEnding.NOT_FOUND:
            said = f"the agent's program {command} was not found on PATH"
        case AgentEnding.FAILED:
            said = _failure(outcome)
    left = f"; {outcome.leftovers} processes that it left behind were stopped" if outcome.leftovers else ""
    return said + left


def _failure(outcome: Outcome) -> str:
    if outcome.ending is Ending.SIGNALLED:
        return f"the agent was ended by signal {abs(outcome.exit_code or 0)}"
    if outcome.ending is Ending.NOT_STARTED:
        return f"the agent could not be started: {outcome.error or 'no reason is known'}"
    return f"the agent ended with exit code {outcome.exit_code}"
