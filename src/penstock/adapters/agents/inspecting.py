"""Whether an agent could work here: its program, its version, what it speaks. Asked once per program and process.

The only thing that is started is a known program, with `--version`, in an environment without secrets and a home folder
that is thrown away: some write there even then.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import disk
from penstock.adapters.agents.attempt import GRACE
from penstock.adapters.agents.catalogue import BOTH, program_of, settings_of
from penstock.adapters.agents.command import profile_of
from penstock.adapters.processes.request import Request
from penstock.domain.errors import UserError
from penstock.domain.surroundings import child_environment
from penstock.ports import AgentFacts

if TYPE_CHECKING:
    from penstock.adapters.agents.settings import AgentSettings, AgentsSettings, Kind
    from penstock.adapters.agents.surroundings import Surroundings

TIME_LIMIT = 30.0
MOST_OUTPUT = 64 * 1024
_VERSION = re.compile(r"\b\d{1,6}\.\d{1,6}\.\d{1,6}\b")


class Inspector:
    """Looks at agents, and remembers what each program has said of itself: in `memo` for the next process, too."""

    def __init__(self, *, time_limit: float = TIME_LIMIT, memo: Path | None = None) -> None:
        self._time_limit = time_limit
        self._memo = memo
        self._versions: dict[str, str] = {} if memo is None else _remembered(memo)

    async def inspect(self, name: str, settings: AgentsSettings, surroundings: Surroundings) -> AgentFacts:
        """What is known of the agent of that name; an error if there is none."""
        own = settings_of(name, settings, surroundings.profiles)
        kind = own.kind_of(name)
        if kind in {"model", "scripted"}:
            protocols = BOTH[::-1] if kind == "model" else ()
            return AgentFacts(name=name, kind=kind, protocols=protocols, model=own.model)
        if kind == "command":
            return _of_command(name, own, surroundings, is_configured=name in settings.agents)
        return await self._of_program(name, kind, own, surroundings)

    async def _of_program(
        self, name: str, kind: Kind, settings: AgentSettings, surroundings: Surroundings
    ) -> AgentFacts:
        program = program_of(kind, settings)
        found = surroundings.binary(program.name, settings.binary)
        version = "" if found is None else await self._version(found, surroundings)
        fault = _bypass(settings) or _absent(program.name, settings, found, version)
        differs = bool(version) and version != program.version
        return AgentFacts(
            name=name,
            kind=kind,
            binary="" if found is None else str(found),
            version=version,
            expected=program.version,
            protocols=program.protocols,
            model=settings.model,
            fault=fault,
            remark=f"it was tried with version {program.version}" if differs and not fault else "",
        )

    async def _version(self, program: Path, surroundings: Surroundings) -> str:
        mark = await asyncio.to_thread(_mark, program)
        if mark is None:
            return ""
        if not self._versions.get(mark):
            self._versions[mark] = await _told_version(program, surroundings, self._time_limit)
            if self._memo is not None:
                await asyncio.to_thread(_remember, self._memo, self._versions)
        return self._versions[mark]


def _of_command(name: str, settings: AgentSettings, surroundings: Surroundings, *, is_configured: bool) -> AgentFacts:
    of_project = surroundings.of_project if is_configured else ()
    binary, fault = None, ""
    try:
        command = profile_of(name, settings, surroundings.profiles, of_project=of_project).command
        binary = surroundings.on_path(command)
        fault = "" if binary else f"its program {command} was not found on PATH"
    except UserError as unfit:
        fault = unfit.sentence
    return AgentFacts(
        name=name,
        kind="command",
        binary="" if binary is None else str(binary),
        protocols=BOTH if settings.gateway else (),
        model=settings.model,
        fault=fault,
    )


def _bypass(settings: AgentSettings) -> str:
    named = ", ".join(settings.bypasses)
    return f"its env names {named}, by which its calls would go past the gateway" if named else ""


def _absent(name: str, settings: AgentSettings, found: Path | None, version: str) -> str:
    if found is None:
        if settings.binary:
            return f"there is no program {settings.binary}"
        return f"there is no {name} in the folder of agents (scripts/install_agents.sh makes it), and none on PATH"
    return "" if version else f"{found} says no version when it is started with --version"


async def _told_version(program: Path, surroundings: Surroundings, time_limit: float) -> str:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="penstock-agent-"))
    try:
        running = await surroundings.launcher.start(_request(program, folder, surroundings, time_limit))
        try:
            outcome = await running.wait()
        except asyncio.CancelledError:
            await running.stop()
            raise
        return await asyncio.to_thread(_version_in, outcome.stdout)
    finally:
        await asyncio.to_thread(disk.remove_if_possible, folder)


def _request(program: Path, folder: Path, surroundings: Surroundings, time_limit: float) -> Request:
    return Request(
        argv=(str(program), "--version"),
        cwd=folder,
        env=child_environment(surroundings.environ, temporary=str(folder), extra={"HOME": str(folder)}),
        folder=folder,
        marker=f"{folder.name}:version",
        timeout=time_limit,
        output_limit=MOST_OUTPUT,
        grace=GRACE,
    )


def _version_in(log: Path) -> str:
    try:
        match = _VERSION.search(log.read_bytes().decode("utf-8", "replace"))
    except FileNotFoundError:
        return ""
    return match[0] if match else ""


def _mark(program: Path) -> str | None:
    """Which file it is, so that another one in its place is asked again."""
    try:
        found = program.stat()
    except OSError:
        return None
    return f"{os.path.realpath(program)}:{found.st_mtime_ns}:{found.st_size}"


def _remembered(memo: Path) -> dict[str, str]:
    try:
        found = json.loads(memo.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(mark): str(version) for mark, version in found.items()} if isinstance(found, dict) else {}


def _remember(memo: Path, versions: dict[str, str]) -> None:
    with contextlib.suppress(OSError):  # then the next process asks again
        memo.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=memo.parent, prefix=".versions-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(versions, file)
        Path(name).replace(memo)
