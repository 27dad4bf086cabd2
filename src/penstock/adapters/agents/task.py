"""What an agent is asked, and how its attempt ended. A report never says that the work is right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTask:
    """One attempt. `folder` lies outside the worktree and belongs to this attempt alone."""

    worktree: Path
    folder: Path
    prompt: str
    marker: str
    timeout: float
    number: int
    """The attempt's number over edit and fix, from 1."""
    step: Literal["edit", "fix"]
    workstream_id: str
    declared: tuple[str, ...] = ()
    """The patterns that the workstream may touch."""


class AgentEnding(StrEnum):
    """How an attempt ended."""

    FINISHED = "finished"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    STOPPED = "stopped"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """What came of an attempt, as far as its process shows it."""

    ending: AgentEnding
    exit_code: int | None
    sentence: str
    stdout_tail: str
    duration: float


class Agent(Protocol):
    """Does the editing of one attempt."""

    async def work(self, task: AgentTask) -> AgentReport:
        """Let the agent work until its end. An attempt that has ended already is not started again."""
        ...
