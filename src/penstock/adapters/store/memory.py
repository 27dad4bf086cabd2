"""A journal that keeps everything in this process and nothing beyond it: for dry runs and tests. It has no views."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.adapters.store.failures import RowsContradict
from penstock.ports import Loaded, OwnershipLost, RunExists, UnknownRun, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.domain.checks import CheckResult
    from penstock.domain.commands import Command
    from penstock.domain.events import Request
    from penstock.domain.run import Run
    from penstock.ports import Entry, NewRun


@dataclass(slots=True)
class _Kept:
    new: NewRun
    run: Run
    generation: int = 0
    entries: list[Entry] = field(default_factory=list)
    commands: dict[str, Command] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


class MemoryJournal:
    """Runs, events, commands and the inbox in dictionaries."""

    def __init__(self) -> None:
        self._runs: dict[str, _Kept] = {}
        self._inbox: dict[int, tuple[str, Request]] = {}
        self._results: dict[tuple[str, str, str], CheckResult] = {}
        self._posted = 0
        self._changes = 0

    async def create(self, new: NewRun) -> None:
        """Keep a run before its first event."""
        if new.run.id in self._runs:
            raise RunExists(new.run.id)
        self._runs[new.run.id] = _Kept(new=new, run=new.run)
        self._changes += 1

    async def replan(self, run: Run, generation: int, documents: Sequence[Mapping[str, Any]]) -> None:
        """Keep the plan that a run now has which has not begun."""
        kept = self._runs.get(run.id)
        if kept is None or kept.generation != generation:
            raise OwnershipLost(f"the run {run.id} was taken over while this one worked on it")
        kept.run, kept.new = run, replace(kept.new, run=run, documents=documents)
        self._changes += 1

    async def claim(self, run_id: str) -> Loaded:
        """Raise the run's generation and answer it."""
        self._find(run_id).generation += 1
        self._changes += 1
        return await self.load(run_id)

    async def load(self, run_id: str) -> Loaded:
        """Answer a run without claiming it."""
        kept = self._find(run_id)
        return Loaded(
            run=kept.run,
            generation=kept.generation,
            project=kept.new.project,
            project_path=kept.new.project_path,
            settings=kept.new.settings,
            commands=tuple(command for key, command in kept.commands.items() if key not in kept.done),
            documents=tuple(kept.new.documents),
            pipeline=kept.new.pipeline,
        )

    async def commit(
        self, run_id: str, generation: int, entries: Sequence[Entry], acknowledged: Sequence[str] = ()
    ) -> None:
        """Take over everything that follows from these events, or nothing."""
        kept = self._runs.get(run_id)
        if kept is None or kept.generation != generation:
            raise OwnershipLost(f"the run {run_id} was taken over while this one worked on it")
        decisions = [entry.decision for entry in entries if entry.decision is not None]
        new = [command for decision in decisions for command in decision.commands]
        keys = {command.key for command in new}
        if len(keys) < len(new) or not keys.isdisjoint(kept.commands):
            raise RowsContradict(f"the run {run_id} gives a command a second time")
        kept.entries += entries
        kept.commands |= {command.key: command for command in new}
        kept.done |= {entry.command_key for entry in entries if entry.command_key is not None} | set(acknowledged)
        for entry in entries:
            if entry.request_id is not None:
                self._inbox.pop(entry.request_id, None)
        if decisions:
            kept.run = decisions[-1].run
        self._changes += 1

    async def post(self, run_id: str, request: Request) -> int:
        """Put a request into the inbox."""
        self._find(run_id)
        self._posted += 1
        self._changes += 1
        self._inbox[self._posted] = (run_id, request)
        return self._posted

    async def waiting(self, run_id: str) -> tuple[Waiting, ...]:
        """The requests that were not taken, oldest first."""
        return tuple(Waiting(id=id_, request=one) for id_, (run, one) in self._inbox.items() if run == run_id)

    async def change_count(self) -> int:
        """How often something was changed."""
        return self._changes

    async def known_result(self, tree: str, command: str, environment: str) -> CheckResult | None:
        """What a check said about exactly this tree before."""
        return self._results.get((tree, command, environment))

    async def keep_result(self, result: CheckResult) -> None:
        """Remember what a check said."""
        self._results[result.tree, result.command, result.environment] = result

    def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Everything that was committed for a run, oldest first: for whoever asks what happened."""
        return tuple(self._find(run_id).entries)

    def _find(self, run_id: str) -> _Kept:
        found = self._runs.get(run_id)
        if found is None:
            raise UnknownRun(run_id, list(self._runs)[::-1][:3])
        return found
