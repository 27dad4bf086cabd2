"""The door to the core: one run, one event and the time give a decision. Pure, total, and the only maker of new runs.

An event that does not fit raises EventRefused or IllegalMove and changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from penstock.domain import admission, attempts, endings, queue
from penstock.domain.changes import Finding
from penstock.domain.commands import StopSteps
from penstock.domain.decision import ApprovalRecorded, Decision
from penstock.domain.draft import Draft
from penstock.domain.errors import IllegalMove
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    BranchMoved,
    BranchPublished,
    CancelAsked,
    Edited,
    EnvironmentBroke,
    Event,
    JudgementInterrupted,
    MergeOutOfScope,
    MergeRefused,
    NothingToMerge,
    OutOfScope,
    Passed,
    PauseAsked,
    Red,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RunStarted,
    StepFinished,
    StepInterrupted,
    Unchanged,
    VerdictGiven,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Ending, Outcome, Run, Step
from penstock.domain.states import Move, Reason, RunMove, RunState, WorkstreamState


def step(run: Run, event: Event, now: datetime) -> Decision:
    """What follows from an event."""
    draft = Draft(run, now)
    _apply(draft, event)
    _go_on(draft)
    return draft.decision()


def _apply(draft: Draft, event: Event) -> None:  # noqa: C901 - one case per event is the point
    match event:
        case StepFinished():
            _step_finished(draft, event)
        case StepInterrupted() | EnvironmentBroke():
            _step_interrupted(draft, event)
        case VerdictGiven() | NothingToMerge() | MergeRefused() | MergeOutOfScope() | JudgementInterrupted():
            queue.judged(draft, event)
        case BranchMoved():
            queue.branch_moved(draft, event)
        case BranchPublished():
            _published(draft, event)
        case RunStarted():
            _started(draft, event)
        case PauseAsked():
            _pause(draft, event)
        case ResumeAsked():
            _resume(draft)
        case CancelAsked():
            _end(draft, Ending.CANCELLED)
        case AbandonAsked():
            _end(draft, Ending.ABANDONED)
        case Approved():
            _approved(draft, event)
        case Rejected():
            _rejected(draft, event)
        case ResetAsked():
            _reset(draft, event)
        case _:
            assert_never(event)


def _go_on(draft: Draft) -> None:
    queue.pump(draft)
    while (rank := admission.next_to_start(draft)) is not None:
        head = draft.get("head")
        draft.move(rank, Move.STARTED, base=head, start=head)
        draft.note("workstream_start", rank, base=head)
        attempts.begin(draft, rank)
    endings.settle(draft)


# The run


def _started(draft: Draft, event: RunStarted) -> None:
    draft.move_run(RunMove.STARTED, base=event.base, head=event.base)
    for rank in range(len(draft.plan)):
        if draft.is_free(rank):
            endings.make_ready(draft, rank)


def _pause(draft: Draft, event: PauseAsked) -> None:
    if draft.state is RunState.PAUSED and not event.now:
        return
    if draft.state is not RunState.PAUSED:
        if draft.get("ending") is not None:
            raise EventRefused("the run is being ended and can't be paused")
        draft.move_run(RunMove.PAUSED, reason=None, sentence="")
    if event.now:
        draft.commands.append(StopSteps(number=draft.next_order()))


def _resume(draft: Draft) -> None:
    if draft.state is RunState.RUNNING:
        return
    if draft.state is RunState.PAUSED:
        draft.move_run(RunMove.RESUMED, reason=None, sentence="")
        for rank in draft.held:
            attempts.begin(draft, rank)
        return
    if draft.get("publication") and draft.state in (RunState.COMPLETED, RunState.PARTIAL, RunState.FAILED):
        endings.publish(draft)
        return
    if draft.state in (RunState.PARTIAL, RunState.FAILED):
        raise EventRefused(
            f"the run ended {draft.state.value} and nothing in it can go on",
            hint="reset a failed workstream first: penstock reset-workstream RUN WORKSTREAM",
        )
    raise IllegalMove(entity="run", source=draft.state, target=RunState.RUNNING)


def _end(draft: Draft, ending: Ending) -> None:
    if draft.is_over:
        if ending is not Ending.ABANDONED:
            raise EventRefused(f"the run is {draft.state.value}: there is nothing to cancel")
        draft.move_run(RunMove.ABANDONED, reason=Reason.CANCELLED, sentence=f"abandoned after it was {draft.state.value}")
        for rank in draft.in_state(WorkstreamState.FAILED):
            endings.release(draft, rank)
        return
    if draft.state is RunState.PENDING:
        draft.move_run(RunMove.ABANDONED, reason=Reason.CANCELLED, sentence="the run was ended before it began")
        return
    draft.set(ending=ending)
    draft.commands.append(StopSteps(number=draft.next_order()))


def _published(draft: Draft, event: BranchPublished) -> None:
    if not draft.get("publishing"):
        raise EventRefused("no push of the branch is under way")
    draft.set(publishing=False, offered=event.commit, publication="" if event.pushed else event.sentence)
    if event.pushed:
        draft.set(published=event.commit)
    draft.note("branch_published", pushed=event.pushed, commit=event.commit, sentence=event.sentence)


# Steps


def _step_finished(draft: Draft, event: StepFinished) -> None:
    rank = _attempted(draft, event)
    step_, outcome = event.attempt.step, event.outcome
    draft.let_go(rank)
    match outcome:
        case OutOfScope():
            queue.out_of_scope(draft, rank, outcome.violations)
        case Edited() | Unchanged():
            _edited(draft, rank, outcome)
        case Passed():
            attempts.end(draft, rank, "success", result=_tally(outcome))
            if step_ is Step.STATIC:
                draft.move(rank, Move.CHECKED)
                attempts.begin(draft, rank)
            else:
                _accepted_by_checks(draft, rank, outcome)
        case Red():
            result = {"findings": [finding.code for finding in outcome.findings]}
            attempts.end(draft, rank, "failed", candidate=draft[rank].candidate, result=result)
            _red(draft, rank, step_, outcome.findings, outcome.tree)
        case _:
            assert_never(outcome)


def _attempted(draft: Draft, event: StepFinished | StepInterrupted | EnvironmentBroke) -> int:
    rank = _rank_of(draft, event.workstream)
    if event.attempt is None or draft[rank].attempt != event.attempt:
        key = event.attempt.key if event.attempt else "?"
        raise EventRefused(f"attempt {key} of {event.workstream} is not the one under way")
    return rank


def _rank_of(draft: Draft, workstream: str) -> int:
    try:
        return draft.plan.rank_of(workstream)
    except KeyError:
        raise EventRefused(f"the run has no workstream {workstream!r}") from None


def _tally(outcome: Passed) -> dict[str, object]:
    return {
        "checks": len(outcome.results),
        "not_checked": list(outcome.not_checked),
        "known_failures": list(outcome.known_failures),
    }


def _edited(draft: Draft, rank: int, outcome: Edited | Unchanged) -> None:
    if isinstance(outcome, Edited):
        result: dict[str, object] = {"paths": list(outcome.paths), "litter": list(outcome.litter)}
        unchanged = False
    else:
        result = {"unchanged": True}
        unchanged = outcome.candidate.commit == draft[rank].base
    attempts.end(draft, rank, "success", candidate=outcome.candidate, result=result)
    draft.put(rank, candidate=outcome.candidate, start=outcome.candidate.commit, unchanged=unchanged)
    draft.move(rank, Move.EDITED)
    attempts.begin(draft, rank)


def _accepted_by_checks(draft: Draft, rank: int, outcome: Passed) -> None:
    progress = draft[rank]
    if progress.unchanged:
        if outcome.results:
            endings.finish(draft, rank, Move.NOTHING_TO_MERGE, Outcome.NO_CHANGE)
        else:
            nothing = Finding(code="no_change", text="the agent made no change, and no acceptance shows that none was needed")
            _red(draft, rank, Step.RUNTIME, (nothing,), progress.candidate.tree if progress.candidate else "")
    else:
        draft.move(rank, Move.REVIEW_ASKED if draft.policy.review else Move.ACCEPTED)
        attempts.begin(draft, rank)


def _red(draft: Draft, rank: int, step_: Step, findings: tuple[Finding, ...], tree: str) -> None:
    is_edit = step_ in (Step.EDIT, Step.FIX)
    candidate = draft[rank].candidate
    if not tree and candidate is not None and not is_edit:
        tree = candidate.tree
    counted = Step.EDIT if is_edit else step_
    trip = attempts.count_red(draft, rank, counted, findings, "" if is_edit else tree)
    if trip is not None:
        first = findings[0].text.splitlines()[0] if findings and findings[0].text else step_.value
        endings.fail(draft, rank, Reason.ERROR if is_edit else Reason.CHECKS_FAILED, f"{trip.sentence}: {first}")
    elif is_edit:
        draft.note("fix_attempt_error", rank, step=step_.value, findings=[finding.code for finding in findings])
        attempts.begin(draft, rank)
    else:
        attempts.send_to_fix(draft, rank, Move.CHECK_RED, step_)


def _step_interrupted(draft: Draft, event: StepInterrupted | EnvironmentBroke) -> None:
    if event.attempt is None:
        queue.break_environment(draft, event.sentence)
        return
    rank = _attempted(draft, event)
    if isinstance(event, EnvironmentBroke):
        attempts.interrupt(draft, rank, lost=False, sentence=event.sentence)
        queue.break_environment(draft, event.sentence)
        attempts.begin(draft, rank)
    elif attempts.interrupt(draft, rank, lost=not event.asked):
        attempts.begin(draft, rank)
    else:
        lost = draft.policy.max_lost
        endings.fail(draft, rank, Reason.ENVIRONMENT, f"{event.attempt.label} was lost {lost} times in a row")


# People


def _approved(draft: Draft, event: Approved) -> None:
    if event.gate:
        if event.gate not in [number for number, _ in draft.plan.gates]:
            raise EventRefused(f"the plan has no gate {event.gate}")
        draft.set(approved_gate=max(event.gate, draft.get("approved_gate")))
        _record(draft, event, "approved")
        return
    rank = _reviewed(draft, event.workstream)
    _record(draft, event, "approved")
    draft.move(rank, Move.NOTHING_TO_MERGE if draft[rank].unchanged else Move.ACCEPTED)
    attempts.begin(draft, rank)


def _rejected(draft: Draft, event: Rejected) -> None:
    rank = _reviewed(draft, event.workstream)
    _record(draft, event, "rejected")
    note = event.note or "the reviewer asks for a revision"
    candidate = draft[rank].candidate
    if event.final:
        endings.fail(draft, rank, Reason.REQUIRES_HUMAN_REVIEW, f"rejected: {note}")
        return
    finding = Finding(code="rejected", text=note)
    trip = attempts.count_red(draft, rank, Step.REVIEW, (finding,), candidate.tree if candidate else "")
    if trip is not None:
        endings.fail(draft, rank, Reason.REQUIRES_HUMAN_REVIEW, f"{trip.sentence}: {note}")
        return
    draft.put(rank, note=note)
    attempts.send_to_fix(draft, rank, Move.REVISION_ASKED, Step.REVIEW)


def _reviewed(draft: Draft, workstream: str) -> int:
    rank = _rank_of(draft, workstream)
    if draft[rank].state is not WorkstreamState.REVIEWING:
        raise EventRefused(f"{workstream} is {draft[rank].state.value}, not waiting for a review")
    return rank


def _record(draft: Draft, event: Approved | Rejected, decision: str) -> None:
    gate = event.gate if isinstance(event, Approved) else 0
    draft.records.append(
        ApprovalRecorded(workstream=event.workstream, gate=gate, decision=decision, by=event.by, note=event.note)
    )
    rank = draft.plan.rank_of(event.workstream) if event.workstream else None
    draft.note(decision, rank, gate=gate, by=event.by, note=event.note)


def _reset(draft: Draft, event: ResetAsked) -> None:
    rank = _rank_of(draft, event.workstream)
    progress = draft[rank]
    if progress.state is WorkstreamState.BLOCKED:
        raise EventRefused(f"{event.workstream} is blocked ({progress.sentence}): reset that one instead")
    if progress.state is not WorkstreamState.FAILED:
        raise EventRefused(f"{event.workstream} is {progress.state.value}: only a failed workstream can be reset")
    if draft.get("ending") is not None or draft.state is RunState.ABANDONED:
        raise EventRefused("the run was ended for good")
    endings.release(draft, rank)
    blank = type(progress)(round=progress.round + 1)
    kept = {"state", "reason", "sentence"}
    changes = {name: getattr(blank, name) for name in type(progress).__slots__ if name not in kept}
    draft.move(rank, Move.RESET, **{**changes, "reason": None, "sentence": ""})
    draft.set(gate=0)
    if draft.is_over:
        draft.move_run(RunMove.REOPENED, reason=None, sentence="")


