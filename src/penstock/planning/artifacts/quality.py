"""What qa writes: whether the work passes, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from penstock.planning.artifacts.shape import Free, Identifier, Line, Lines, Many, Prose, Shape, Shown

Severity = Literal["critical", "high", "medium", "low"]
Category = Literal["architecture", "code", "test", "docs"]


class QAIssue(Shape):
    """One thing that is wrong."""

    id: Identifier
    severity: Severity
    category: Category
    description: Prose
    """One sentence."""
    location: Annotated[Line, Shown("file:line")]
    fix_required: bool


class QAReport(Shape):
    """A judgement."""

    passed: bool
    issues: Many[QAIssue]
    test_results: Annotated[Free, Shown('{"run":int,"failed":int}')]
    recommendations: Lines

    @property
    def is_passed(self) -> bool:
        """Whether it passes: never with an issue that has to be fixed, whatever `passed` says."""
        return self.passed and not any(issue.fix_required for issue in self.issues)

    def remarks(self) -> Iterator[str]:
        """Also a contradiction."""
        yield from super().remarks()
        if self.passed and not self.is_passed:
            yield "passed is true although an issue has fix_required: it counts as not passed"


QADeliverable = QAReport
