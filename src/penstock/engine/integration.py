"""integrate: merge the batch onto the head in memory, verify the last tree, and say what is so. The core decides what
follows.
"""

from __future__ import annotations

from collections.abc import Iterable

from penstock.domain.changes import Candidate, Finding
from penstock.domain.checks import CheckResult, give_verdict
from penstock.domain.commands import JudgeMerge, Member
from penstock.domain.events import MergeOutOfScope, MergeRefused, NothingToMerge, VerdictGiven
from penstock.domain.plan import Workstream
from penstock.domain.run import Run
from penstock.domain.states import WorkstreamState
from penstock.engine import scoping
from penstock.engine.checking import Examiner
from penstock.engine.context import Context
from penstock.ports import Conflicted

Judgement = VerdictGiven | NothingToMerge | MergeRefused | MergeOutOfScope


async def judge(context: Context, command: JudgeMerge, run: Run) -> Judgement:
    """Verify a batch of one; the next release chains several."""
    (member,) = command.members
    workstream = context.workstreams[member.workstream]
    subject = f"Merge {workstream.id}: {workstream.title}" if workstream.title else f"Merge {workstream.id}"
    stamp = context.stamp(workstream, member.attempt, subject, command.at)
    merge = await context.repository.merge(command.head, member.candidate.commit, stamp)
    if isinstance(merge, Conflicted):
        return _conflict(command, merge)
    head = await context.history.candidate(command.head)
    changes = await context.history.changes(command.head, merge.candidate.commit)
    violations = await scoping.of_changes(context, workstream.scope, command.head, changes)
    if violations:
        return MergeOutOfScope(judgement=command.number, violations=violations)
    results = await _verify(context, command, member, merge.candidate, run)
    red = tuple(result for result in results if not result.counts_as_passed)
    if red:
        return MergeRefused(
            judgement=command.number,
            findings=tuple(result.finding() for result in red),
            base=command.head,
            start=merge.candidate,
            results=tuple(results),
        )
    if merge.candidate.tree == head.tree:  # said only now: what it is accepted by must hold where others made it
        return NothingToMerge(judgement=command.number)
    verdict = give_verdict(
        id=f"{run.id}-{merge.candidate.commit[:16]}",  # named by what it is about: the same however often it is judged
        branch=run.branch,
        parent=command.head,
        merged=merge.candidate,
        members=(member.workstream,),
        results=results,
    )
    return VerdictGiven(judgement=command.number, verdict=verdict, results=tuple(results))


def _conflict(command: JudgeMerge, merge: Conflicted) -> MergeRefused:
    paths = ", ".join(merge.paths)
    text = (
        f"merging onto the integration branch conflicts in {paths}: resolve the marked places and keep what both want"
    )
    return MergeRefused(
        judgement=command.number,
        findings=(Finding(code="merge_conflict", text=text),),
        base=command.head,
        start=merge.candidate,
    )


async def _verify(
    context: Context, command: JudgeMerge, member: Member, merged: Candidate, run: Run
) -> list[CheckResult]:
    examiner = Examiner(context, member.workstream, member.attempt)
    results = await examiner.checks(merged, context.settings.integrate, command.head)
    seen = {(result.command, result.environment) for result in results}
    for workstream, base in _owed(context, member.workstream, run):
        for result in await examiner.acceptance(merged, workstream, base):
            if (result.command, result.environment) not in seen:
                seen.add((result.command, result.environment))
                results.append(result)
    return results


def _owed(context: Context, member: str, run: Run) -> Iterable[tuple[Workstream, str]]:
    """Whose acceptance must hold on the merged tree: the member's own and that of everything merged before."""
    yield context.workstreams[member], run.progress(member).base
    present = run.in_state(WorkstreamState.DONE) | run.in_state(WorkstreamState.INTEGRATING)
    for rank in present & run.plan.accepting:
        progress = run.rows[rank]
        workstream = run.plan.order[rank]
        if progress.verdict and workstream.id != member:
            yield workstream, progress.base
