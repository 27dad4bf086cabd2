"""Which model serves which role: a later round of fixing may have a stronger one than the first."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.domain.run import Step

PLANNING_MODEL = "anthropic/claude-sonnet-4-6"
MENTOR = "_mentor"
"""How the names of the roles end that make one answer of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The models by role, each by the name that the user's configuration gives it, in the order of the attempts."""

    edit: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    auditor: str = ""
    planning: str = PLANNING_MODEL
    """Of every role of a pipeline that names none of its own."""
    pm: str = ""
    architect: str = ""
    ba: str = ""
    dev: str = ""
    qa: str = ""
    commit: str = ""
    mentor: str = ""
    """Of all roles that make one answer of several."""

    def model_of_role(self, role: str) -> str:
        """The model of a role of a pipeline: its own, else that of planning."""
        own = {
            "pm": self.pm,
            "architect": self.architect,
            "ba": self.ba,
            "dev": self.dev,
            "qa": self.qa,
            "commit": self.commit,
        }
        return (self.mentor if role.endswith(MENTOR) else own.get(role, "")) or self.planning


def model_for(roles: Roles, step: Step, number: int) -> str:
    """The model of the nth attempt of a step, from 1: the nth that the role names, else its last.

    Empty where the role names none: then the agent's own model is meant.
    """
    match step:
        case Step.EDIT:
            named = roles.edit
        case Step.FIX:
            named = roles.fix
        case Step.REVIEW:
            named = (roles.auditor,)
        case _:
            named = ()
    return named[min(max(number, 1), len(named)) - 1] if named else ""
