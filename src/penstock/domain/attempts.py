"""How attempts begin, end, go red and are lost. Works on a draft; `step` calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from penstock.domain.breaker import Trip, finding_signatures, tripped
from penstock.domain.changes import Candidate, Finding
from penstock.domain.checks import CheckResult
from penstock.domain.commands import StartStep
from penstock.domain.decision import AttemptBegan, AttemptEnded, ErrorSeen
from penstock.domain.draft import Draft
from penstock.domain.events import StepDelayed, StepPutOff
from penstock.domain.refusals import EventRefused
from penstock.domain.run import STEP_OF, AttemptId, Step
from penstock.domain.states import Move

REMARKS = ("checks", "not_checked", "known_failures", "not_blocking", "weakened_tests")
"""What of a step's result people are told at once: how much was asked, what was not, what is red and stops nothing, and
which tests say less than before.
"""


def begin(draft: Draft, rank: int, *, not_before: datetime | None = None) -> None:
    """Begin what the workstream's state asks for, or hold it while the run does not work."""
    name, step = draft.id_of(rank), STEP_OF[draft[rank].state]
    if step is Step.INTEGRATE:
        draft.queue = draft.queue.with_rank(rank)
        return
    if step is Step.REVIEW:
        draft.note("approval_requested", rank, weakened_tests=list(draft[rank].weakened_tests))
        return
    if not draft.is_working:
        draft.hold(rank)
        return
    draft.let_go(rank)
    attempt = this_attempt(draft, rank, step)
    progress = draft[rank]
    draft.records.append(AttemptBegan(workstream=name, attempt=attempt, at=draft.now, start=progress.start))
    draft.note("step_start", rank, step=step.value, attempt=attempt.key)
    draft.commands.append(
        StartStep(
            workstream=name,
            attempt=attempt,
            base=progress.base,
            start=progress.start,
            candidate=progress.candidate,
            agent_run=progress.agent_runs,
            at=draft.now,
            findings=progress.findings if step in (Step.EDIT, Step.FIX) else (),
            note=progress.note if step is Step.FIX else "",
            not_before=not_before,
        )
    )


def this_attempt(draft: Draft, rank: int, step: Step) -> AttemptId:
    """The attempt that is to be made again, or else one more of a step."""
    progress = draft[rank]
    if progress.attempt is not None:
        return progress.attempt
    counts = dict(progress.attempts)
    number = counts[step] = counts.get(step, 0) + 1
    runs = progress.agent_runs + (step in (Step.EDIT, Step.FIX))
    attempt = AttemptId(step=step, number=number, round=progress.round)
    draft.put(rank, attempt=attempt, attempts=tuple(sorted(counts.items())), agent_runs=runs)
    return attempt


def delay(draft: Draft, event: StepDelayed) -> None:
    """Keep what an attempt waits for before it begins; its end forgets that."""
    rank, attempt = draft.rank_of(event.workstream), event.attempt
    if rank in draft.held or draft[rank].attempt != attempt:
        raise EventRefused(f"attempt {attempt.key} of {event.workstream} is not the one under way")
    draft.put(rank, delay=event.sentence)
    draft.note("step_delayed", rank, step=attempt.step.value, attempt=attempt.key, sentence=event.sentence)


def end(
    draft: Draft,
    rank: int,
    status: str,
    *,
    candidate: Candidate | None = None,
    result: Mapping[str, Any] | None = None,
    confined: bool | None = None,
) -> None:
    """Record how the present attempt ended; the next one gets a number of its own."""
    attempt = draft[rank].attempt
    if attempt is None:
        return
    draft.records.append(
        AttemptEnded(
            workstream=draft.id_of(rank),
            attempt=attempt,
            at=draft.now,
            status=status,
            candidate=candidate,
            result=result or {},
            confined=confined,
        )
    )
    draft.put(rank, attempt=None, delay="", lost=0)
    remarks = {name: result[name] for name in REMARKS if result.get(name)} if result else {}
    draft.note("step_end", rank, step=attempt.step.value, attempt=attempt.key, status=status, **remarks)


