"""The templates of a run: Penstock's own, or what the user or the project has put in their place. Frozen with the run,
so that one that goes on is told what it was told from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files

FILES: Mapping[str, str] = {"edit": "templates/prompts/edit.txt.j2", "fix": "templates/prompts/fix.txt.j2"}
"""Where, in a project and in the user's own configuration folder, the template of each kind is."""
MOST = 60_000
"""Characters of a prompt, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """A template, and where it stands."""

    place: str
    text: str
    is_shipped: bool = False


@cache
def shipped(kind: str) -> PromptTemplate:
    """Penstock's own template."""
    name = f"{kind}.txt.j2"
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return PromptTemplate(place=f"{name} of Penstock", text=text, is_shipped=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplates:
    """What prompts are made by, and how long they may get."""

    edit: PromptTemplate = field(default_factory=partial(shipped, "edit"))
    fix: PromptTemplate = field(default_factory=partial(shipped, "fix"))
    most: int = MOST


def chosen(
    of_project: Mapping[str, bytes], of_user: Mapping[str, bytes], *, most: int, redact: Callable[[str], str]
) -> PromptTemplates:
    """For each kind the project's template, else the user's, else Penstock's. Both are given by the names of `FILES`.

    A secret in one would be stored with the run and shown to agents: it is taken out.
    """
    found = {}
    for kind, name in FILES.items():
        if name in of_project:
            found[kind] = PromptTemplate(place=name, text=redact(_text(of_project[name])))
        elif name in of_user:
            place = f"{name} of your own configuration"
            found[kind] = PromptTemplate(place=place, text=redact(_text(of_user[name])))
    return PromptTemplates(most=most, **found)


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace").replace("\r\n", "\n")
