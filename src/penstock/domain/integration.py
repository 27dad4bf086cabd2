"""The integration queue of a run's branch: one consumer, batches in plan order, a red batch halved. Works on a draft.

A batch is judged against the last commit that has a verdict, while the branch may still be moving there: the verdict
decides, the branch follows. So several moves can be under way; a killed owner makes them again, and to
`Repository.advance` a branch that has passed a verdict's commit already is success.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TypeAlias, assert_never

from penstock.domain import attempts, bisection, endings, rollback
from penstock.domain.changes import Candidate, Finding, Verdict, Violation
from penstock.domain.checks import all_confined
from penstock.domain.commands import Member, MoveBranch
from penstock.domain.decision import AttemptBegan, Integrated, VerdictRecorded
from penstock.domain.draft import Draft
from penstock.domain.errors import Bug
from penstock.domain.events import (
    NOBODY,
    Aside,
    BranchMoved,
    Conflict,
    JudgementInterrupted,
    MergeRefused,
    NothingLeft,
    NothingToMerge,
    VerdictGiven,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.run import RECHECK_ALL, Judging, Outcome, Step
from penstock.domain.states import Move, Reason, RunMove, RunState, WorkstreamState

Judged: TypeAlias = VerdictGiven | NothingToMerge | MergeRefused | NothingLeft | JudgementInterrupted


def pump(draft: Draft) -> None:
    """Take the next batch if nothing is being judged."""
    if draft.get("judging") is not None or not draft.is_working:
        return
    ranks = _next_batch(draft)
    if not ranks:
        return
    unproven: int = draft.get("unproven")
    is_due = draft.policy.recheck != RECHECK_ALL and unproven + len(ranks) >= bisection.WIDEST
    if is_due and unproven:  # the head alone first: what it fails by now is nobody's of the batch
        draft.set(suspects=(*draft.get("suspects"), bisection.Suspects(members=ranks)))
        endings.ask_for_judgement(draft, (), (), is_whole=True)
        return
    members = tuple(_member(draft, rank) for rank in ranks)
    endings.ask_for_judgement(draft, ranks, members, is_whole=is_due or draft.policy.recheck == RECHECK_ALL)


def _next_batch(draft: Draft) -> tuple[int, ...]:
    stack: bisection.Stack = draft.get("suspects")
    if stack:
        candidates = draft.in_state(WorkstreamState.INTEGRATING)
        stack = bisection.only(stack, candidates)
        ranks, stack = bisection.take(stack) if stack else ((), stack)
        draft.set(suspects=stack)
        if ranks:
            return ranks
    ranks = tuple(islice(draft.queue, draft.get("width")))
    for rank in ranks:
        draft.queue = draft.queue.without_rank(rank)
    return ranks


def _member(draft: Draft, rank: int) -> Member:
    attempt = attempts.this_attempt(draft, rank, Step.INTEGRATE)
    candidate = draft[rank].candidate
    if candidate is None:
        raise Bug(f"{draft.id_of(rank)} is to be integrated but has no candidate")
    draft.records.append(
        AttemptBegan(workstream=draft.id_of(rank), attempt=attempt, at=draft.now, start=candidate.commit)
    )
    draft.note("step_start", rank, step=Step.INTEGRATE.value, attempt=attempt.key)
    return Member(workstream=draft.id_of(rank), attempt=attempt, candidate=candidate)


def judged(draft: Draft, event: Judged) -> None:
    """The batch was judged, one way or another."""
    judging: Judging | None = draft.get("judging")
    if judging is None or judging.number != event.judgement:
        raise EventRefused(f"judgement {event.judgement} is not the one under way")
    draft.set(judging=None)
    if not isinstance(event, JudgementInterrupted):
        draft.set(lost=0)
    attempts.note_runs(draft, judging.members[0] if len(judging.members) == 1 else None, getattr(event, "results", ()))
    remaining = _without(draft, judging, getattr(event, "aside", NOBODY))
    match event:
        case VerdictGiven():
            _accept(draft, remaining, event)
            _green(draft, judging, len(event.verdict.members))
        case NothingToMerge():
            _nothing_of(draft, remaining)
            _green(draft, judging, 0)
        case MergeRefused():
            _red(draft, remaining, event)
        case NothingLeft():
            if remaining:
                raise EventRefused(f"judgement {event.judgement} says nothing of {draft.id_of(remaining[0])}")
        case JudgementInterrupted():
            _again(draft, remaining, event)
        case _:
            assert_never(event)


def _without(draft: Draft, judging: Judging, aside: Aside) -> tuple[int, ...]:
    """Deal with who was taken out of the batch; who remains."""
    gone = {*(one.workstream for one in aside.conflicts), *(one.workstream for one in aside.strays), *aside.put_off}
    ranks = {draft.id_of(rank): rank for rank in judging.members}
    if not gone <= ranks.keys():
        raise EventRefused(
            f"judgement {judging.number} speaks of {min(gone - ranks.keys())}, which is not in the batch"
        )
    for conflict in aside.conflicts:
        _conflicted(draft, ranks[conflict.workstream], conflict)
    for stray in aside.strays:
        rank = ranks[stray.workstream]
        out_of_scope(draft, rank, stray.violations, kept=draft[rank].candidate, patch=stray.patch)
    for name in aside.put_off:
        attempts.postpone(draft, ranks[name])
        draft.queue = draft.queue.with_rank(ranks[name])
    return tuple(rank for name, rank in ranks.items() if name not in gone)


def _conflicted(draft: Draft, rank: int, conflict: Conflict) -> None:
    _to_fix(draft, rank, (conflict.finding,), conflict.start, base=draft.get("head"))


def _accept(draft: Draft, remaining: Sequence[int], event: VerdictGiven) -> None:
    verdict = event.verdict
    merged = [rank for rank in remaining if draft.id_of(rank) not in event.unchanged]
    names = tuple(draft.id_of(rank) for rank in merged)
    if verdict.parent != draft.get("head") or verdict.members != names or verdict.branch != draft.run.branch:
        raise EventRefused(f"verdict {verdict.id} speaks of another head, branch or batch")
    draft.records.append(VerdictRecorded(verdict=verdict))
    draft.set(head=verdict.commit, moving=(*draft.get("moving"), verdict.id))
    for rank in merged:
        draft.put(rank, verdict=verdict.id)
    draft.commands.append(MoveBranch(verdict=verdict))
    _nothing_of(draft, [rank for rank in remaining if rank not in merged])


def _nothing_of(draft: Draft, ranks: Sequence[int]) -> None:
    for rank in ranks:
        attempts.end(draft, rank, "success")
        endings.finish(draft, rank, Move.NOTHING_TO_MERGE, Outcome.NO_CHANGE)


def _green(draft: Draft, judging: Judging, merged: int) -> None:
    if len(judging.members) > 1:
        draft.note("batch_judged", judgement=judging.number, members=len(judging.members), result="green")
    draft.set(suspects=bisection.after_green(draft.get("suspects")), width=bisection.wider(draft.get("width")))
    if judging.is_whole:
        draft.set(unproven=0, broken="")
    else:
        draft.set(unproven=draft.get("unproven") + merged)


def _red(draft: Draft, remaining: tuple[int, ...], event: MergeRefused) -> None:
    draft.set(suspects=bisection.after_red(draft.get("suspects"), remaining))
    draft.set(width=bisection.narrower(draft.get("width")))
    if not remaining:
        lines = [line for finding in event.findings for line in finding.text.strip().splitlines()]
        draft.set(unproven=0, broken=lines[0] if lines else "a check")
    elif len(remaining) == 1:
        confined = all_confined(event.results)
        _to_fix(draft, remaining[0], event.findings, event.start, base=event.base, confined=confined)
    else:
        commands = [finding.text.splitlines()[0] for finding in event.findings if finding.text]
        draft.note("batch_judged", judgement=event.judgement, members=len(remaining), result="red", findings=commands)
        for rank in remaining:
            attempts.postpone(draft, rank)


def stay_where_it_is(draft: Draft, verdict: Verdict) -> None:
    """The branch can't be moved: a run that is being ended does not wait for it. Its head has the members all the same,
    and is pushed with them.
    """
    if draft.get("ending") is not None and not draft.is_over and verdict.id in draft.get("moving"):
        _move_no_more(draft, verdict)
        _merge_members(draft, verdict)


def _to_fix(
    draft: Draft,
    rank: int,
    findings: tuple[Finding, ...],
    start: Candidate,
    *,
    base: str,
    confined: bool | None = None,
) -> None:
    attempts.end(draft, rank, "failed", candidate=start, result={"findings": len(findings)}, confined=confined)
    trip = attempts.count_red(draft, rank, Step.INTEGRATE, findings, start.tree)
    if trip is not None:
        endings.fail(draft, rank, Reason.CHECKS_FAILED, attempts.sentence_of(trip, findings))
        return
    draft.put(rank, base=base, start=start.commit, candidate=start, unchanged=False)
    attempts.send_to_fix(draft, rank, Move.MERGE_REFUSED, Step.INTEGRATE)


def _again(draft: Draft, ranks: tuple[int, ...], event: JudgementInterrupted) -> None:
    if event.sentence:
        break_environment(draft, event.sentence)
    is_lost = not event.asked and not event.sentence
    for rank in ranks:
        if not attempts.interrupt(draft, rank, lost=is_lost, sentence=event.sentence):
            endings.fail(draft, rank, Reason.ENVIRONMENT, "its integration was lost again and again")
    if is_lost and not ranks:
        _lose_head(draft)
    if is_lost or draft.get("suspects"):
        draft.set(suspects=bisection.after_loss(draft.get("suspects"), ranks))
        return
    for rank in ranks:
        draft.queue = draft.queue.with_rank(rank)


def _lose_head(draft: Draft) -> None:
    """A verification of the head was lost: nobody's attempt counts that, so the run does."""
    draft.set(lost=draft.get("lost") + 1)
    if draft.get("lost") >= draft.policy.max_lost:
        times = draft.get("lost")
        draft.set(lost=0)
        break_environment(draft, f"the verification of the whole branch was lost {times} times in a row")


