"""Whether the agents of a run can reach the models that it may ask for: looked at before anything is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from penstock.domain.errors import UserError
from penstock.domain.roles import Roles
from penstock.ports import Agent, Models


class NoModel(UserError):
    """An agent calls models, and nothing says which."""


def models_of(roles: Roles, agent: Agent) -> Iterator[tuple[str, str]]:
    """Every model that an agent may be given, with the role that asks for it."""
    for role, named in (("edit", roles.edit), ("fix", roles.fix)):
        yield from ((role, model) for model in (named or (agent.model,)))


def check_models(models: Models, roles: Roles, agents: Iterable[tuple[str, Agent]]) -> None:
    """Raise an error unless every model that one of these agents may be given is there and speaks what it does."""
    asked: set[tuple[str, tuple[str, ...]]] = set()
    for name, agent in agents:
        if not agent.protocols:
            continue
        for role, model in models_of(roles, agent):
            if not model:
                raise NoModel(
                    f'the agent "{name}" calls models, and none is set for the role {role}',
                    hint=f'set [roles] {role} = "MODEL" in penstock.toml, or [agents.{name}] model = "MODEL"',
                )
            if (model, agent.protocols) not in asked:
                models.check(model, agent.protocols)
                asked.add((model, agent.protocols))
