"""What a checkout gets besides its files, and the proof that its own packages are what is imported there.

One furnisher serves one run: the first checkout of each environment is where the proof is made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from penstock.domain.changes import Candidate
from penstock.domain.errors import WorldError
from penstock.domain.plan import Check
from penstock.domain.redaction import Redactor
from penstock.domain.scope import matches_any
from penstock.engine.making import MOST_OUTPUT, EnvironmentMaker, Errand
from penstock.ports import STRAY, Furnishing, SetupFailed, ToolContext, UserCheckout, UserFile

INCLUDE_FILE = ".worktreeinclude"
PROOF_LIMIT = 60.0


class ProjectIsElsewhere(WorldError):
    """What would be imported in a checkout is not the checkout's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnished:
    """A checkout in which commands can be run."""

    folder: Path
    furnishing: Furnishing


@dataclass(kw_only=True)
class Furnisher:
    """Furnishes the checkouts and worktrees of one run."""

    base: str
    maker: EnvironmentMaker
    user_checkout: UserCheckout | None = None
    redactor: Redactor = field(default_factory=Redactor)
    _proven: set[str] = field(default_factory=set, init=False)
    _remarks: list[str] = field(default_factory=list, init=False)
    _copies: tuple[UserFile, ...] | None = field(default=None, init=False)

    @asynccontextmanager
    async def checkout(
        self, subject: Candidate, base: str, errand: Errand, overlay: tuple[str, Sequence[str]] | None = None
    ) -> AsyncIterator[Furnished]:
        """A clean checkout with its environment; the first one of a run proves what is imported in it."""
        environments, record = self.maker.environments, errand.folder / "checkout.json"
        environment = await self.maker.environment(subject, base, errand)
        async with self.maker.workspace.checkout(self.maker.run, subject.commit, overlay=overlay) as where:
            try:
                furnishing = await environments.furnish(where, environment, record=record)
            except SetupFailed as failed:
                failed.of_base = subject.commit == base
                raise
            try:
                furnished = Furnished(folder=where, furnishing=furnishing)
                await self._prove(furnished, await self.maker.identity(subject), errand)
                yield furnished
            finally:
                await environments.withdraw(where, record)

    async def _prove(self, furnished: Furnished, identity: str, errand: Errand) -> None:
        if identity in self._proven:
            return
        for proof in await self.maker.environments.proofs(furnished.folder):
            check = Check(name="proof", command=proof.command, timeout=PROOF_LIMIT)
            context = ToolContext(
                worktree=furnished.folder,
                folder=errand.folder / f"proof-{proof.language.lower()}",
                marker=errand.marker,
                furnishing=furnished.furnishing,
            )
            result = await self.maker.tools.run_command(check, context)
            if result.exit_code == STRAY:
                said = result.stdout.rstrip()[:MOST_OUTPUT]
                raise ProjectIsElsewhere(
                    f"{proof.language} does not take the project from the checkout, {furnished.folder}:\n{said}",
                    hint="uninstall the project where that is, or have [setup] make an environment of its own; "
                    "then `penstock resume` the run",
                )
            if not result.success:
                said = (result.stderr.strip().splitlines() or ["it said nothing"])[-1]
                self._remarks.append(f"{proof.language} could not say where it takes the project from: {said}")
        self._proven.add(identity)

    def take_remarks(self) -> tuple[str, ...]:
        """What could not be proven, said once."""
        said, self._remarks = tuple(self._remarks), []
        return said

    async def for_agent(
        self, worktree: Path, start: str, base: str, errand: Errand, declared: Sequence[str]
    ) -> Furnishing:
        """Furnish a worktree; where the set-up of a tree to be mended fails, with what the base has."""
        environment = None
        if self.maker.setup.commands:
            try:
                environment = await self.maker.environment(await self.maker.candidate(start), base, errand)
            except SetupFailed as failed:
                if failed.of_base:
                    raise
                environment = await self.maker.environment(await self.maker.candidate(base), base, errand)
        copies = [one for one in await self._included() if not matches_any(declared, one.path)]
        record = worktree_record(errand)
        try:
            return await self.maker.environments.furnish(worktree, environment, copies=copies, record=record)
        except SetupFailed:  # something stands where an output goes: the base's fault, or for the agent to mend
            if start == base:
                raise
            return await self.maker.environments.furnish(worktree, None, copies=copies, record=record)

    async def withdraw(self, worktree: Path, errand: Errand) -> None:
        """Take out of a worktree what an attempt's agent was given, before anybody looks at what the agent made."""
        await self.maker.environments.withdraw(worktree, worktree_record(errand))

    async def _included(self) -> tuple[UserFile, ...]:
        """The user's files that the base's `.worktreeinclude` names, without keys that we know."""
        if self._copies is None:
            text = await self.maker.history.read(self.base, INCLUDE_FILE) if self.base and self.user_checkout else None
            patterns = [line for line in (text or b"").decode("utf-8", "replace").splitlines() if _is_pattern(line)]
            found = await self.user_checkout.untracked(patterns) if patterns and self.user_checkout else ()
            self._copies = tuple(replace(one, content=self._without_keys(one.content)) for one in found)
        return self._copies

    def _without_keys(self, content: bytes) -> bytes:
        text = content.decode("utf-8", "surrogateescape")
        return self.redactor.without_keys(text).encode("utf-8", "surrogateescape")


def worktree_record(errand: Errand) -> Path:
    """Where it is written what an attempt's worktree was given."""
    return errand.folder / "furnished.json"


def _is_pattern(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")
