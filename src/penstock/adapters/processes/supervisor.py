"""The folders and markers of a run's attempts, and what an earlier owner left behind: reaped only for the run that is
asked about.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.reaping import living, read_outcome, reap
from penstock.adapters.processes.records import OUTCOME

ASIDE = "~aside-"
"""In the name of an attempt's folder that counts no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """Attempts of one project below one folder."""

    runs: Path
    worktrees: Path
    _home_id: str = field(init=False, default="")

    def __post_init__(self) -> None:
        digest = hashlib.sha256(str(self.runs).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        object.__setattr__(self, "_home_id", digest)

    def marker(self, run: str, workstream: str, attempt: str) -> str:
        """What every process of an attempt carries in its environment."""
        return f"{self._home_id}:{run}/{workstream}/{attempt}"

    async def folder(self, run: str, workstream: str, attempt: str) -> Path:
        """The attempt's own folder, made if need be: in a thread, for that may take as long as the disk likes."""
        path = self._path(run, workstream, attempt)
        if not path.is_dir():
            await asyncio.to_thread(path.mkdir, parents=True, exist_ok=True, mode=0o700)
        return path

    def was_started(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether an owner began to perform the attempt."""
        return self._path(run, workstream, attempt).is_dir()

    def has_ended(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether the attempt's agent ended by itself, which its keeper wrote down."""
        outcome = read_outcome(self._path(run, workstream, attempt))
        return outcome is not None and outcome.ending not in (Ending.LOST, Ending.STOPPED)

    async def reap(self, run: str) -> int:
        """Kill what an earlier owner of this run left behind; how many processes it was."""
        return len(await asyncio.to_thread(reap, f"{self._home_id}:{run}", self.worktrees / run))

    async def leftovers(self, run: str) -> tuple[int, ...]:
        """The processes of a run that still live; nothing is done to them."""
        return tuple(await asyncio.to_thread(living, f"{self._home_id}:{run}", self.worktrees / run))

    def recorded(self, run: str) -> tuple[tuple[str, str], ...]:
        """Workstream and key of every attempt that has a folder."""
        found = (path for path in (self.runs / run).glob("*/*") if path.is_dir() and ASIDE not in path.name)
        return tuple(sorted((path.parent.name, path.name) for path in found))

    def forget_end(self, run: str, workstream: str, attempt: str) -> None:
        """Let an attempt whose agent had ended count as interrupted."""
        outcome = self._path(run, workstream, attempt) / OUTCOME
        outcome.replace(outcome.with_name(f"lost.{OUTCOME}"))

    def set_aside(self, run: str, workstream: str, attempt: str) -> str:
        """Rename an attempt's folder, so that nobody takes it for one that was performed; its new name."""
        path, number = self._path(run, workstream, attempt), 1
        while (target := path.with_name(f"{attempt}{ASIDE}{number}")).exists():
            number += 1
        path.rename(target)
        return target.name

    def _path(self, run: str, workstream: str, attempt: str) -> Path:
        return self.runs / run / workstream / attempt
