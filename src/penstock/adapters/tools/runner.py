"""From a profile or a command to its result. Every run has an explicit environment and its own temporary folder."""

from __future__ import annotations

import asyncio
import os
import shlex
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import disk
from penstock.adapters.processes.confiner import OWN_HOME, Confiner, unconfined
from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.logs import settle_log
from penstock.adapters.processes.request import Request
from penstock.adapters.tools.port_ranges import lent_range
from penstock.domain.errors import WorldError
from penstock.domain.surroundings import child_environment
from penstock.domain.tool_result import NOT_FOUND, OTHER, TIMED_OUT, ToolResult
from penstock.domain.tools import ToolNotRenderable, render
from penstock.ports import ProcessLost

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from penstock.adapters.processes.launcher import Launcher
    from penstock.adapters.processes.request import Outcome
    from penstock.adapters.tools.profiles import ToolsSettings
    from penstock.domain.plan import Check
    from penstock.domain.redaction import Redactor
    from penstock.ports import ToolContext

SHELL = ("/bin/sh", "-c")
TEMPORARY = "tmp"
LONGEST_COMMAND = 32 * 1024
"""Of a longer one, in letters of any size, the system may say that it takes none so long."""
PORT_BASE = "PENSTOCK_PORT_BASE"
"""Names the first of some TCP ports that no other check is given."""
DEFAULT_TIMEOUT = 600.0
_Said = tuple[str, str]
"""Both streams, without secrets."""


