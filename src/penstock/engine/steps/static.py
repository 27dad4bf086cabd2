"""static: the project's own checks on the candidate, in a clean checkout, judged by exit code.

A clean checkout rather than the worktree: what an ignored file left there could turn green must not be remembered as
the answer for the tree, which integration takes up again.
"""

from __future__ import annotations

from penstock.domain.changes import Candidate
from penstock.domain.commands import StartStep
from penstock.domain.events import Passed, Red, StepOutcome
from penstock.engine.checking import Examiner
from penstock.engine.context import Context


async def perform(context: Context, command: StartStep, candidate: Candidate) -> StepOutcome:
    """One attempt of the static step."""
    if not context.settings.static:
        return Passed(not_checked=("no static check is configured",))
    examiner = Examiner(context, command.workstream, command.attempt.key)
    results = await examiner.checks(candidate, context.settings.static, command.base)
    red = tuple(result for result in results if not result.counts_as_passed)
    if red:
        return Red(findings=tuple(result.finding() for result in red), results=tuple(results), tree=candidate.tree)
    known = tuple(result.command for result in results if result.known)
    return Passed(results=tuple(results), not_checked=context.furnisher.take_remarks(), known_failures=known)
