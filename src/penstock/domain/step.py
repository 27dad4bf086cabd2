"""The door to the core: one run, one event and the time give a decision. Pure, total, and the only maker of new runs.

An event that does not fit raises EventRefused or IllegalMove and changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from penstock.domain import (
    admission,
    attempts,
    compensation,
    endings,
    integration,
    moves_asked,
    requests,
    rollback,
    spending,
)
from penstock.domain.changes import Finding
from penstock.domain.decision import Decision
from penstock.domain.draft import Draft
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    BranchMoved,
    BranchPublished,
    BudgetMarked,
    CancelAsked,
    Claimed,
    Compensated,
    Edited,
    EnvironmentBroke,
    Event,
    JudgementInterrupted,
    MergeRefused,
    MoveAsked,
    NothingLeft,
    NothingToMerge,
    OutOfScope,
    OverBudget,
    Passed,
    PauseAsked,
    Red,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RollbackAsked,
    RunStarted,
    StepDelayed,
    StepFinished,
    StepInterrupted,
    StepPutOff,
    TakeBackRefused,
    TakenBack,
    Unchanged,
    VerdictGiven,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.run import AttemptId, Outcome, Run, Step
from penstock.domain.states import Move, Reason, RunMove


def step(run: Run, event: Event, now: datetime) -> Decision:
    """What follows from an event."""
    draft = Draft(run, now)
    _apply(draft, event)
    _go_on(draft)
    return draft.decision()


def _apply(draft: Draft, event: Event) -> None:
    match event:
        case RunStarted():
            _started(draft, event)
        case StepFinished() | StepDelayed() | StepInterrupted() | StepPutOff() | EnvironmentBroke() | Compensated():
            _reported(draft, event)
        case VerdictGiven() | NothingToMerge() | MergeRefused() | NothingLeft() | JudgementInterrupted():
            integration.judged(draft, event)
        case BranchMoved():
            integration.branch_moved(draft, event)
        case BranchPublished():
            endings.published(draft, event)
        case TakenBack() | TakeBackRefused():
            rollback.answered(draft, event)
        case (
            PauseAsked()
            | ResumeAsked()
            | CancelAsked()
            | AbandonAsked()
            | Approved()
            | Rejected()
            | ResetAsked()
            | RollbackAsked()
            | Claimed()
        ):
            requests.answer(draft, event)
        case MoveAsked():
            if (meaning := moves_asked.meant(draft.run, event)) is not None:
                _apply(draft, meaning)
        case BudgetMarked():
            draft.note("budget_warning", level=event.level.value, mark=event.mark, sentence=event.sentence)
        case _:
            assert_never(event)


def _reported(
    draft: Draft, event: StepFinished | StepDelayed | StepInterrupted | StepPutOff | EnvironmentBroke | Compensated
) -> None:
    """What became of one workstream's command."""
    match event:
        case StepFinished():
            _step_finished(draft, event)
        case StepDelayed():
            attempts.delay(draft, event)
        case StepInterrupted():
            _step_interrupted(draft, event)
        case StepPutOff():
            _step_put_off(draft, event)
        case EnvironmentBroke():
            _environment_broke(draft, event)
        case Compensated():
            compensation.record(draft, event)
        case _:
            assert_never(event)


def _go_on(draft: Draft) -> None:
    integration.pump(draft)
    while (rank := admission.next_to_start(draft)) is not None:
        head = draft.get("head")
        draft.move(rank, Move.STARTED, base=head, start=head)
        draft.note("workstream_start", rank, base=head)
        attempts.begin(draft, rank)
    endings.settle(draft)


def _started(draft: Draft, event: RunStarted) -> None:
    draft.move_run(RunMove.STARTED, base=event.base, head=event.base)
    for rank in range(len(draft.plan)):
        if draft.is_free(rank):
            endings.make_ready(draft, rank)


def _step_finished(draft: Draft, event: StepFinished) -> None:
    rank = _attempted(draft, event.workstream, event.attempt)
    step_, outcome, confined = event.attempt.step, event.outcome, event.confined
    if isinstance(outcome, Passed | Red):
        attempts.note_runs(draft, rank, outcome.results)
    match outcome:
        case OutOfScope():
            integration.out_of_scope(
                draft, rank, outcome.violations, kept=outcome.candidate, patch=outcome.patch, confined=confined
            )
        case Edited():
            _edited(draft, rank, outcome, confined)
        case Unchanged():
            _unchanged(draft, rank, event, outcome)
        case Passed():
            _passed(draft, rank, event, outcome)
        case Red():
            result = {"findings": [finding.code for finding in outcome.findings]}
            attempts.end(draft, rank, "failed", candidate=draft[rank].candidate, result=result, confined=confined)
            _red(draft, rank, step_, outcome.findings, outcome.tree)
        case OverBudget():
            spending.over_budget(draft, rank, outcome, confined)
        case _:
            assert_never(outcome)


def _attempted(draft: Draft, workstream: str, attempt: AttemptId) -> int:
    rank = draft.rank_of(workstream)
    is_judged = attempt.step is Step.INTEGRATE
    if is_judged or rank in draft.held or draft[rank].attempt != attempt:
        raise EventRefused(f"attempt {attempt.key} of {workstream} is not the one under way")
    return rank


