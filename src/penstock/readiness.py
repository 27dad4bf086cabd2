"""Whether the agents of a run can reach the models that it may ask for: looked at before anything is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from penstock.domain.errors import UserError
from penstock.domain.roles import Roles
from penstock.ports import Agent, Models


class NoModel(UserError):
    """An agent calls models, and nothing says which."""

    @classmethod
    def of(cls, agent: str) -> Self:
        """About an agent that has none for some role."""
        return cls(
            f'the agent "{agent}" calls models, and none is set for the roles edit and fix',
            hint=f'set [roles] edit = "MODEL" and fix = "MODEL" in penstock.toml, or [agents.{agent}] model = "MODEL"',
        )


def models_for(roles: Roles, own: str) -> tuple[str, ...]:
    """Every model that an agent may be given, each once; an empty one where nothing says which."""
    return tuple(dict.fromkeys((*(roles.edit or (own,)), *(roles.fix or (own,)))))


def check_models(models: Models, roles: Roles, agents: Iterable[tuple[str, Agent]]) -> None:
    """Raise an error unless every model that one of these agents may be given is there and speaks what it does."""
    for name, agent in agents:
        for model in models_for(roles, agent.model) if agent.protocols else ():
            if not model:
                raise NoModel.of(name)
            models.check(model, agent.protocols)