def note_runs(draft: Draft, rank: int | None, results: Sequence[CheckResult]) -> None:
    """Record every command that was really run for a workstream's present attempt, or for a whole batch."""
    attempt = None if rank is None else draft[rank].attempt
    for result in results:
        if not result.remembered:
            wrong = {} if result.passed else {"error": result.error, "signatures": list(result.signatures)}
            draft.note(
                "tool_run",
                rank,
                attempt=attempt.key if attempt else "",
                kind=result.kind,
                command=result.command,
                exit_code=result.exit_code,
                duration=result.duration,
                passed=result.passed,
                confined=result.confined,
                **wrong,
            )


def interrupt(draft: Draft, rank: int, *, lost: bool, sentence: str = "") -> bool:
    """Record that the present attempt came to nothing and keep its number; False when that was once too often."""
    attempt = draft[rank].attempt
    if attempt is None:
        return True
    _repeat(draft, rank, attempt, {"lost": lost, "sentence": sentence})
    count = draft[rank].lost + lost
    draft.put(rank, lost=count)
    draft.note("step_interrupted", rank, attempt=attempt.key, lost=lost, sentence=sentence)
    return count < draft.policy.max_lost


def put_off(draft: Draft, rank: int, event: StepPutOff) -> bool:
    """Record that a usage limit ended the present attempt, and keep its number; False when that was once too often."""
    result = {"sentence": event.sentence, "until": event.until.isoformat()}
    _repeat(draft, rank, event.attempt, result, status="rate_limited")
    goes_on = event.attempt.retry < draft.policy.max_repeats
    draft.put(rank, delay=event.sentence if goes_on else "", lost=0)
    draft.note("step_rate_limited", rank, attempt=event.attempt.key, **result)
    return goes_on


def postpone(draft: Draft, rank: int) -> None:
    """The present attempt was made together with others and says nothing of this workstream alone."""
    attempt = draft[rank].attempt
    if attempt is not None:
        _repeat(draft, rank, attempt, {"undecided": True})
        draft.put(rank, lost=0)


def _repeat(
    draft: Draft, rank: int, attempt: AttemptId, result: Mapping[str, Any], *, status: str = "interrupted"
) -> None:
    draft.records.append(
        AttemptEnded(workstream=draft.id_of(rank), attempt=attempt, at=draft.now, status=status, result=result)
    )
    draft.put(rank, attempt=replace(attempt, retry=attempt.retry + 1), delay="")


def count_red(draft: Draft, rank: int, step: Step, findings: tuple[Finding, ...], tree: str) -> Trip | None:
    """Count a red attempt and its errors; the trip, if it is enough."""
    progress = draft[rank]
    limits = draft.policy.breaker.overridden(draft.plan.order[rank].breaker)
    state = progress.breaker.with_red(step, tree, finding_signatures(findings), limits.oscillation_window)
    trip = tripped(limits, state, step)
    if trip is None and step is not Step.EDIT:
        state = state.with_fix(step)
    draft.put(rank, breaker=state, findings=findings, note="")
    for finding in findings:
        for signature in finding_signatures((finding,)):
            draft.records.append(
                ErrorSeen(
                    workstream=draft.id_of(rank),
                    step=step,
                    code=finding.code,
                    signature=signature,
                    message=finding.text[:2000],
                )
            )
    if trip is not None:
        draft.note(
            "breaker_trip",
            rank,
            step=step.value,
            limit=trip.limit,
            value=trip.value,
            attempts=state.red_count(step),
            sentence=trip.sentence,
        )
    return trip


def sentence_of(trip: Trip, findings: tuple[Finding, ...]) -> str:
    """Why the breaker tripped, with the first line of what it was last about."""
    lines = findings[0].text.strip().splitlines() if findings else []
    return f"{trip.sentence}: {lines[0]}" if lines else trip.sentence


def send_to_fix(draft: Draft, rank: int, move: Move, step: Step) -> None:
    """Ask the agent to mend what was found."""
    draft.move(rank, move)
    draft.note("fix_attempt", rank, after=step.value, findings=[finding.code for finding in draft[rank].findings])
    begin(draft, rank)
