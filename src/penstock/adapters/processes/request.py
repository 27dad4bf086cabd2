"""The values around a process: what is asked for (Request) and what came of it (Outcome). No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.processes.ending import Ending
from penstock.domain.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.adapters.processes.wire import OutcomeRecord

__all__ = ["Ending", "Outcome", "Request", "RequestIsUnsound", "outcome_of"]


class RequestIsUnsound(Bug):
    """A request that no system could carry out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One process to run: `env` is the whole environment, `folder` (outside the worktree) holds its records."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    folder: Path
    marker: str
    timeout: float | None = None
    output_limit: int = 4 * 1024 * 1024
    stdin: Path | None = None
    grace: float = 5.0
    redact: tuple[str, ...] = ()  # words that request.json must not show
    confinement: tuple[str, ...] = ()  # the command that confines it, before its own

    def __post_init__(self) -> None:
        texts = (*self.confinement, *self.argv, *self.env.keys(), *self.env.values(), self.marker)
        if not self.argv or not self.marker:
            raise RequestIsUnsound("a process was asked for without a command or without a marker")
        if any("\0" in text for text in texts) or any("=" in name or not name for name in self.env):
            raise RequestIsUnsound(f"{self.argv[0]!r} was asked for with a text that no process can be given")
        if self.output_limit < 0 or self.grace < 0:
            raise RequestIsUnsound(f"{self.argv[0]!r} was asked for with a negative limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a process. `exit_code` is what the system gave: a signal is its negative number."""

    ending: Ending
    exit_code: int | None
    started_at: float
    ended_at: float
    duration: float
    stdout: Path
    stderr: Path
    truncated: bool
    leftovers: int  # descendants that had to be killed after the main process ended
    error: str | None = None  # what could not be done: start, write, kill
    confined: bool = False


def outcome_of(record: OutcomeRecord, folder: Path) -> Outcome:
    """The value of what a keeper has written or sent."""
    return Outcome(
        ending=Ending(record["ending"]),
        exit_code=record["exit_code"],
        started_at=float(record["started_at"]),
        ended_at=float(record["ended_at"]),
        duration=float(record["duration"]),
        stdout=folder / "stdout.log",
        stderr=folder / "stderr.log",
        truncated=bool(record["truncated"]),
        leftovers=int(record["leftovers"]),
        error=record["error"],
        confined=bool(record.get("confined", False)),  # an earlier release wrote no such thing, and confined nothing
    )
