"""The use case `validate_scope`: what a workstream's last attempt left, held against a scope. It writes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from penstock.domain import scope
from penstock.domain.errors import UserError
from penstock.domain.plan import Scope
from penstock.domain.run import Step
from penstock.parts import Parts
from penstock.projects import Projects

AGENTS_STEPS = (Step.EDIT, Step.FIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeReport:
    """What was changed and created since the workstream's base, and what of it no pattern of the scope allows."""

    changed_files: list[str]
    created_files: list[str]
    out_of_scope_files: list[str]
    ok: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


async def report_on(parts: Parts, projects: Projects, workstream: str, allowed: Scope, run_id: str = "") -> ScopeReport:
    """Judge the last captured attempt of a workstream: of the run that is named, else of the newest that has it.

    The commit is judged that was taken when the agent ended, not a folder that somebody may be writing in.
    """
    row = _row_of(parts, projects, workstream, run_id)
    loaded = await parts.journal.load(row["run_id"])
    async with projects.parts_of(loaded) as opened:
        changes = await opened.history.changes(row["base"], _captured(parts, row))
        base_paths = await opened.history.paths(row["base"])
    violations = scope.judge(changes, allowed, base_paths, scope.ProtectedPaths())
    outside = sorted({violation.path for violation in violations})
    return ScopeReport(
        changed_files=sorted(change.path for change in changes if not change.is_created),
        created_files=sorted(change.path for change in changes if change.is_created),
        out_of_scope_files=outside,
        ok=not outside,
    )


def _row_of(parts: Parts, projects: Projects, workstream: str, run_id: str) -> dict[str, Any]:
    names = [run_id]
    if not run_id:
        found = parts.views.runs(project=projects.current().id, workstream=workstream, limit=1)
        names = [row["run_id"] for row in found]
    for name in names:
        for row in parts.views.run(name)["workstreams"]:
            if row["ws_id"] == workstream:
                return {**row, "run_id": name}
    where = f"run {run_id}" if run_id else "no run of this project"
    raise UserError(
        f"{where} has no workstream {workstream!r}" if run_id else f"{where} has a workstream {workstream!r}",
        hint="`penstock show-run` lists the runs",
    )


def _captured(parts: Parts, row: dict[str, Any]) -> str:
    tried = [
        attempt
        for attempt in parts.views.attempts(row["run_id"])
        if attempt["ws_id"] == row["ws_id"] and attempt["round"] == row["round"] and attempt["step"] in AGENTS_STEPS
    ]
    kept = [attempt["candidate"] for attempt in tried if attempt["candidate"]]
    if not kept or tried[-1]["status"] == "running":
        state = "is being worked on" if tried else "has not been worked on"
        raise UserError(
            f"{row['ws_id']} of run {row['run_id']} {state}: there is nothing to judge yet",
            hint="ask again when an attempt of its agent has ended",
        )
    return str(kept[-1])
