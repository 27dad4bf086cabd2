"""Finds out before a run is stored whether its templates can be filled, whatever its attempts will come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.domain.changes import Finding
from penstock.domain.plan import Acceptance, AcceptanceKind, Scope, Workstream
from penstock.domain.run import AttemptId, Step
from penstock.engine.prompts.assignment import MOST_FINDINGS, Assignment
from penstock.engine.prompts.rendering import render
from penstock.engine.prompts.templates import PromptTemplates

_PLAIN = Workstream(id="ws-example", tasks=("Do it",), scope=Scope(files=("src/a.py",)))
_FULL = Workstream(
    id="ws-example",
    title="An example",
    tasks=("Do it",) * 3,
    scope=Scope(files=("src/a.py", "docs/"), create=("src/b.py",)),
    acceptance=(Acceptance(kind=AcceptanceKind.COMMAND, text="make test"),),
    change="OS-1",
    origin={"ccpm_issue": 7, "metadata": {"notes": "a note"}},
)
_LONG = "x" * 10_000


def try_out(templates: PromptTemplates, workstreams: Sequence[Workstream]) -> None:
    """Fill the templates with all that may come, for each workstream; of Penstock's own it is known."""
    if templates.edit.is_shipped and templates.fix.is_shipped:
        return
    for workstream in (_PLAIN, _FULL, *workstreams):
        for assignment in _assignments(workstream):
            render(templates, assignment)


def _assignments(workstream: Workstream) -> Iterator[Assignment]:
    for step in (Step.EDIT, Step.FIX):
        attempt = AttemptId(step=step, number=1)
        yield Assignment(workstream=workstream, attempt=attempt)
        yield Assignment(workstream=workstream, attempt=attempt, run="run-1", note="a note", guide=_LONG)
        for count in (1, MOST_FINDINGS + 1):
            findings = tuple(Finding(code="static_failure", text=f"{number} {_LONG}") for number in range(count))
            yield Assignment(workstream=workstream, attempt=attempt, findings=findings)
