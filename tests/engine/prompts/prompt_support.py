"""What tests of prompts share: a workstream, an assignment of it, and how a prompt is taken apart."""

from __future__ import annotations

import re

from penstock.domain.plan import Acceptance, AcceptanceKind, Scope, Workstream
from penstock.domain.run import AttemptId, Step
from penstock.engine.prompts import Assignment, PromptTemplate, PromptTemplates, shipped

_BLOCK = re.compile(r'^<(data-[0-9a-f]{16}) of="([^"\n]*)">\n(.*?)\n</\1>$', re.MULTILINE | re.DOTALL)


def workstream(**more: object) -> Workstream:
    """A workstream with something in every field that a prompt tells of."""
    values: dict[str, object] = {
        "id": "ws-greet",
        "title": "Greet the user",
        "tasks": ("Write greet()", "Call it from main()"),
        "scope": Scope(files=("src/main.py", "docs/"), create=("src/greet.py",)),
        "acceptance": (
            Acceptance(kind=AcceptanceKind.COMMAND, text="python -m pytest tests/test_greet.py"),
            Acceptance(kind=AcceptanceKind.PROSE, text="The greeting is friendly."),
        ),
        "change": "OS-7",
        "origin": {"openspec_change": "OS-7", "ccpm_issue": 42, "metadata": {"notes": "Names may be empty."}},
    }
    return Workstream(**{**values, **more})  # type: ignore[arg-type]


def assignment(step: Step = Step.EDIT, number: int = 1, **more: object) -> Assignment:
    """An attempt at it."""
    values: dict[str, object] = {"workstream": workstream(), "run": "run-1", "guide": "Use tabs."}
    return Assignment(attempt=AttemptId(step=step, number=number), **{**values, **more})  # type: ignore[arg-type]


def templates(text: str, *, most: int = 60_000) -> PromptTemplates:
    """Templates of which the one for edits is a project's."""
    own = PromptTemplate(place="templates/prompts/edit.txt.j2", text=text)
    return PromptTemplates(edit=own, fix=shipped("fix"), most=most)


def blocks(prompt: str) -> list[tuple[str, str]]:
    """What is fenced in a prompt: the names and the texts."""
    return [(name, text) for _, name, text in _BLOCK.findall(prompt)]


def outside(prompt: str) -> str:
    """What is not."""
    return _BLOCK.sub("", prompt)
