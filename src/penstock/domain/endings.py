"""How workstreams end, what that means for those that depend on them, and how a run ends by it. Works on a draft."""

from __future__ import annotations

from penstock.domain import compensation
from penstock.domain.commands import JudgeMerge, Member, PublishBranch, ReleaseWorktree
from penstock.domain.draft import Draft
from penstock.domain.events import BranchPublished
from penstock.domain.ranks import RankSet
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Ending, Judging, Outcome
from penstock.domain.states import ENDED, Move, Reason, RunMove, RunState, WorkstreamState

MOST_NAMED = 5


def finish(draft: Draft, rank: int, move: Move, outcome: Outcome) -> None:
    """A workstream is done: let those that wait for it go."""
    draft.move(rank, move, outcome=outcome, findings=(), note="", sentence="", reason=None)
    draft.note("workstream_end", rank, outcome=outcome.value)
    release(draft, rank)
    for dependent in draft.plan.dependents[rank]:
        if draft.one_less(dependent):
            make_ready(draft, dependent)
    let_successors_go(draft, rank)


def fail(draft: Draft, rank: int, reason: Reason, sentence: str) -> None:
    """A workstream has failed: its compensation is run, and what depends on it is blocked. Its folder stays."""
    draft.queue = draft.queue.without_rank(rank)
    draft.move(rank, Move.GAVE_UP, reason=reason, sentence=sentence, attempt=None)
    draft.note("workstream_end", rank, reason=reason.value, sentence=sentence)
    compensation.begin(draft, rank)
    let_successors_go(draft, rank)
    _block_dependents(draft, rank)


def make_ready(draft: Draft, rank: int) -> None:
    """Nothing stands in a workstream's way any more."""
    state = draft[rank].state
    if state in (WorkstreamState.PENDING, WorkstreamState.BLOCKED):
        draft.move(rank, Move.DEPENDENCIES_MET, reason=None, sentence="")
    if state is WorkstreamState.BLOCKED:
        hold_successors_back(draft, rank)


def release(draft: Draft, rank: int) -> None:
    """Keep what a workstream's folder holds, then remove it."""
    if draft[rank].base:
        draft.commands.append(ReleaseWorktree(workstream=draft.id_of(rank), number=draft.next_order(), at=draft.now))


def _block_dependents(draft: Draft, failed: int) -> None:
    cause = draft.id_of(failed)
    to_visit = list(draft.plan.dependents[failed])
    while to_visit:
        rank = to_visit.pop()
        if draft[rank].state not in (WorkstreamState.PENDING, WorkstreamState.READY):
            continue
        draft.move(
            rank,
            Move.DEPENDENCY_FAILED,
            reason=Reason.DEPENDENCY_FAILED,
            sentence=f"dependency failed: {cause}",
        )
        let_successors_go(draft, rank)
        to_visit.extend(draft.plan.dependents[rank])


def let_successors_go(draft: Draft, rank: int) -> None:
    """A workstream has ended, however: those that only come after it wait for it no more."""
    for successor in draft.plan.successors[rank]:
        if draft.one_less(successor):
            make_ready(draft, successor)


def hold_successors_back(draft: Draft, rank: int) -> None:
    """A workstream that had ended begins again: those that come after it and are still pending wait once more."""
    for successor in draft.plan.successors[rank]:
        draft.one_more(successor)


def failed_behind(draft: Draft, blocked: int) -> RankSet:
    """The failed workstreams for whose sake one is blocked."""
    found, seen, to_visit = [], {blocked}, [blocked]
    while to_visit:
        for other in draft.plan.dependencies[to_visit.pop()]:
            if draft[other].state is WorkstreamState.FAILED:
                found.append(other)
            elif other not in seen and draft[other].state is WorkstreamState.BLOCKED:
                seen.add(other)
                to_visit.append(other)
    return RankSet.of(found)


def settle(draft: Draft) -> None:
    """End the run if nothing is left that could go on; else leave it as it is."""
    if draft.get("judging") is not None or draft.get("moving") or draft.get("compensating") or draft.busy:
        return
    if draft.state not in (RunState.RUNNING, RunState.PAUSED) or draft.get("publishing"):
        return
    if draft.get("ending") is Ending.SPENT:
        _give_up_unfinished(draft)
        if draft.get("compensating"):
            return
    elif draft.get("ending") is not None:
        abandon_unfinished(draft)
    elif draft.in_flight or draft.in_state(WorkstreamState.READY, WorkstreamState.PENDING):
        return
    if draft.get("ending") is None and draft.get("unproven"):
        if draft.is_working:
            ask_for_judgement(draft, (), (), is_whole=True)
        return
    if draft.get("ending") is not Ending.ABANDONED and _publish(draft):
        return
    _conclude(draft)


def ask_for_judgement(draft: Draft, ranks: tuple[int, ...], members: tuple[Member, ...], *, is_whole: bool) -> None:
    """Have a batch verified on the head; without members the head itself, as at the end of a run that owes it."""
    number = draft.get("judgements") + 1
    draft.set(judgements=number, judging=Judging(members=ranks, number=number, is_whole=is_whole))
    head = draft.get("head")
    draft.commands.append(JudgeMerge(number=number, members=members, head=head, at=draft.now, is_whole=is_whole))


def publish(draft: Draft) -> None:
    """Push the branch to the user's repository."""
    draft.set(publishing=True)
    draft.commands.append(PublishBranch(commit=draft.get("head"), number=draft.next_order()))


