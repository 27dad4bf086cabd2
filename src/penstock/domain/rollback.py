"""Taking a merged workstream back: a new commit that undoes its merge, verified like any merge. Works on a draft.

Only a run that has ended takes something back: until then others may build upon it. The run stays as it ended.
"""

from __future__ import annotations

from penstock.domain import dag, endings
from penstock.domain.commands import Member, MoveBranch, TakeBack
from penstock.domain.decision import VerdictRecorded
from penstock.domain.draft import Draft
from penstock.domain.errors import Bug
from penstock.domain.events import BranchMoved, RollbackAsked, TakeBackRefused, TakenBack
from penstock.domain.refusals import EventRefused
from penstock.domain.run import AttemptId, Outcome, Step, TakingBack
from penstock.domain.states import Move, Reason, RunState, WorkstreamState


def ask(draft: Draft, request: RollbackAsked) -> None:
    """Have a workstream's merge undone, or raise EventRefused."""
    rank = draft.rank_of(request.workstream)
    if draft.get("taking_back") is not None:
        raise EventRefused("something is being taken back already: wait for its end")
    if not draft.is_over or draft.get("publishing"):
        raise EventRefused(
            f"the run is {draft.state.value}: only of a run that has ended something can be taken back",
            hint="let it end, or end it with `penstock cancel`",
        )
    if draft[rank].state is not WorkstreamState.DONE or draft[rank].outcome is not Outcome.MERGED:
        outcome = draft[rank].outcome
        how = draft[rank].state.value if outcome is None else outcome.value
        raise EventRefused(f"{request.workstream} is {how}: nothing of it was merged that could be taken back")
    later = _built_upon(draft, rank)
    if later and not request.cascade:
        names = ", ".join(map(draft.id_of, later))
        raise EventRefused(f"{names} was built upon {request.workstream}", hint="take them back too: --cascade")
    ranks = (*later, rank)
    for one in ranks:
        draft.put(one, sentence="")
    number = draft.next_order()
    draft.set(taking_back=TakingBack(members=ranks, number=number))
    members = tuple(_member(draft, one) for one in ranks)
    draft.commands.append(
        TakeBack(number=number, members=members, base=draft.get("base"), head=draft.get("head"), at=draft.now)
    )


def _built_upon(draft: Draft, rank: int) -> tuple[int, ...]:
    """Who depends on it and is merged, those first upon which nobody else was built."""
    plan = draft.plan
    found, to_visit = {rank}, [rank]
    while to_visit:
        for dependent in plan.dependents[to_visit.pop()]:
            if dependent not in found:
                found.add(dependent)
                to_visit.append(dependent)
    edges = {
        plan.order[one].id: [plan.order[other].id for other in plan.dependencies[one] if other in found]
        for one in sorted(found)
    }
    later = [plan.rank_of(name) for name in reversed(dag.order(edges)) if plan.rank_of(name) != rank]
    return tuple(one for one in later if draft[one].outcome is Outcome.MERGED)


def taken_from_under(draft: Draft, rank: int) -> list[int]:
    """What a workstream depends on and was taken back: it could wait for that for ever."""
    return [one for one in draft.plan.dependencies[rank] if draft[one].state is WorkstreamState.ABANDONED]


def _member(draft: Draft, rank: int) -> Member:
    progress = draft[rank]
    if progress.candidate is None:
        raise Bug(f"{draft.id_of(rank)} is merged but has no candidate")
    attempt = AttemptId(step=Step.INTEGRATE, number=progress.attempts_of(Step.INTEGRATE), round=progress.round)
    return Member(workstream=draft.id_of(rank), attempt=attempt, candidate=progress.candidate)


def answered(draft: Draft, event: TakenBack | TakeBackRefused) -> None:
    """It was undone in memory and judged."""
    if isinstance(event, TakenBack):
        _taken_back(draft, event)
    else:
        _refused(draft, event)


def _taken_back(draft: Draft, event: TakenBack) -> None:
    """The tree without them passed all that is left: the branch goes there."""
    taking, verdict = _under_way(draft, event.number), event.verdict
    names = tuple(draft.id_of(rank) for rank in taking.members)
    if verdict.id in draft.get("moving"):
        raise EventRefused(f"the branch is on its way to what verdict {verdict.id} is for")
    if verdict.parent != draft.get("head") or verdict.members != names or verdict.branch != draft.run.branch:
        raise EventRefused(f"verdict {verdict.id} speaks of another head, branch or workstreams")
    draft.records.append(VerdictRecorded(verdict=verdict))
    draft.set(head=verdict.commit, moving=(*draft.get("moving"), verdict.id), broken="", unproven=0)
    draft.commands.append(MoveBranch(verdict=verdict))


def _refused(draft: Draft, event: TakeBackRefused) -> None:
    """It can't be undone: everything stays as it was, and says why."""
    taking = _under_way(draft, event.number)
    draft.set(taking_back=None)
    for rank in taking.members:
        draft.put(rank, sentence=f"could not be taken back: {event.sentence}")
    draft.note("rollback_refused", taking.members[-1], sentence=event.sentence)


def branch_moved(draft: Draft, event: BranchMoved) -> bool:
    """Whether the move was one by which something was taken back; then its workstreams are abandoned."""
    taking: TakingBack | None = draft.get("taking_back")
    if taking is None or tuple(draft.id_of(rank) for rank in taking.members) != event.verdict.members:
        return False
    for rank in taking.members:
        draft.move(rank, Move.ABANDONED, reason=Reason.CANCELLED, sentence="taken back", outcome=None)
        draft.note("workstream_end", rank, reason=Reason.CANCELLED.value, sentence="taken back")
        for dependent in draft.plan.dependents[rank]:
            draft.one_more(dependent)
    draft.set(taking_back=None, sentence=endings.tally(draft))
    if draft.state is not RunState.ABANDONED or draft.get("published"):  # what is there must not stay there
        endings.publish(draft)
    return True


def _under_way(draft: Draft, number: int) -> TakingBack:
    taking: TakingBack | None = draft.get("taking_back")
    if taking is None or taking.number != number:
        raise EventRefused(f"nothing is being taken back under the number {number}")
    return taking
