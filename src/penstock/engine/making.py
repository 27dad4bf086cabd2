"""Which environment belongs to which tree, and the making of those that are missing, each once.

A set-up runs what the tree brings along; so an environment that serves the base too is made from the base.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from penstock.domain import breaker
from penstock.domain.changes import Candidate
from penstock.domain.plan import Check
from penstock.domain.scope import matches_any
from penstock.domain.setup import Setup
from penstock.domain.tool_result import ToolResult
from penstock.ports import Environment, Environments, History, SetupFailed, Site, ToolContext, Tools, Workspace

MOST_OUTPUT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """For which attempt something is made: its folder and the marker of its processes."""

    folder: Path
    marker: str


@dataclass(kw_only=True)
class EnvironmentMaker:
    """Finds or makes the environments of one run's trees."""

    run: str
    setup: Setup
    environments: Environments
    history: History
    workspace: Workspace
    tools: Tools
    _candidates: dict[str, Candidate] = field(default_factory=dict, init=False)
    _identities: dict[str, str] = field(default_factory=dict, init=False)
    _making: dict[str, asyncio.Lock] = field(default_factory=dict, init=False)
    _failed: dict[str, SetupFailed] = field(default_factory=dict, init=False)

    async def identity(self, subject: Candidate) -> str:
        """What the environment of a tree is called; empty where the project asks for none."""
        if not self.setup.commands:
            return ""
        if subject.tree not in self._identities:
            paths = sorted(path for path in await self.history.paths(subject.commit) if self._decides(path))
            read = {path: await self.history.read(subject.commit, path) for path in paths}
            inputs = {path: content for path, content in read.items() if content is not None}
            self._identities[subject.tree] = await self.environments.identity(self.setup, inputs)
        return self._identities[subject.tree]

    def _decides(self, path: str) -> bool:
        return matches_any(self.setup.inputs, path)

    async def environment(self, subject: Candidate, base: str, errand: Errand) -> Environment | None:
        """The environment of a tree, made if need be; `SetupFailed` tells whether the base has the same trouble."""
        identity = await self.identity(subject)
        if not identity:
            return None
        compared = await self.candidate(base) if base else None
        # made from the base wherever it serves the base: another tree might smuggle something into it
        is_of_base = compared is not None and await self.identity(compared) == identity
        source = compared if is_of_base and compared is not None else subject
        try:
            return await self._found_or_made(identity, source, errand)
        except SetupFailed as failed:
            failed.of_base = is_of_base
            raise

    async def candidate(self, commit: str) -> Candidate:
        """A commit with its tree, asked for once."""
        if commit not in self._candidates:
            self._candidates[commit] = await self.history.candidate(commit)
        return self._candidates[commit]

    async def _found_or_made(self, identity: str, source: Candidate, errand: Errand) -> Environment:
        seen = self._failed.get(identity)
        async with self._making.setdefault(identity, asyncio.Lock()):
            failed = self._failed.get(identity)
            if failed is not None and failed is not seen:  # it failed while we waited: no need to see that again
                raise failed
            found = await self.environments.find(identity)
            if found is not None:
                return found
            try:
                return await self._made(identity, source, errand)
            except SetupFailed as error:
                self._failed[identity] = error
                raise

    async def _made(self, identity: str, source: Candidate, errand: Errand) -> Environment:
        async with (
            self.workspace.checkout(self.run, source.commit) as clean,
            self.environments.construct(identity, clean) as site,
        ):
            if isinstance(site, Environment):
                return site
            await self._run_commands(site, identity, errand)
            return await site.finish(self.setup.outputs)

    async def _run_commands(self, site: Site, identity: str, errand: Errand) -> None:
        for number, command in enumerate(self.setup.commands, 1):
            check = Check(name="set-up", command=command, timeout=self.setup.timeout)
            folder = errand.folder / f"setup-{identity}-{number}"
            context = ToolContext(worktree=site.folder, folder=folder, marker=errand.marker)
            result = await self.tools.run_command(check, context)
            if not result.success:
                raise _failure(command, result, site.folder)


def _failure(command: str, result: ToolResult, folder: Path) -> SetupFailed:
    said = "\n".join(part for part in (result.stdout.rstrip(), result.stderr.rstrip()) if part)
    how = "ran out of time" if result.timed_out else f"ended with exit code {result.exit_code}"
    return SetupFailed(
        f"set-up failed: `{command}` {how}",
        command=command,
        output=breaker.relative(said, str(folder))[-MOST_OUTPUT:],
        exit_code=result.exit_code,
    )