def published(draft: Draft, event: BranchPublished) -> None:
    """The user's repository has taken the branch, or not."""
    if not draft.get("publishing"):
        raise EventRefused("no push of the branch is under way")
    draft.set(publishing=False, offered=event.commit, publication=event.sentence)
    if event.pushed:
        draft.set(published=event.commit)
    draft.note("branch_published", pushed=event.pushed, commit=event.commit, sentence=event.sentence)


def waits_for_its_push(draft: Draft) -> bool:
    """Whether something stands in the way of the branch, and a person may say when it no longer does."""
    return bool(draft.get("publication")) and draft.get("published") != draft.get("offered")


def _publish(draft: Draft) -> bool:
    head, offered = draft.get("head"), draft.get("offered")
    if head in (draft.get("base"), draft.get("published"), offered):
        return False
    publish(draft)
    return True


def abandon_unfinished(draft: Draft) -> None:
    """Give up on everything that has not ended; what it left behind is kept first."""
    unfinished = draft.in_flight | draft.in_state(WorkstreamState.READY, WorkstreamState.PENDING)
    draft.queue = draft.queue - unfinished
    for rank in unfinished:
        sentence = "the run was ended before it was done"
        draft.move(rank, Move.ABANDONED, reason=Reason.CANCELLED, sentence=sentence, attempt=None)
        release(draft, rank)
        for successor in draft.plan.successors[rank]:
            draft.one_less(successor)  # counted, but nothing is made ready any more
    if draft.get("ending") is Ending.ABANDONED:
        for rank in draft.in_state(WorkstreamState.FAILED):
            release(draft, rank)


def _give_up_unfinished(draft: Draft) -> None:
    """Nothing more can be paid for: what has not ended has failed for it, and may be begun again when there is more."""
    for rank in draft.in_flight | draft.in_state(WorkstreamState.READY, WorkstreamState.PENDING):
        # what depends on one of these is blocked by its failure, now or later: ranks need not go by dependencies
        if draft[rank].state not in ENDED and _has_its_ground(draft, rank):
            attempt = draft[rank].attempt
            began = "it ended" if attempt is not None or draft[rank].base else "it began"
            fail(draft, rank, Reason.BUDGET_EXHAUSTED, f"the budget was spent before {began}")


def _has_its_ground(draft: Draft, rank: int) -> bool:
    return all(draft[one].state is WorkstreamState.DONE for one in draft.plan.dependencies[rank])


def _conclude(draft: Draft) -> None:
    if draft.get("ending") in (Ending.CANCELLED, Ending.ABANDONED):
        what = "cancelled" if draft.get("ending") is Ending.CANCELLED else "abandoned"
        sentence = f"the run was {what}: {tally(draft)}{_unproven(draft)}"
        draft.move_run(RunMove.ABANDONED, reason=Reason.CANCELLED, sentence=sentence)
        return
    draft.set(ending=None)
    done, failed = draft.in_state(WorkstreamState.DONE), draft.in_state(WorkstreamState.FAILED)
    if done and draft.get("broken"):
        sentence = f"{tally(draft)}; merged together they fail what they passed alone: {draft.get('broken')}"
        draft.move_run(RunMove.SOME_DONE, reason=Reason.CHECKS_FAILED, sentence=sentence)
        return
    taken_back = draft.in_state(WorkstreamState.ABANDONED)  # in a run that nobody ends there are no others
    if len(done | taken_back) == len(draft.plan):
        draft.move_run(RunMove.ALL_DONE, reason=None, sentence=tally(draft))
        return
    reason = _reason_of(draft, failed)
    move = RunMove.SOME_DONE if done else RunMove.NONE_DONE
    draft.move_run(move, reason=reason, sentence=f"{tally(draft)}{_unproven(draft)}")


def _unproven(draft: Draft) -> str:
    """What was not asked of a run that was ended before its time: the budget or a person did not wait for it."""
    count = draft.get("unproven")
    merges = "last merge" if count == 1 else f"last {count} merges"
    return f"; everybody's acceptance is yet to be asked of its {merges}" if count else ""


def _reason_of(draft: Draft, failed: RankSet) -> Reason | None:
    """Why the run did not complete: a spent budget weighs most, for it alone says what would help."""
    reasons = [draft[rank].reason for rank in failed]
    if Reason.BUDGET_EXHAUSTED in reasons:
        return Reason.BUDGET_EXHAUSTED
    return reasons[0] if reasons else Reason.DEPENDENCY_FAILED


def tally(draft: Draft) -> str:
    """How many workstreams ended how, naming those that failed, in one sentence."""
    parts = []
    for state in (
        WorkstreamState.DONE,
        WorkstreamState.FAILED,
        WorkstreamState.BLOCKED,
        WorkstreamState.ABANDONED,
    ):
        ranks = draft.in_state(state)
        if ranks:
            parts.append(f"{len(ranks)} {state.value}")
    failed = list(draft.in_state(WorkstreamState.FAILED))
    causes = [f"{draft.id_of(rank)}: {draft[rank].sentence.splitlines()[0]}" for rank in failed[:MOST_NAMED]]
    if len(failed) > MOST_NAMED:
        causes.append(f"and {len(failed) - MOST_NAMED} more")
    sentence = f"of {len(draft.plan)} workstreams {', '.join(parts) or 'none begun'}"
    return f"{sentence} ({'; '.join(causes)})" if causes else sentence
