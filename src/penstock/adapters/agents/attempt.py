"""One attempt as a process: started once, watched, its end reported. An end that is on record is never repeated."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.adapters.agents.verdicts import Said, Verdict, clipped
from penstock.adapters.agents.watching import Cut, Watch, watched
from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.logs import settle_log
from penstock.adapters.processes.reaping import read_outcome
from penstock.domain.redaction import MASK
from penstock.domain.surroundings import child_environment
from penstock.ports import AgentReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from penstock.adapters.agents.verdicts import Judge
    from penstock.adapters.processes.launcher import Launcher
    from penstock.adapters.processes.request import Outcome, Request
    from penstock.domain.redaction import Redactor
    from penstock.ports import AgentTask

TAIL = 16 * 1024
LONGEST_WORD = 128 * 1024
"""Bytes of one argument of a command, beyond which the system takes none: then it was the prompt, not the machine."""
GRACE = 1.0
"""Seconds between TERM and KILL: an attempt that must end is gone within two."""
URL_NAME, KEY_NAME = "PENSTOCK_GATEWAY_URL", "PENSTOCK_GATEWAY_KEY"
"""Variables by which a program is told where its models are, and the key that is good for this attempt alone."""
_LOGS = ("stdout.log", "stderr.log")
_NEVER_BEGAN = (Ending.NOT_FOUND, Ending.NOT_STARTED)


class AgentEnding(StrEnum):
    """How an attempt ended, as far as its process shows it."""

    FINISHED = "finished"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    IDLE = "idle"
    REFUSED = "refused"
    """The models' door sent it away."""
    LOST = "lost"
    STOPPED = "stopped"
    NOT_FOUND = "not_found"
    NOT_STARTED = "not_started"
    """This machine did not let it begin."""


_ENDINGS = {
    Ending.TIMED_OUT: AgentEnding.TIMED_OUT,
    Ending.STOPPED: AgentEnding.STOPPED,
    Ending.LOST: AgentEnding.LOST,
    Ending.NOT_FOUND: AgentEnding.NOT_FOUND,
    Ending.NOT_STARTED: AgentEnding.NOT_STARTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an attempt is watched, judged and written down."""

    judge: Judge
    watch: Watch
    redactor: Redactor

    def redact(self, text: str) -> str:
        """The text without secrets; the attempt's own key is one, as long as it opens anything."""
        key = "" if self.watch.visit is None else self.watch.visit.access.key
        return self.redactor.redact(text.replace(key, MASK) if key else text)


async def run_attempt(launcher: Launcher, folder: Path, made: Callable[[], Request], manner: Manner) -> AgentReport:
    """The report of the process that a request asks for: run now, or ended before its owner could record it.

    Nothing is made for one that has run: its home folder was its own, and holds what links it likes.
    """
    outcome = await asyncio.to_thread(read_outcome, folder)
    cut: Cut | None = None
    argv: tuple[str, ...] = ()
    if outcome is None or outcome.ending in _NEVER_BEGAN:
        request = await asyncio.to_thread(made)
        argv = request.argv
        if outcome is None:
            outcome, cut = await _run(launcher, request, manner)
    return await asyncio.to_thread(_report, outcome, cut, argv, manner)


async def _run(launcher: Launcher, request: Request, manner: Manner) -> tuple[Outcome, Cut | None]:
    try:
        running = await launcher.start(request)
        try:
            return await watched(running, manner.watch)
        except BaseException:
            await running.stop()
            raise
    except BaseException:
        # At once, not in a thread: whoever is cancelled twice waits for nothing more.
        for name in _LOGS:
            settle_log(request.folder / name, manner.redact)
        raise


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


def write_prompt(task: AgentTask) -> Path:
    """The prompt in a file beside the attempt's records, for its owner alone."""
    prompt_file = task.folder / "prompt.txt"
    prompt_file.write_text(task.prompt, encoding="utf-8", errors="replace")
    prompt_file.chmod(0o600)
    return prompt_file


def _report(outcome: Outcome, cut: Cut | None, argv: tuple[str, ...], manner: Manner) -> AgentReport:
    said = manner.judge(_said(outcome))  # of what was really printed: redacted JSON may be none
    verdict = replace(said, fault=clipped(manner.redact(said.fault)), claimed=clipped(manner.redact(said.claimed)))
    for log in (outcome.stdout, outcome.stderr):
        settle_log(log, manner.redact)
    ending = _ending(outcome, cut, verdict, argv)
    return AgentReport(
        ending=ending,
        exit_code=outcome.exit_code,
        sentence=manner.redact(_sentence(outcome, ending, argv, verdict, manner.watch)),
        output=manner.redact(verdict.text)[-TAIL:],
        duration=outcome.duration,
        confined=outcome.confined,
        claimed=verdict.claimed,
    )


def _said(outcome: Outcome) -> Said:
    stdout, stderr = _text(outcome.stdout), _text(outcome.stderr)
    return Said(stdout=stdout, stderr=stderr, exit_code=outcome.exit_code)


def _text(log: Path) -> str:
    try:
        return log.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _ending(outcome: Outcome, cut: Cut | None, verdict: Verdict, argv: tuple[str, ...]) -> AgentEnding:
    if cut is not None:
        return AgentEnding(cut.value)
    if outcome.ending is Ending.EXITED and not verdict.fault:
        return AgentEnding.FINISHED
    too_long = any(len(word.encode("utf-8", "surrogatepass")) >= LONGEST_WORD for word in argv)
    if outcome.ending is Ending.NOT_STARTED and too_long:
        return AgentEnding.FAILED
    return _ENDINGS.get(outcome.ending, AgentEnding.FAILED)


def _sentence(outcome: Outcome, ending: AgentEnding, argv: tuple[str, ...], verdict: Verdict, watch: Watch) -> str:
    # It goes on from "the agent".
    match ending:
        case AgentEnding.FINISHED:
            said = "ended by itself"
        case AgentEnding.TIMED_OUT:
            said = f"was stopped after {outcome.duration:.0f} seconds: its time was over"
        case AgentEnding.IDLE:
            silent = "printed nothing" if watch.visit is None else "neither printed anything nor heard from its model"
            said = f"was stopped: for {watch.idle_timeout:g} seconds it {silent}"
        case AgentEnding.REFUSED:
            said = f"was stopped: {watch.stop.sentence if watch.stop else 'it was sent away by the models'}"
        case AgentEnding.LOST:
            said = "was lost: how its process would have ended is unknown"
        case AgentEnding.STOPPED:
            said = "was stopped"
        case AgentEnding.NOT_FOUND:
            said = f"could not be found: its program {argv[0]} is not on PATH"
        case AgentEnding.NOT_STARTED | AgentEnding.FAILED:
            said = _failure(outcome, verdict)
    left = f"; {outcome.leftovers} processes that it left behind were stopped" if outcome.leftovers else ""
    return said + left


def _failure(outcome: Outcome, verdict: Verdict) -> str:
    if outcome.ending is Ending.SIGNALLED:
        return f"was ended by signal {abs(outcome.exit_code or 0)}"
    if outcome.ending is Ending.NOT_STARTED:
        return f"could not be started: {outcome.error or 'no reason is known'}"
    return verdict.fault or f"ended with exit code {outcome.exit_code}"
