"""runtime: the workstream's own acceptance, run by us in a clean checkout of the candidate. Prose is never counted as
passed.
"""

from __future__ import annotations

from penstock.domain.changes import Candidate
from penstock.domain.commands import StartStep
from penstock.domain.events import Passed, Red
from penstock.domain.plan import Workstream
from penstock.engine.checking import Examiner
from penstock.engine.context import Context


async def perform(context: Context, command: StartStep, workstream: Workstream, candidate: Candidate) -> Passed | Red:
    """One attempt of the runtime step."""
    examiner = Examiner(context, workstream.id, command.attempt.key)
    results = await examiner.acceptance(candidate, workstream, command.base)
    red = tuple(result for result in results if not result.passed)
    if red:
        return Red(findings=tuple(result.finding() for result in red), results=tuple(results), tree=candidate.tree)
    prose = tuple(line.text for line in workstream.acceptance if not line.is_checkable)
    not_checked = prose if workstream.acceptance else ("no acceptance command is given",)
    return Passed(results=tuple(results), not_checked=(*not_checked, *context.furnisher.take_remarks()))
