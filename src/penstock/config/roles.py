"""The sections about who does the work and what they are told: `[roles]` and `[prompts]`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from penstock.domain.roles import PLANNING_MODEL, Roles

_PLANNERS = ("planning", "pm", "architect", "ba", "dev", "qa", "commit", "mentor")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesSettings:
    """Which models do the work, by the names that the user's own configuration gives them."""

    edit: tuple[str, ...] | str = ()
    """The model of edits: one, or a list of which a later attempt takes the next. Not set: the agent's own."""
    fix: tuple[str, ...] | str = ()
    """The model of fixes: the second round takes the second of a list, and those after its end the last."""
    auditor: str = ""
    """The model of reviews."""
    planning: str = PLANNING_MODEL
    """The model of every role of a pipeline that names none of its own."""
    pm: str = ""
    """The model of the pm: from a wish to an epic."""
    architect: str = ""
    """The model of the architect: from the epic to components."""
    ba: str = ""
    """The model of the ba: from the components to workstreams."""
    dev: str = ""
    """The model of the dev, where the model itself writes the code."""
    qa: str = ""
    """The model of the qa: judges what was made."""
    commit: str = ""
    """The model of the commit role, where a model writes its message."""
    mentor: str = ""
    """The model of those that make one answer of several."""

    def __post_init__(self) -> None:
        if not self.planning:
            raise ValueError("planning names no model; every role of a pipeline without one of its own needs it")
        single = (self.auditor, *(getattr(self, name) for name in _PLANNERS))
        for name in (*_several(self.edit), *_several(self.fix), *(one for one in single if one)):
            if not _MODEL.fullmatch(name):
                raise ValueError(f'"{name}" can\'t name a model: a name is one word')

    def roles(self) -> Roles:
        """The roles as the core knows them."""
        planners = {name: getattr(self, name) for name in _PLANNERS}
        return Roles(edit=_several(self.edit), fix=_several(self.fix), auditor=self.auditor, **planners)


def _several(names: tuple[str, ...] | str) -> tuple[str, ...]:
    return names if isinstance(names, tuple) else (names,) if names else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptsSettings:
    """What agents are told."""

    max_chars: int = field(default=60_000, metadata={"minimum": 10_000})
    """Characters of a prompt at most; what does not fit is cut, and that is said in it."""