class CommandNotStarted(WorldError):
    """This machine did not let a command begin, which says nothing about the tree that it was to be asked of."""

    def __init__(self, command: str, reason: str) -> None:
        self.command, self.reason = command, reason
        super().__init__(
            f"`{command}` could not be started: {reason}",
            hint="look for a machine out of memory, processes or disk (`penstock doctor` tries the confinement)",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRunner:
    """Runs tools and commands through a launcher; what they wrote is redacted before anyone reads it."""

    launcher: Launcher
    tools: ToolsSettings
    environ: Mapping[str, str]
    redactor: Redactor
    default_timeout: float = DEFAULT_TIMEOUT
    output_limit: int = 4 * 1024 * 1024
    confiner: Confiner = field(default_factory=unconfined)

    @property
    def confined(self) -> bool:
        """Whether what runs here is confined."""
        return self.confiner.is_on

    async def run_tool(self, tool_id: str, context: ToolContext) -> ToolResult:
        """Run a tool by its profile, in the worktree."""
        profile = self.tools.profile(tool_id)
        rendered = render(tool_id, profile, _values(context))
        request = await asyncio.to_thread(
            self._request,
            context,
            argv=rendered.argv,
            cwd=_inside(tool_id, context.worktree, rendered.working_dir),
            extra=rendered.env,
            timeout=profile.timeout or self.default_timeout,
        )
        result = self._result(tool_id, request, *await self._run(request), profile.success_criteria)
        return result if profile.capture_output else replace(result, stdout="", stderr="")

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        """Run a check, a line of acceptance or of compensation by the shell, in the worktree."""
        request = await asyncio.to_thread(
            self._request, context, argv=(*SHELL, check.command), cwd=context.worktree, extra={}, timeout=check.timeout
        )
        outcome, said = await self._run(request)
        if outcome.ending is Ending.LOST:
            raise ProcessLost(f"`{self.redactor.redact(check.command)}` was lost: {_what_happened(outcome, SHELL[0])}")
        if outcome.ending is Ending.NOT_STARTED and len(check.command) < LONGEST_COMMAND and request.cwd.is_dir():
            raise CommandNotStarted(self.redactor.redact(check.command), outcome.error or "no reason is known")
        return self._result(check.name, request, outcome, said, check.success_codes, shown=check.command)

    def _request(
        self, context: ToolContext, *, argv: tuple[str, ...], cwd: Path, extra: Mapping[str, str], timeout: float
    ) -> Request:
        temporary = context.folder / TEMPORARY
        temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
        request = Request(
            argv=argv,
            cwd=cwd,
            env=child_environment(
                self.environ,
                temporary=str(temporary),
                extra={**context.furnishing.variables, **extra},
                programs=tuple(map(str, context.furnishing.programs)),
            ),
            folder=context.folder,
            marker=context.marker,
            timeout=timeout,
            output_limit=self.output_limit,
        )
        return self.confiner.confine(request, context.worktree)

    async def _run(self, request: Request) -> tuple[Outcome, _Said]:
        with lent_range() as ports:
            return await self._outcome(replace(request, env={PORT_BASE: str(ports), **request.env}))

    def _result(
        self,
        tool_id: str,
        request: Request,
        outcome: Outcome,
        said: _Said,
        success: Collection[int],
        shown: str | None = None,
    ) -> ToolResult:
        stdout, stderr = said
        exit_code = _exit_code(outcome)
        return ToolResult(
            tool_id=tool_id,
            command_line=self.redactor.redact(shown or shlex.join(request.argv)),
            exit_code=exit_code,
            stdout=stdout,
            stderr=stderr or self.redactor.redact(_what_happened(outcome, request.argv[0])),
            timed_out=outcome.ending is Ending.TIMED_OUT,
            started_at=datetime.fromtimestamp(outcome.started_at, UTC),
            completed_at=datetime.fromtimestamp(outcome.ended_at, UTC),
            duration_sec=outcome.duration,
            success=outcome.ending is Ending.EXITED and exit_code in success,
            confined=outcome.confined,
        )

    async def _outcome(self, request: Request) -> tuple[Outcome, _Said]:
        try:
            running = await self.launcher.start(request)
            try:
                outcome = await running.wait()
            except asyncio.CancelledError:
                await running.stop()
                raise
        except BaseException:
            await asyncio.to_thread(_remove_own, request.folder)
            raise
        return outcome, await asyncio.to_thread(_put_away, outcome, request.folder, self.redactor.redact)


def _put_away(outcome: Outcome, folder: Path, redact: Callable[[str], str]) -> _Said:
    _remove_own(folder)
    return settle_log(outcome.stdout, redact), settle_log(outcome.stderr, redact)


def _remove_own(folder: Path) -> None:
    for name in (TEMPORARY, OWN_HOME):
        disk.remove_if_possible(folder / name)


def _values(context: ToolContext) -> dict[str, str]:
    # Every folder is the worktree: a tool never sees the user's checkout.
    here = str(context.worktree)
    known = {"cwd": here, "repo_root": here, "worktree_path": here}
    if context.model_name:
        known["model_name"] = context.model_name
    if context.prompt_file is not None:
        known["prompt_file"] = str(context.prompt_file)
    return known if context.message is None else {**known, "message": context.message}


def _exit_code(outcome: Outcome) -> int:
    match outcome.ending:
        case Ending.EXITED if outcome.exit_code is not None:
            return outcome.exit_code
        case Ending.TIMED_OUT:
            return TIMED_OUT
        case Ending.NOT_FOUND:
            return NOT_FOUND
        case _:
            return OTHER


def _what_happened(outcome: Outcome, command: str) -> str:
    match outcome.ending:
        case Ending.EXITED | Ending.TIMED_OUT:
            return ""
        case Ending.NOT_FOUND:
            return f"{command}: not found on PATH"
        case Ending.SIGNALLED:
            return f"{command}: ended by signal {abs(outcome.exit_code or 0)}"
        case _:
            return f"{command}: {outcome.ending}" + (f": {outcome.error}" if outcome.error else "")


def _inside(tool_id: str, worktree: Path, working_dir: str) -> Path:
    root = worktree.resolve()
    folder = Path(os.path.realpath(root / working_dir))
    if folder.is_symlink() or not folder.is_relative_to(root):  # what is a link still leads in a circle
        raise ToolNotRenderable(
            f'the tool "{tool_id}" is to run in {working_dir}, which leads nowhere or outside the worktree',
            hint="give working_dir relative to the worktree, or leave it out",
        )
    return folder
