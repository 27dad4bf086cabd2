"""The journal: runs, events, commands and the inbox; and the questions that are asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from penstock.domain.checks import CheckResult
from penstock.domain.commands import Command
from penstock.domain.copies import quickly_made
from penstock.domain.decision import Decision
from penstock.domain.errors import UserError, WorldError
from penstock.domain.events import Event, Request
from penstock.domain.run import Run
from penstock.ports.models import UsageViews

MOST_UNFINISHED = 100_000
"""How many runs that have not ended are looked at, at the most, by who wants all of them."""


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event that was stepped: with its decision, or with why it was refused. It answers a command or a request."""

    event: Event
    at: datetime
    decision: Decision | None
    refused: str = ""
    illegal: tuple[str, str, str] | None = None
    """Entity, from and to, when it was refused as an illegal move."""
    command_key: str | None = None
    request_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be stored: with the project it belongs to, its frozen settings, and its own copy of the documents it
    came from.
    """

    run: Run
    project: str
    project_path: str
    settings: Mapping[str, Any]
    documents: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What whoever made the run says of it."""
    pipeline: str = ""
    """The pipeline that it is a round of; empty for a run of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A run as its rows tell it, and the commands that nobody has answered yet, oldest first."""

    run: Run
    generation: int
    project: str
    project_path: str
    settings: Mapping[str, Any]
    commands: tuple[Command, ...]
    documents: Sequence[Mapping[str, Any]] = ()
    pipeline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request in the inbox that the owner has not taken."""

    id: int
    request: Request


class UnknownRun(UserError):
    """No run has this id."""

    def __init__(self, run_id: str, newest: Sequence[str]) -> None:
        self.run_id, self.newest = run_id, tuple(newest)
        known = f"the newest are {', '.join(newest)}" if newest else "no run is stored yet"
        hint = "`penstock show-run` lists the runs" if newest else "begin one with `penstock run`"
        super().__init__(f"there is no run {run_id!r}; {known}", hint=hint)


class RunExists(UserError):
    """A run of this id is stored already."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"there is a run {run_id!r} already", hint="choose another id, or let Penstock make one")


class OwnershipLost(WorldError):
    """Another process has taken the run over: stop, and write nothing more."""


class Journal(Protocol):
    """Runs, events, commands and the inbox: durable when a method returns. Every write of an owner carries its
    generation.
    """

    async def create(self, new: NewRun) -> None:
        """Store a run before its first event."""
        ...

    async def replan(self, run: Run, generation: int, documents: Sequence[Mapping[str, Any]]) -> None:
        """Store the plan that a run now has which has not begun; `OwnershipLost` for an old generation."""
        ...

    async def claim(self, run_id: str) -> Loaded:
        """Raise the run's generation and load it: called only by who holds the run's lock."""
        ...

    async def load(self, run_id: str) -> Loaded:
        """Read a run without claiming it."""
        ...

    async def commit(
        self, run_id: str, generation: int, entries: Sequence[Entry], acknowledged: Sequence[str] = ()
    ) -> None:
        """All that follows from these events, in one transaction; `OwnershipLost` for an old generation."""
        ...

    async def post(self, run_id: str, request: Request) -> int:
        """Put a request into the inbox of whoever owns the run."""
        ...

    async def waiting(self, run_id: str) -> tuple[Waiting, ...]:
        """The requests that the owner has not taken, oldest first."""
        ...

    async def change_count(self) -> int:
        """A number that differs when another connection has written: cheap enough to be asked every 50 ms."""
        ...

    async def known_result(self, tree: str, command: str, environment: str) -> CheckResult | None:
        """What a check said about exactly this tree before, if it was run."""
        ...

    async def keep_result(self, result: CheckResult) -> None:
        """Remember what a check said."""
        ...


class Views(UsageViews, Protocol):
    """Read-only questions, answered as plain values in the shapes of `/api/v1`."""

    def runs(
        self,
        *,
        project: str | None = None,
        pipeline: str | None = None,
        workstream: str | None = None,
        is_unfinished: bool = False,
        before: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """The latest runs, newest first; those that have a workstream, that have not ended, that are older than the one
        `before` (UnknownRun), if that is asked for.
        """
        ...

    def run(self, run_id: str) -> dict[str, Any]:
        """One run with its workstreams."""
        ...

    def errors(self, run_id: str) -> list[dict[str, Any]]:
        """What went wrong, by signature."""
        ...

    def events(
        self, run_id: str, *, workstream: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """The events after an id, oldest first."""
        ...

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """All attempts, oldest first."""
        ...

    def request(self, request_id: int) -> dict[str, Any]:
        """What became of a request: taken or not, refused and why."""
        ...

    def verdicts(self, run_id: str) -> list[dict[str, Any]]:
        """The verdicts of a run, oldest first."""
        ...

    def projects(self) -> list[dict[str, Any]]:
        """Every project that has a run, with its path."""
        ...
