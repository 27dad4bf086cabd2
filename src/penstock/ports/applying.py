"""Putting a deliverable into a worktree: entirely, as it was judged, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from penstock.domain.changes import Violation
from penstock.domain.deliverable import ApplyRules, Deliverable
from penstock.domain.errors import AgentError

MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was written: the tree that the worktree now is, and the paths that differ from the one before."""

    tree: str
    paths: tuple[str, ...]


class DeliverableRefused(AgentError):
    """A deliverable that was not applied; nothing in the worktree has changed."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        told = [f"{one.path!a}: {one.rule}" if one.path else one.rule for one in self.violations[:MOST_TOLD]]
        more = len(self.violations) - len(told)
        rest = f"; and {more} more" if more > 0 else ""
        super().__init__(f"the deliverable was refused and nothing of it was applied: {'; '.join(told)}{rest}")


class Applying(Protocol):
    """Governed apply."""

    async def apply(self, worktree: Path, deliverable: Deliverable, rules: ApplyRules) -> Applied:
        """Put it into a worktree of ours; `DeliverableRefused` with the reasons if it may not be."""
        ...
