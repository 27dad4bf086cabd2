"""build(...): the only place that chooses adapters. Everything else asks for a port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.accounts import Accounts
from penstock.adapters.agents.catalogue import UnknownAgent
from penstock.adapters.clock import SystemClock
from penstock.assembly import Assembly
from penstock.bootstrap.nodes import NODES
from penstock.bootstrap.process import Adapters, no_effect
from penstock.bootstrap.project import ProjectAdapters
from penstock.ports import Clock, Effect
from penstock.projects import Projects
from penstock.replays import Replays
from penstock.service import Service
from penstock.staff import Staff
from penstock.submitting import Submitting
from penstock.tooling import Tooling

if TYPE_CHECKING:
    from penstock.epics import Epics
    from penstock.roleprompts import RolePrompts

__all__ = ["NODES", "Penstock", "ProjectAdapters", "UnknownAgent", "build", "no_effect"]


@dataclass(frozen=True, kw_only=True)
class Penstock:
    """A process's Penstock, built."""

    service: Service
    projects: Projects
    assembly: Assembly
    tooling: Tooling
    accounts: Accounts
    replays: Replays
    staff: Staff
    submitting: Submitting
    parts: Adapters

    @cached_property
    def prompts(self) -> RolePrompts:
        """What roles are told."""
        from penstock.roleprompts import RolePrompts  # noqa: PLC0415 - planning is slow to import, most commands plan nothing

        return RolePrompts(self.parts)

    @cached_property
    def epics(self) -> Epics:
        """Pipelines."""
        from penstock.epics import Epics, House  # noqa: PLC0415 - as above

        house = House(parts=self.parts, projects=self.projects, submitting=self.submitting, service=self.service)
        return Epics(house, self.prompts)

    async def close(self) -> None:
        """Close what was opened, last first."""
        while self.parts.closing:
            self.parts.closing.pop()()


def build(
    *,
    folder: Path,
    environ: Mapping[str, str],
    flags: Mapping[str, object] | None = None,
    clock: Clock | None = None,
    effect: Effect = no_effect,
) -> Penstock:
    """Penstock for someone who stands in a folder, with an environment and some flags."""
    adapters = Adapters(folder=folder, environ=environ, flags=flags or {}, clock=clock or SystemClock(), effect=effect)
    projects = Projects(adapters)
    submitting = Submitting(adapters, projects)
    service = Service(adapters, projects, submitting)
    return Penstock(
        service=service,
        projects=projects,
        assembly=Assembly(adapters, projects, submitting, service),
        tooling=Tooling(adapters, projects, service),
        accounts=Accounts(adapters, projects),
        replays=Replays(adapters, projects, service),
        staff=Staff(adapters, projects),
        submitting=submitting,
        parts=adapters,
    )