def branch_moved(draft: Draft, event: BranchMoved) -> None:
    """The branch is at the verdict's tree: its members are merged."""
    verdict = event.verdict
    if verdict.id not in draft.get("moving"):
        raise EventRefused(f"verdict {verdict.id} is not one whose branch was to move")
    _move_no_more(draft, verdict)
    if not rollback.branch_moved(draft, event):
        _merge_members(draft, verdict)


def _move_no_more(draft: Draft, verdict: Verdict) -> None:
    moving: tuple[str, ...] = draft.get("moving")
    draft.set(moving=tuple(one for one in moving if one != verdict.id))


def _merge_members(draft: Draft, verdict: Verdict) -> None:
    merged = Candidate(commit=verdict.commit, tree=verdict.tree)
    for name, merge in zip(verdict.members, verdict.merges or (verdict.commit,) * len(verdict.members), strict=True):
        rank = draft.plan.rank_of(name)
        draft.records.append(Integrated(workstream=name, verdict_id=verdict.id, tree=verdict.tree, commit=merge))
        confined = None if verdict.unchecked else verdict.confined
        attempts.end(draft, rank, "success", candidate=merged, result={"verdict": verdict.id}, confined=confined)
        endings.finish(draft, rank, Move.MERGED, Outcome.MERGED)


