"""What one attempt's prompt is about, and the variables under which a template knows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penstock.domain.changes import Finding
from penstock.domain.cutting import first_of
from penstock.domain.fencing import cleaned
from penstock.domain.plan import Workstream
from penstock.domain.run import AttemptId
from penstock.engine.prompts.fencing import Plain

MOST_FINDINGS = 20
MOST_ITEMS = 500
HERE, NO_RUN = Plain("(its worktree)"), Plain("(its run)")
"""Where an agent works and for which run, as long as neither is there."""
CONSTRAINTS = (
    "Change and create nothing but the paths that are named: whatever else you touch, all of your work is refused.",
    "Do not commit, switch branches, or change git's configuration or hooks: only what the files hold counts.",
    "Do not weaken, skip or remove tests or checks to make them pass.",
    "Keep secrets out of files, and whatever you need for yourself only (notes, caches, logs) out of this folder.",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PATH = re.compile(r"[^\x00-\x1f\x7f]{1,4096}")

Clean = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What is asked of an agent in one attempt."""

    workstream: Workstream
    attempt: AttemptId
    run: str = ""
    worktree: str = HERE
    repository: str = ""
    """The project's top, where that is not the worktree."""
    guide: str = ""
    """What the project itself tells agents."""
    findings: tuple[Finding, ...] = ()
    note: str = ""
    """What a reviewer says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that went wrong, as templates see it."""

    code: str
    text: str


def variables_of(assignment: Assignment, clean: Clean) -> Mapping[str, object]:
    """Every variable that a template may name, with no secret and nothing hidden in it."""

    def own(name: str, shape: re.Pattern[str] = _NAME) -> str:
        known = text(name)
        return Plain(known) if name in (HERE, NO_RUN) or shape.fullmatch(known) else known

    def text(value: object) -> str:
        return clean(cleaned("" if value is None else str(value)))

    def several(items: tuple[str, ...]) -> tuple[str, ...]:
        return first_of([text(item) for item in items], MOST_ITEMS)

    one, origin = assignment.workstream, assignment.workstream.origin
    metadata = origin.get("metadata")
    return {
        "ws_id": own(one.id),
        "run_id": own(assignment.run),
        "step": Plain(assignment.attempt.step.value),
        "attempt": assignment.attempt.number,
        "repo_root": own(assignment.repository or assignment.worktree, _PATH),
        "worktree_path": own(assignment.worktree, _PATH),
        "title": text(one.title),
        "openspec_change": text(origin.get("openspec_change") or one.change),
        "ccpm_issue": text(origin.get("ccpm_issue")),
        "gate": one.gate,
        "tasks": several(one.tasks),
        "acceptance_tests": several(tuple(line.text for line in one.acceptance)),
        "files_scope": several(one.scope.files),
        "files_create": several(one.scope.create),
        "notes": text(metadata.get("notes")) if isinstance(metadata, Mapping) else "",
        "guide": text(assignment.guide),
        "note": text(assignment.note),
        "error_summaries": _problems(assignment, text),
        "constraints": tuple(Plain(line) for line in CONSTRAINTS),
    }


def _problems(assignment: Assignment, text: Clean) -> tuple[Problem, ...]:
    findings = [one for one in assignment.findings if not assignment.note or one.text != assignment.note]
    shown = [Problem(code=text(one.code), text=text(one.text)) for one in findings[:MOST_FINDINGS]]
    more = len(findings) - MOST_FINDINGS
    if more > 0:
        shown.append(Problem(code="more", text=f"[... {more} more problems are left out here ...]"))
    return tuple(shown)


def texts_in(variables: Mapping[str, object]) -> list[str]:
    """All texts that come from elsewhere: what a nonce must not stand in."""
    found: list[str] = []
    for value in variables.values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Problem):
                found += (item.code, item.text)
            elif isinstance(item, str) and not isinstance(item, Plain):
                found.append(item)
    return found
