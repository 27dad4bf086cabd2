"""integrate: chain a batch onto the head in memory, verify the last tree, and say what is so. The core decides what
follows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from penstock.domain import recheck
from penstock.domain.changes import Candidate, Finding
from penstock.domain.checks import CheckResult, give_verdict
from penstock.domain.commands import JudgeMerge, Member, TakeBack
from penstock.domain.events import (
    Aside,
    Conflict,
    MergeRefused,
    NothingLeft,
    NothingToMerge,
    Stray,
    VerdictGiven,
)
from penstock.domain.plan import TestGate, Workstream, strictest
from penstock.domain.run import Run
from penstock.domain.states import WorkstreamState
from penstock.engine import scoping
from penstock.engine.checking import Examiner
from penstock.engine.context import Context
from penstock.ports import Conflicted, Merged

Judgement = VerdictGiven | NothingToMerge | MergeRefused | NothingLeft


@dataclass(slots=True)
class Chain:
    """Candidates merged one upon the other onto a head, and those that could not be."""

    tip: Candidate
    merges: dict[str, str] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)

    @property
    def aside(self) -> Aside:
        """Who is not verified with the others."""
        return Aside(conflicts=tuple(self.conflicts), strays=tuple(self.strays), put_off=tuple(self.put_off))

    @property
    def members(self) -> tuple[str, ...]:
        """Who is."""
        return (*self.merges, *self.unchanged)


async def judge(context: Context, command: JudgeMerge, run: Run) -> Judgement:
    """Verify a batch on the head."""
    chain = Chain(tip=await context.history.candidate(command.head))
    for member in command.members:
        await _link(context, command, chain, member)
    if command.members and not chain.members:
        return NothingLeft(judgement=command.number, aside=chain.aside)
    results = await _verify(context, command, chain, run)
    red = tuple(result.finding() for result in results if result.stops)
    if red:
        return MergeRefused(
            judgement=command.number,
            findings=red,
            base=command.head,
            start=chain.tip,
            aside=chain.aside,
            results=tuple(results),
        )
    if not chain.merges:  # said only now: what they are accepted by must hold where others made it
        return NothingToMerge(judgement=command.number, aside=chain.aside, results=tuple(results))
    verdict = give_verdict(
        id=f"{run.id}-{chain.tip.commit[:16]}",  # named by what it is about: the same however often it is judged
        branch=run.branch,
        parent=command.head,
        merged=chain.tip,
        merges=chain.merges,
        results=results,
    )
    return VerdictGiven(
        judgement=command.number,
        verdict=verdict,
        unchanged=tuple(chain.unchanged),
        aside=chain.aside,
        results=tuple(results),
    )


async def _link(context: Context, command: JudgeMerge, chain: Chain, member: Member) -> None:
    """Merge one more candidate onto the chain, or say why it is left out."""
    name = member.workstream
    merge = await _merge(context, command, chain.tip.commit, member)
    if isinstance(merge, Conflicted) and chain.tip.commit != command.head:
        on_head = await _merge(context, command, command.head, member)
        if isinstance(on_head, Merged):
            chain.put_off.append(name)
            return
        merge = on_head
    if isinstance(merge, Conflicted):
        chain.conflicts.append(_conflict(name, merge))
        return
    changes = await context.history.changes(chain.tip.commit, merge.candidate.commit)
    violations = await scoping.of_changes(context, context.workstreams[name].scope, chain.tip.commit, changes)
    if violations:
        patch = await scoping.keep_merge(context, name, member.attempt, chain.tip.commit, merge.candidate)
        chain.strays.append(Stray(workstream=name, violations=scoping.told(violations), patch=patch))
    elif merge.candidate.tree == chain.tip.tree:
        chain.unchanged.append(name)
    else:
        chain.merges[name] = merge.candidate.commit
        chain.tip = merge.candidate


async def _merge(context: Context, command: JudgeMerge, head: str, member: Member) -> Merged | Conflicted:
    workstream = context.workstreams[member.workstream]
    subject = f"Merge {workstream.id}: {workstream.title}" if workstream.title else f"Merge {workstream.id}"
    stamp = context.stamp(workstream, member.attempt, subject, command.at)
    return await context.repository.merge(head, member.candidate.commit, stamp)


def _conflict(workstream: str, merge: Conflicted) -> Conflict:
    paths = ", ".join(merge.paths)
    text = (
        f"merging onto the integration branch conflicts in {paths}: resolve the marked places and keep what both want"
    )
    return Conflict(workstream=workstream, start=merge.candidate, finding=Finding(code="merge_conflict", text=text))


async def _verify(context: Context, command: JudgeMerge, chain: Chain, run: Run) -> list[CheckResult]:
    """What the last tree of the chain comes to: the project's checks, the members' gates, each acceptance once."""
    gates = strictest(gate for name in chain.members for gate in context.workstreams[name].test_gates)
    owed = merged_before(run, besides=chain.members)
    if not command.is_whole:
        touched = recheck.touched(run.plan, map(run.plan.rank_of, chain.members))
        owed = (one for one in owed if run.plan.rank_of(one[0].id) in touched)
    own = ((context.workstreams[name], run.progress(name).base) for name in chain.members)
    return await results_on(context, command, chain.tip, gates, (*own, *owed))


async def results_on(
    context: Context,
    command: JudgeMerge | TakeBack,
    tip: Candidate,
    gates: Sequence[TestGate],
    owed: Iterable[tuple[Workstream, str]],
) -> list[CheckResult]:
    """What a tree that is to become the head comes to: checks, gates, and the acceptance that it owes, each once."""
    examiner = Examiner(context, command.place, command.key)
    results = await examiner.checks(tip, context.settings.integrate, command.head)
    results += await examiner.gates(tip, gates, command.head)
    seen = {(result.command, result.environment) for result in results if result.blocking and result.passed}
    for workstream, base in owed:
        for result in await examiner.acceptance(tip, workstream, base):
            if (result.command, result.environment) not in seen:
                seen.add((result.command, result.environment))
                results.append(result)
    return results


def merged_before(run: Run, *, besides: Collection[str]) -> Iterable[tuple[Workstream, str]]:
    """Who brought acceptance and has a verdict already, each with its base."""
    present = run.in_state(WorkstreamState.DONE) | run.in_state(WorkstreamState.INTEGRATING)
    for rank in present & run.plan.accepting:
        workstream, progress = run.plan.order[rank], run.rows[rank]
        if progress.verdict and workstream.id not in besides:
            yield workstream, progress.base
