"""What people ask of a run: pause, resume, cancel, abandon, approve, reject, reset. Works on a draft for `step`."""

from __future__ import annotations

from typing import assert_never

from penstock.domain import attempts, claims, endings, rollback
from penstock.domain.changes import Finding
from penstock.domain.commands import StopSteps
from penstock.domain.decision import ApprovalRecorded
from penstock.domain.draft import Draft
from penstock.domain.errors import IllegalMove
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    Asked,
    CancelAsked,
    Claimed,
    PauseAsked,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RollbackAsked,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Ending, Outcome, Progress, Step
from penstock.domain.states import Move, Reason, RunMove, RunState, WorkstreamState


def answer(draft: Draft, request: Asked | Claimed) -> None:
    """Do what was asked, or raise EventRefused."""
    match request:
        case PauseAsked():
            _pause(draft, request)
        case ResumeAsked():
            _resume(draft)
        case CancelAsked():
            _end(draft, Ending.CANCELLED)
        case AbandonAsked():
            _end(draft, Ending.ABANDONED)
        case Approved():
            _approved(draft, request)
        case Rejected():
            _rejected(draft, request)
        case ResetAsked():
            _reset(draft, request)
        case RollbackAsked():
            rollback.ask(draft, request)
        case Claimed():
            claims.take(draft, request.workstream, request.claims)
        case _:
            assert_never(request)


def _pause(draft: Draft, request: PauseAsked) -> None:
    if draft.state is not RunState.PAUSED:
        if draft.get("ending") is not None:
            raise EventRefused("the run is being ended and can't be paused")
        draft.move_run(RunMove.PAUSED, reason=None, sentence="")
    if request.now:
        draft.commands.append(StopSteps(number=draft.next_order()))


def _resume(draft: Draft) -> None:
    if draft.get("ending") is not None and not draft.is_over:
        raise EventRefused("the run is being ended and can't go on")
    if draft.state is RunState.PENDING:
        raise EventRefused("the run has not begun: there is nothing to resume")
    if draft.state is RunState.RUNNING:
        return
    if draft.state is RunState.PAUSED:
        draft.move_run(RunMove.RESUMED, reason=None, sentence="")
        for rank in draft.held:
            attempts.begin(draft, rank)
        return
    _reopen(draft)


def _reopen(draft: Draft) -> None:
    """A run that has ended goes on if more may be spent by now, or if just its push was left."""
    _refuse_while_taken_back(draft)  # what then remains is pushed anyway
    if draft.state in (RunState.ABANDONED, RunState.COMPLETED) and not endings.waits_for_its_push(draft):
        raise IllegalMove(entity="run", source=draft.state, target=RunState.RUNNING)
    unpaid = _unpaid(draft)
    for rank in unpaid:
        _begin_again(draft, rank)
    if unpaid:
        return
    if endings.waits_for_its_push(draft):
        if not draft.get("publishing"):
            endings.publish(draft)
    else:
        raise EventRefused(
            f"the run ended {draft.state.value} and nothing in it can go on",
            hint="reset a failed workstream first: penstock reset-workstream RUN WORKSTREAM",
        )


def _unpaid(draft: Draft) -> list[int]:
    """What failed for want of money alone, and could be done with more of it."""
    if draft.get("reason") is not Reason.BUDGET_EXHAUSTED:
        return []
    failed = [rank for rank in draft.in_state(WorkstreamState.FAILED) if not rollback.taken_from_under(draft, rank)]
    return [rank for rank in failed if draft[rank].reason is Reason.BUDGET_EXHAUSTED]


def _end(draft: Draft, ending: Ending) -> None:
    if draft.is_over:
        if ending is not Ending.ABANDONED:
            raise EventRefused(f"the run is {draft.state.value}: there is nothing to cancel")
        if draft.get("ending") is Ending.CANCELLED:  # it has its state; only what failed is still kept
            draft.set(ending=ending)
        else:
            sentence = f"abandoned after it was {draft.state.value}"
            draft.move_run(RunMove.ABANDONED, reason=Reason.CANCELLED, sentence=sentence)
        for rank in draft.in_state(WorkstreamState.FAILED):
            endings.release(draft, rank)
        return
    if draft.state is RunState.PENDING:
        endings.abandon_unfinished(draft)
        draft.move_run(RunMove.ABANDONED, reason=Reason.CANCELLED, sentence="the run was ended before it began")
        return
    if draft.get("ending") is not Ending.ABANDONED:
        draft.set(ending=ending)
    draft.commands.append(StopSteps(number=draft.next_order()))


