"""The folders and markers of a run's attempts, and what an earlier owner left behind: reaped only for the run that is
asked about.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.reaping import read_outcome, reap


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

    def _path(self, run: str, workstream: str, attempt: str) -> Path:
        return self.runs / run / workstream / attempt
