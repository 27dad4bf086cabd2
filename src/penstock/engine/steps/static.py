"""static: the project's own checks on the candidate, then the workstream's test gates, in a clean checkout, judged by
exit code.

A clean checkout rather than the worktree: what an ignored file left there could turn green must not be remembered as
the answer for the tree, which integration takes up again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.domain.changes import Candidate
from penstock.domain.checks import MISSING, CheckResult
from penstock.domain.commands import StartStep
from penstock.domain.events import Passed, Red
from penstock.domain.plan import Workstream
from penstock.engine.checking import Examiner
from penstock.engine.context import Context


async def perform(context: Context, command: StartStep, workstream: Workstream, candidate: Candidate) -> Passed | Red:
    """One attempt of the static step."""
    settings, examiner = context.settings, Examiner(context, command.workstream, command.attempt.key)
    results = await examiner.checks(candidate, settings.static, command.base) if settings.static else []
    results += await examiner.gates(candidate, workstream.test_gates, command.base)
    red = tuple(result for result in results if result.stops)
    if red:
        return Red(findings=tuple(result.finding() for result in red), results=tuple(results), tree=candidate.tree)
    shown = [result for result in results if not result.counts_as_passed and result.error != MISSING]
    return Passed(
        results=tuple(results),
        not_checked=tuple(_not_checked(context, workstream, results)),
        known_failures=tuple(result.command for result in results if result.known),
        not_blocking=tuple(f"{result.kind}: {result.command}" for result in shown),
    )


def _not_checked(context: Context, workstream: Workstream, results: Sequence[CheckResult]) -> Iterator[str]:
    """What was to be asked and was not, in words."""
    for gate in workstream.test_gates:
        if not context.settings.groups.get(gate.group):
            yield f"{gate.type}: [checks.{gate.group}] is empty"
    for result in results:
        if not result.passed and result.error == MISSING:
            yield f"{result.kind}: what `{result.command}` needs is not on this machine"
    if not context.settings.static and not workstream.test_gates:
        yield "no static check is configured"
    yield from context.furnisher.take_remarks()
