"""The sections about who does the work and what they are told: `[roles]` and `[prompts]`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from penstock.domain.roles import Roles

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

    def __post_init__(self) -> None:
        for name in (*_several(self.edit), *_several(self.fix), *_several(self.auditor)):
            if not _MODEL.fullmatch(name):
                raise ValueError(f'"{name}" can\'t name a model: a name is one word')

    def roles(self) -> Roles:
        """The roles as the core knows them."""
        return Roles(edit=_several(self.edit), fix=_several(self.fix), auditor=self.auditor)


def _several(names: tuple[str, ...] | str) -> tuple[str, ...]:
    return names if isinstance(names, tuple) else (names,) if names else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptsSettings:
    """What agents are told."""

    max_chars: int = field(default=60_000, metadata={"minimum": 10_000})
    """Characters of a prompt at most; what does not fit is cut, and that is said in it."""