def out_of_scope(
    draft: Draft,
    rank: int,
    violations: tuple[Violation, ...],
    *,
    kept: Candidate | None = None,
    patch: str = "",
    confined: bool | None = None,
) -> None:
    """A change left its scope: it is kept, not applied, and the workstream fails."""
    listed = [{"path": one.path, "rule": one.rule} for one in violations]
    result = {"violations": listed, "patch": patch}
    attempts.end(draft, rank, "failed", candidate=kept, result=result, confined=confined)
    commit = kept.commit if kept else ""
    draft.note("scope_violation", rank, violations=listed, kept=commit, patch=patch)
    first = listed[0] if listed else {"path": "?", "rule": "?"}
    more = f" and {len(listed) - 1} more" if len(listed) > 1 else ""
    endings.fail(draft, rank, Reason.POLICY_VIOLATION, f"left its scope: {first['path']}: {first['rule']}{more}")


def break_environment(draft: Draft, sentence: str) -> None:
    """The machine does not let us work: wait for a person. What has ended stays as it ended."""
    draft.note("environment_broke", sentence=sentence)
    if draft.is_working:
        draft.move_run(RunMove.PAUSED, reason=Reason.ENVIRONMENT, sentence=sentence)
    elif draft.state is RunState.PAUSED:
        draft.set(reason=draft.get("reason") or Reason.ENVIRONMENT, sentence=draft.get("sentence") or sentence)
