"""The integration queue of a run's branch: one consumer, candidates in plan order, a batch of one. Works on a draft.

A batch is judged against the last commit that has a verdict, while the branch may still be moving there: the verdict
decides, the branch follows. So several moves can be under way; a killed owner makes them again, and to
`Repository.advance` a branch that has passed a verdict's commit already is success.
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

from penstock.domain import attempts, endings
from penstock.domain.changes import Candidate, Violation
from penstock.domain.commands import JudgeMerge, Member, MoveBranch
from penstock.domain.decision import AttemptBegan, Integrated, VerdictRecorded
from penstock.domain.draft import Draft
from penstock.domain.errors import Bug
from penstock.domain.events import (
    BranchMoved,
    JudgementInterrupted,
    MergeOutOfScope,
    MergeRefused,
    NothingToMerge,
    VerdictGiven,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Judging, Outcome, Step
from penstock.domain.states import Move, Reason, RunMove, RunState

Judged: TypeAlias = VerdictGiven | NothingToMerge | MergeRefused | MergeOutOfScope | JudgementInterrupted


def pump(draft: Draft) -> None:
    """Take the next batch if nothing is being judged."""
    rank = draft.queue.first()
    if rank is None or draft.get("judging") is not None or not draft.is_working:
        return
    number = draft.get("judgements") + 1
    draft.queue = draft.queue.without_rank(rank)
    draft.set(judgements=number, judging=Judging(members=(rank,), number=number))
    draft.commands.append(
        JudgeMerge(number=number, members=(_member(draft, rank),), head=draft.get("head"), at=draft.now)
    )


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
    attempts.note_runs(draft, judging.members[0], getattr(event, "results", ()))
    match event:
        case VerdictGiven():
            _accept(draft, judging, event)
        case NothingToMerge():
            for rank in judging.members:
                attempts.end(draft, rank, "success")
                endings.finish(draft, rank, Move.NOTHING_TO_MERGE, Outcome.NO_CHANGE)
        case MergeRefused():
            for rank in judging.members:
                _refuse(draft, rank, event)
        case MergeOutOfScope():
            for rank in judging.members:
                out_of_scope(draft, rank, event.violations, kept=draft[rank].candidate)
        case JudgementInterrupted():
            for rank in judging.members:
                _again(draft, rank, event)
        case _:
            assert_never(event)


def _accept(draft: Draft, judging: Judging, event: VerdictGiven) -> None:
    verdict = event.verdict
    names = tuple(draft.id_of(rank) for rank in judging.members)
    if verdict.parent != draft.get("head") or verdict.members != names or verdict.branch != draft.run.branch:
        raise EventRefused(f"verdict {verdict.id} speaks of another head, branch or batch")
    draft.records.append(VerdictRecorded(verdict=verdict))
    draft.set(head=verdict.commit, moving=(*draft.get("moving"), verdict.id))
    for rank in judging.members:
        draft.put(rank, verdict=verdict.id)
    draft.commands.append(MoveBranch(verdict=verdict))


def stay_where_it_is(draft: Draft, command: str) -> None:
    """The branch can't be moved: a run that is being ended does not wait for it. The verdict and the commit stay."""
    if draft.get("ending") is not None:
        moving: tuple[str, ...] = draft.get("moving")
        draft.set(moving=tuple(one for one in moving if f"move-{one}" != command))


def _refuse(draft: Draft, rank: int, event: MergeRefused) -> None:
    attempts.end(draft, rank, "failed", candidate=event.start, result={"findings": len(event.findings)})
    trip = attempts.count_red(draft, rank, Step.INTEGRATE, event.findings, event.start.tree)
    if trip is not None:
        endings.fail(draft, rank, Reason.CHECKS_FAILED, attempts.sentence_of(trip, event.findings))
        return
    draft.put(rank, base=event.base, start=event.start.commit, candidate=event.start, unchanged=False)
    attempts.send_to_fix(draft, rank, Move.MERGE_REFUSED, Step.INTEGRATE)


def _again(draft: Draft, rank: int, event: JudgementInterrupted) -> None:
    if event.sentence:
        break_environment(draft, event.sentence)
    if attempts.interrupt(draft, rank, lost=not event.asked and not event.sentence, sentence=event.sentence):
        draft.queue = draft.queue.with_rank(rank)
    else:
        endings.fail(draft, rank, Reason.ENVIRONMENT, "its integration was lost again and again")


def branch_moved(draft: Draft, event: BranchMoved) -> None:
    """The branch is at the verdict's tree: its members are merged."""
    verdict = event.verdict
    moving: tuple[str, ...] = draft.get("moving")
    if verdict.id not in moving:
        raise EventRefused(f"verdict {verdict.id} is not one whose branch was to move")
    draft.set(moving=tuple(one for one in moving if one != verdict.id))
    merged = Candidate(commit=verdict.commit, tree=verdict.tree)
    for name in verdict.members:
        rank = draft.plan.rank_of(name)
        draft.records.append(
            Integrated(workstream=name, verdict_id=verdict.id, tree=verdict.tree, commit=verdict.commit)
        )
        attempts.end(draft, rank, "success", candidate=merged, result={"verdict": verdict.id})
        endings.finish(draft, rank, Move.MERGED, Outcome.MERGED)


def out_of_scope(
    draft: Draft, rank: int, violations: tuple[Violation, ...], *, kept: Candidate | None = None, patch: str = ""
) -> None:
    """A change left its scope: it is kept, not applied, and the workstream fails."""
    listed = [{"path": one.path, "rule": one.rule} for one in violations]
    attempts.end(draft, rank, "failed", candidate=kept, result={"violations": listed, "patch": patch})
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
