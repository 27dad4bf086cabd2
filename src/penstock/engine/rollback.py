"""Take merges back: undo each on the head in memory, verify the last tree, and say what is so. The core decides."""

from __future__ import annotations

from penstock.domain.checks import CheckResult, give_verdict
from penstock.domain.commands import TakeBack
from penstock.domain.events import TakeBackRefused, TakenBack
from penstock.domain.run import Run
from penstock.engine import scoping
from penstock.engine.context import Context
from penstock.engine.integration import merged_before, results_on
from penstock.ports import Conflicted


async def take_back(context: Context, command: TakeBack, run: Run) -> TakenBack | TakeBackRefused:
    """Undo the members' merges, newest first."""
    tip = await context.history.candidate(command.head)
    merges: dict[str, str] = {}
    for member in command.members:
        workstream = context.workstreams[member.workstream]
        stamp = context.stamp(workstream, member.attempt, f"Take back {workstream.id}", command.at)
        undone = await context.repository.take_back(command.base, tip.commit, member.candidate.commit, stamp)
        if isinstance(undone, Conflicted):
            paths = ", ".join(undone.paths)
            return TakeBackRefused(number=command.number, sentence=f"later merges changed the same lines of {paths}")
        changes = await context.history.changes(tip.commit, undone.candidate.commit)
        if violations := await scoping.of_changes(context, workstream.scope, tip.commit, changes):
            strays = ", ".join(one.path for one in violations)
            return TakeBackRefused(number=command.number, sentence=f"it would change what was not its own: {strays}")
        tip, merges[member.workstream] = undone.candidate, undone.candidate.commit
    results = await results_on(context, command, tip, (), merged_before(run, besides=merges))
    if red := [result for result in results if result.stops]:
        return TakeBackRefused(number=command.number, sentence=f"without it the rest fails: {_named(red)}")
    verdict = give_verdict(
        id=f"{run.id}-{tip.commit[:16]}",
        branch=run.branch,
        parent=command.head,
        merged=tip,
        merges=merges,
        results=results,
    )
    return TakenBack(number=command.number, verdict=verdict, results=tuple(results))


def _named(red: list[CheckResult]) -> str:
    return "; ".join(dict.fromkeys(result.finding().text.splitlines()[0] for result in red))
