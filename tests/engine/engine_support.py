"""A run in memory for tests of the engine: real core, loop and dispatcher; a project and a journal of dictionaries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

from penstock.adapters.clock import SystemClock
from penstock.adapters.environments.bare import NoEnvironments
from penstock.adapters.memory import MemoryGate, MemoryProject
from penstock.adapters.memory_models import MemoryModels
from penstock.adapters.own_slots import OwnSlots
from penstock.adapters.store.memory import MemoryJournal
from penstock.domain.events import Event, RunStarted
from penstock.domain.plan import Acceptance, AcceptanceKind, Check, Plan, Scope, Workstream
from penstock.domain.ranked import rank
from penstock.domain.run import Policy, Run, new_run
from penstock.domain.setup import Setup
from penstock.engine.context import Context, RunSettings
from penstock.engine.furnishing import Furnisher
from penstock.engine.loop import Loop, Manner
from penstock.engine.making import EnvironmentMaker
from penstock.engine.owner import drive
from penstock.engine.prompts import read_guide
from penstock.ports import AgentReport, AgentTask, Clock, Environments, NewRun, Slots

LIMITS = {"agent": 4, "check": 4, "disk": 2}
RUN = "run"


def workstream(name: str, *paths: str, **more: object) -> Workstream:
    """A workstream that may write some paths and is accepted when `accept NAME` is green."""
    values: dict[str, object] = {
        "id": name,
        "tasks": (f"write {name}",),
        "scope": Scope(files=paths or (f"src/{name}.txt",)),
        "acceptance": (Acceptance(kind=AcceptanceKind.COMMAND, text=f"accept {name}"),),
        "agent": "memory",
    }
    return Workstream(**{**values, **more})


def writes_its_file(task: AgentTask, files: dict[str, str]) -> AgentReport | None:
    """The plainest agent: its name in its own file."""
    files[task.workstream.scope.files[0]] = f"{task.workstream.id} {task.number}\n"
    return None


@dataclass(kw_only=True)
class World:
    """A project, a journal and a run in them."""

    workstreams: Sequence[Workstream]
    project: MemoryProject = field(default_factory=lambda: MemoryProject(edit=writes_its_file))
    policy: Policy = field(default_factory=lambda: Policy(max_parallel=2))
    checks: tuple[Check, ...] = ()
    groups: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    clock: Clock = field(default_factory=SystemClock)
    redact: Callable[[str], str] = str
    secrets: MemoryGate = field(default_factory=MemoryGate)
    setup: Setup = field(default_factory=Setup)
    environments: Environments = field(default_factory=NoEnvironments)
    models: MemoryModels = field(default_factory=MemoryModels)
    slots: Slots = field(default_factory=OwnSlots)
    limits: Mapping[str, int] = field(default_factory=lambda: dict(LIMITS))
    min_free_gb: float = 0.0

    async def made(self) -> None:
        """Store the run."""
        run = new_run(id=RUN, plan=rank(Plan(workstreams=tuple(self.workstreams))), policy=self.policy, branch="b")
        await self.project.create_branch("b", self.project.base)
        new = NewRun(
            run=replace(run, base=self.project.base), project="p", project_path="/p", settings={}, documents=()
        )
        await self.journal.create(new)

    async def drive(
        self, *events: Event, manner: Manner | None = None, started: object = None, watch: object = None
    ) -> Run:
        """Claim the run and drive it on."""
        loaded = await self.journal.claim(RUN)
        context = replace(self.context(), guide=await read_guide(self.project, self.project.base))
        return await asyncio.wait_for(
            drive(context, loaded, manner or Manner(), first=events, started=started, watch=watch), timeout=20
        )

    def context(self) -> Context:
        """What performing a command of this run needs."""
        return Context(
            run=RUN,
            project="p",
            branch="b",
            settings=RunSettings(
                static=self.checks,
                integrate=self.checks,
                groups=self.groups,
                setup=self.setup,
                limits=self.limits,
                min_free_gb=self.min_free_gb,
            ),
            workstreams={one.id: one for one in self.workstreams},
            workspace=self.project,
            history=self.project,
            repository=self.project,
            agents={one.id: self.project for one in self.workstreams},
            tools=self.project,
            supervision=self.project,
            furnisher=Furnisher(
                base=self.project.base,
                maker=EnvironmentMaker(
                    run=RUN,
                    setup=self.setup,
                    environments=self.environments,
                    history=self.project,
                    workspace=self.project,
                    tools=self.project,
                ),
            ),
            models=self.models,
            slots=self.slots,
            journal=self.journal,
            clock=self.clock,
            secrets=self.secrets,
            redact=self.redact,
        )

    async def start(self, **more: object) -> Run:
        """Store the run and drive it from its start."""
        await self.made()
        return await self.drive(RunStarted(base=self.project.base), **more)


def states(run: Run) -> dict[str, str]:
    """The state of each workstream by its id."""
    return {one.id: run.progress(one.id).state.value for one in run.plan.order}


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine as a test."""

    @wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


__all__ = ["RUN", "Loop", "World", "awaited", "states", "workstream", "writes_its_file"]
