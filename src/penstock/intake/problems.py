"""What is wrong with a plan, said all at once: each problem with its file, line and place, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from penstock.domain.errors import UserError

SHOWN = 50


class ProblemKind(StrEnum):
    """What sort of problem it is; the report's `type`."""

    UNREADABLE = "unreadable"
    SYNTAX = "syntax"
    SCHEMA = "schema"
    UNKNOWN_KEY = "unknown_key"
    TOLERATED = "tolerated"
    DRAFT = "draft"
    EMPTY = "empty"
    DUPLICATE_ID = "duplicate_id"
    SCOPE = "scope"
    DEPENDENCY = "dependency"
    CYCLE = "cycle"
    OVERLAP = "overlap"
    TEST_GATE = "test_gate"
    AGENT = "agent"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong; `pointer` is its place in the file, as RFC 6901 writes it."""

    kind: ProblemKind
    file: str
    line: int | None = None
    pointer: str = ""
    id: str | None = None
    message: str
    remedy: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        who = "" if self.id is None else f"{self.id}: "
        return f"{place}: {who}{self.message}" + ("" if self.remedy is None else f" ({self.remedy})")

    def as_json(self) -> dict[str, object]:
        """The shape of the report."""
        return {
            "type": self.kind.value,
            "file": self.file,
            "id": self.id,
            "details": self.message,
            "line": self.line,
            "pointer": self.pointer,
            "remedy": self.remedy,
        }


class BundleValidationError(UserError, ValueError):
    """The plan can't be run as it is written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"the plan has {count} problem{'' if count == 1 else 's'}:", *map(str, self.problems[:SHOWN])]
        if count > SHOWN:
            lines.append(f"… and {count - SHOWN} more")
        is_spelling = any(problem.kind is ProblemKind.TOLERATED for problem in self.problems)
        fix = "; with --fix it mends old spellings" if is_spelling else ""
        super().__init__("\n  ".join(lines), hint=f"mend what is named, and look again with `penstock plan check`{fix}")


class BundleDependencyError(BundleValidationError):
    """Bundles wait for bundles that aren't there."""


class BundleCycleError(BundleValidationError):
    """Bundles wait for each other."""


class FileScopeOverlapError(BundleValidationError):
    """Bundles that nothing orders want the same files."""


_FITTING: dict[ProblemKind, type[BundleValidationError]] = {
    ProblemKind.DEPENDENCY: BundleDependencyError,
    ProblemKind.CYCLE: BundleCycleError,
    ProblemKind.OVERLAP: FileScopeOverlapError,
}


def error_for(problems: Sequence[Problem]) -> BundleValidationError:
    """The most fitting error that carries all of the problems."""
    kinds = {problem.kind for problem in problems}
    fitting = _FITTING.get(next(iter(kinds)), BundleValidationError) if len(kinds) == 1 else BundleValidationError
    return fitting(problems)