def _approved(draft: Draft, request: Approved) -> None:
    if request.gate:
        if request.gate not in [number for number, _ in draft.plan.gates]:
            raise EventRefused(f"the plan has no gate {request.gate}")
        draft.set(approved_gate=max(request.gate, draft.get("approved_gate")))
        _record(draft, request, "approved")
        return
    rank = _reviewed(draft, request.workstream)
    _record(draft, request, "approved")
    if draft[rank].unchanged:
        endings.finish(draft, rank, Move.NOTHING_TO_MERGE, Outcome.NO_CHANGE)
        return
    draft.move(rank, Move.ACCEPTED)
    attempts.begin(draft, rank)


def _rejected(draft: Draft, request: Rejected) -> None:
    rank = _reviewed(draft, request.workstream)
    _record(draft, request, "rejected")
    note = request.note or "the reviewer asks for a revision"
    candidate = draft[rank].candidate
    if request.final:
        endings.fail(draft, rank, Reason.REQUIRES_HUMAN_REVIEW, f"rejected: {note}")
        return
    finding = Finding(code="rejected", text=note)
    trip = attempts.count_red(draft, rank, Step.REVIEW, (finding,), candidate.tree if candidate else "")
    if trip is not None:
        endings.fail(draft, rank, Reason.REQUIRES_HUMAN_REVIEW, attempts.sentence_of(trip, (finding,)))
        return
    draft.put(rank, note=note)
    attempts.send_to_fix(draft, rank, Move.REVISION_ASKED, Step.REVIEW)


def _reviewed(draft: Draft, workstream: str) -> int:
    rank = draft.rank_of(workstream)
    if draft[rank].state is not WorkstreamState.REVIEWING:
        raise EventRefused(f"{workstream} is {draft[rank].state.value}, not waiting for a review")
    return rank


def _record(draft: Draft, request: Approved | Rejected, decision: str) -> None:
    gate = request.gate if isinstance(request, Approved) else 0
    workstream = "" if gate else request.workstream
    draft.records.append(
        ApprovalRecorded(workstream=workstream, gate=gate, decision=decision, by=request.by, note=request.note)
    )
    rank = draft.rank_of(workstream) if workstream else None
    draft.note(decision, rank, gate=gate, by=request.by, note=request.note)


def _reset(draft: Draft, request: ResetAsked) -> None:
    rank = draft.rank_of(request.workstream)
    progress = draft[rank]
    if progress.state is WorkstreamState.BLOCKED:
        failed = ", ".join(map(draft.id_of, endings.failed_behind(draft, rank)))
        raise EventRefused(
            f"{request.workstream} is blocked and goes on by itself once what it depends on is done",
            hint=f"reset what failed: {failed}" if failed else None,
        )
    if progress.state is not WorkstreamState.FAILED:
        raise EventRefused(f"{request.workstream} is {progress.state.value}: only a failed workstream can be reset")
    if draft.get("ending") is not None or draft.state is RunState.ABANDONED:
        raise EventRefused("the run was ended for good")
    _refuse_while_taken_back(draft)
    if gone := rollback.taken_from_under(draft, rank):
        names = ", ".join(map(draft.id_of, gone))
        raise EventRefused(
            f"{request.workstream} builds upon {names}, which was taken back", hint="do it in a run of its own"
        )
    _begin_again(draft, rank)


def _refuse_while_taken_back(draft: Draft) -> None:
    if draft.get("taking_back") is not None:
        raise EventRefused("something of this run is being taken back: ask again when that has ended")


def _begin_again(draft: Draft, rank: int) -> None:
    endings.release(draft, rank)
    blank = Progress(round=draft[rank].round + 1)
    draft.move(rank, Move.RESET, **{name: getattr(blank, name) for name in Progress.__slots__ if name != "state"})
    endings.hold_successors_back(draft, rank)
    draft.set(gate=0)
    if draft.is_over:
        draft.move_run(RunMove.REOPENED, reason=None, sentence="")
