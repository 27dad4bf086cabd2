"""The use cases about agents: which there are, and whether each could work here with the models it may be given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from penstock.domain.errors import PenstockError, WorldError
from penstock.domain.roles import Roles
from penstock.parts import Parts, ProjectParts
from penstock.ports import AgentFacts
from penstock.projects import Projects
from penstock.readiness import NoModel, models_for


class AgentUnfit(WorldError):
    """An agent that a run needs can't work on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An agent, and what stands in the way of its models."""

    facts: AgentFacts
    models: tuple[str, ...]
    """Those that it may be given here."""
    fault: str = ""
    """Why it can't work with one of them; empty if it can."""
    hint: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it could work."""
        return self.facts.is_usable and not self.fault


class Staff:
    """All agents that can be named."""

    def __init__(self, parts: Parts, projects: Projects) -> None:
        self._parts = parts
        self._projects = projects

    async def look(self, names: Sequence[str] = ()) -> tuple[Checked, ...]:
        """The agents of these names, or all, as they would be for the present project."""
        async with self._projects.opened(self._projects.current()) as opened:
            roles = self._projects.freeze(opened.settings).settings.roles
            wanted = list(dict.fromkeys(names)) or opened.parts.agent_names()
            return tuple(await asyncio.gather(*(self._checked(name, roles, opened.parts) for name in wanted)))

    async def _checked(self, name: str, roles: Roles, parts: ProjectParts) -> Checked:
        facts = await parts.inspect(name)
        models = models_for(roles, facts.model) if facts.protocols else ()
        try:
            if not all(models):
                raise NoModel.of(name)
            for model in models:
                self._parts.models.check(model, facts.protocols)
        except PenstockError as unfit:
            named = tuple(model for model in models if model)
            return Checked(facts=facts, models=named, fault=unfit.sentence, hint=unfit.hint or "")
        return Checked(facts=facts, models=models)


async def must_be_fit(parts: ProjectParts, names: Iterable[str]) -> None:
    """Raise an error unless the program of each of these agents is here."""
    for name in dict.fromkeys(names):
        facts = await parts.inspect(name)
        if not facts.is_usable:
            raise AgentUnfit(
                f'the agent "{name}" can\'t work here: {facts.fault}',
                hint="see `penstock agents check`, then begin again",
            )
