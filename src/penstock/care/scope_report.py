"""The use case that judges a worktree by a scope, as the step after an agent would, and changes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from penstock.care.places import has_folder, meant
from penstock.care.rest import opened_for
from penstock.domain import scope
from penstock.domain.errors import UserError
from penstock.domain.plan import Scope
from penstock.parts import Parts
from penstock.projects import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeReport:
    """What a worktree changed since its base, and what of it is out of scope."""

    changed_files: tuple[str, ...]
    created_files: tuple[str, ...]
    out_of_scope_files: tuple[str, ...]
    violations: tuple[tuple[str, str], ...]
    """Path and rule."""

    @property
    def ok(self) -> bool:
        """Whether all of it is within the scope."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        told = [{"path": path, "rule": rule} for path, rule in self.violations]
        return {**asdict(self), "violations": told, "ok": self.ok}


async def validated(parts: Parts, project: Project, workstream: str, run_id: str, given: Scope | None) -> ScopeReport:
    """Judge what a worktree holds now by a scope, else by its workstream's own, as the step after an agent would."""
    one = await meant(parts, project, workstream, run_id)
    own = given or (one.workstream.scope if one.workstream is not None else None)
    if own is None:
        raise UserError("the store does not know this workstream's scope", hint="say it with --files-scope")
    faults = [f"{pattern!r}: {fault}" for pattern in own.patterns if (fault := scope.fault_of(pattern))]
    if faults:
        raise UserError(f"this can't be a scope: {'; '.join(faults)}")
    async with opened_for(parts, project, one.loaded) as opened:
        base = (one.progress.base if one.progress is not None else "") or opened.worktrees.start(one.place)
        if not base or not has_folder(opened, one.place):
            path = str(opened.worktrees.folder(one.place))
            raise UserError(f"{workstream} has no worktree: there is no {path}", hint="`penstock worktree-list`")
        look = await opened.worktrees.look(one.place, base, own.patterns)
        protected = scope.ProtectedPaths()
        found = (
            *scope.judge(look.changes, own, await opened.history.paths(base), protected),
            *scope.judge_litter(look.litter, own, protected),
        )
    return ScopeReport(
        changed_files=tuple(change.path for change in look.changes if not change.is_created),
        created_files=tuple(change.path for change in look.changes if change.is_created),
        out_of_scope_files=tuple(dict.fromkeys(violation.path for violation in found)),
        violations=tuple((violation.path, violation.rule) for violation in found),
    )