def _edited(draft: Draft, rank: int, outcome: Edited, confined: bool | None) -> None:
    weakened, candidate = outcome.weakened_tests, outcome.candidate
    result = {"paths": list(outcome.paths), "litter": list(outcome.litter), "weakened_tests": list(weakened)}
    attempts.end(draft, rank, "success", candidate=candidate, result=result, confined=confined)
    changes = {"candidate": candidate, "start": candidate.commit, "unchanged": False, "weakened_tests": weakened}
    draft.move(rank, Move.EDITED, **changes)
    attempts.begin(draft, rank)


def _unchanged(draft: Draft, rank: int, event: StepFinished, outcome: Unchanged) -> None:
    step_, candidate, progress = event.attempt.step, outcome.candidate, draft[rank]
    result, confined = {"unchanged": True}, event.confined
    if step_ is Step.FIX and any(finding.code == "merge_conflict" for finding in progress.findings):
        unsolved = Finding(code="merge_conflict", text="the fix changed nothing: the conflict is as it was")
        attempts.end(draft, rank, "failed", candidate=candidate, result=result, confined=confined)
        _red(draft, rank, step_, (unsolved,), candidate.tree)
        return
    attempts.end(draft, rank, "success", candidate=candidate, result=result, confined=confined)
    is_base = candidate.commit == progress.base
    weakened = () if is_base else progress.weakened_tests
    changes = {"candidate": candidate, "start": candidate.commit, "unchanged": is_base, "weakened_tests": weakened}
    draft.move(rank, Move.EDITED, **changes)
    attempts.begin(draft, rank)


def _passed(draft: Draft, rank: int, event: StepFinished, outcome: Passed) -> None:
    tally = {
        "checks": sum(result.counts_as_passed for result in outcome.results),
        "not_checked": list(outcome.not_checked),
        "known_failures": list(outcome.known_failures),
        "not_blocking": list(outcome.not_blocking),
    }
    attempts.end(draft, rank, "success", result=tally, confined=event.confined)
    progress = draft[rank]
    if event.attempt.step is Step.STATIC:
        draft.move(rank, Move.CHECKED)
        attempts.begin(draft, rank)
    elif progress.unchanged and not outcome.results:
        text = "the agent made no change, and no acceptance shows that none was needed"
        _red(draft, rank, Step.RUNTIME, (Finding(code="no_change", text=text),), "")
    elif draft.policy.review:
        draft.move(rank, Move.REVIEW_ASKED)
        attempts.begin(draft, rank)
    elif progress.unchanged:
        endings.finish(draft, rank, Move.NOTHING_TO_MERGE, Outcome.NO_CHANGE)
    else:
        draft.move(rank, Move.ACCEPTED)
        attempts.begin(draft, rank)


def _red(draft: Draft, rank: int, step_: Step, findings: tuple[Finding, ...], tree: str) -> None:
    if step_ in (Step.EDIT, Step.FIX):
        _edit_red(draft, rank, step_, findings)
        return
    candidate = draft[rank].candidate
    tree = tree or (candidate.tree if candidate is not None else "")
    trip = attempts.count_red(draft, rank, step_, findings, tree)
    if trip is not None:
        endings.fail(draft, rank, Reason.CHECKS_FAILED, attempts.sentence_of(trip, findings))
    else:
        attempts.send_to_fix(draft, rank, Move.CHECK_RED, step_)


def _edit_red(draft: Draft, rank: int, step_: Step, findings: tuple[Finding, ...]) -> None:
    before = draft[rank]
    trip = attempts.count_red(draft, rank, Step.EDIT, findings, "")
    if trip is not None:
        endings.fail(draft, rank, Reason.ERROR, attempts.sentence_of(trip, findings))
        return
    if step_ is Step.FIX:  # what the fix is for is still to be mended
        draft.put(rank, findings=tuple(dict.fromkeys((*before.findings, *findings))), note=before.note)
    draft.note("fix_attempt_error", rank, step=step_.value, findings=[finding.code for finding in findings])
    attempts.begin(draft, rank)


def _environment_broke(draft: Draft, event: EnvironmentBroke) -> None:
    if event.attempt is None:  # it was another command that could not be performed
        integration.break_environment(draft, event.sentence)
        if event.verdict is not None:
            integration.stay_where_it_is(draft, event.verdict)
        return
    rank = _attempted(draft, event.workstream, event.attempt)
    attempts.interrupt(draft, rank, lost=False, sentence=event.sentence)
    integration.break_environment(draft, event.sentence)
    attempts.begin(draft, rank)


def _step_interrupted(draft: Draft, event: StepInterrupted) -> None:
    rank = _attempted(draft, event.workstream, event.attempt)
    if attempts.interrupt(draft, rank, lost=not event.asked):
        attempts.begin(draft, rank)
    else:
        lost = draft.policy.max_lost
        endings.fail(draft, rank, Reason.ENVIRONMENT, f"{event.attempt.label} was lost {lost} times in a row")


def _step_put_off(draft: Draft, event: StepPutOff) -> None:
    rank = _attempted(draft, event.workstream, event.attempt)
    if attempts.put_off(draft, rank, event):
        attempts.begin(draft, rank, not_before=event.until)
    else:
        repeats = draft.policy.max_repeats
        sentence = f"{event.attempt.label} was put off {repeats} times; the last time because {event.sentence}"
        endings.fail(draft, rank, Reason.ENVIRONMENT, sentence)
