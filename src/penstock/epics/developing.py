"""A phase that is a run: each round is a run of its own on the pipeline's branch; only what completed is shown on."""

from __future__ import annotations

from dataclasses import replace

from penstock.domain.pipelines import TREE, Issue, PhaseAttempt, Pipeline, failed, may_replan, passed, replanned
from penstock.domain.run import Run
from penstock.domain.states import TERMINAL_RUN, Reason, RunState
from penstock.epics import asking, matter, plans, runs
from penstock.epics.desk import Desk
from penstock.epics.making import artifact_of, issue_of
from penstock.planning.prompting import PromptParts
from penstock.ports import Headway

REPLAN = "replan"
"""The voice that makes a new plan for what a run did not complete."""
PLANNER, PLAN = "ba", "ba_spec"
NOTHING_ASKED = PromptParts(stable="", asked="")


async def perform(desk: Desk) -> Pipeline:
    """Bring the round's run to its end, then say what it came to."""
    attempt = await asking.begun(desk, NOTHING_ASKED, run=desk.pipeline.run_of_round)
    if not await runs.exists(desk, attempt.run):
        await runs.begin(desk, attempt.run, await plans.documents_of(desk))
    if desk.pipeline.run != attempt.run:
        desk = await _announced(desk, attempt)
    run = await desk.house.service.work(attempt.run, stays=desk.stays)
    match run.state:
        case RunState.COMPLETED:
            return await _completed(desk, attempt, run)
        case RunState.PARTIAL | RunState.FAILED:
            return await _not_completed(desk, attempt, run)
        case RunState.ABANDONED:
            return await _given_up(desk, attempt, run)
        case _:
            assert run.state not in TERMINAL_RUN  # noqa: S101 - the cases above are all of them
            raise runs.waiting(run)


async def _announced(desk: Desk, attempt: PhaseAttempt) -> Desk:
    pipeline = replace(desk.pipeline, run=attempt.run)
    note = desk.note("run_started", run_id=attempt.run, round=attempt.round)
    return await desk.commit(Headway(pipeline=pipeline, notes=(note,)))


async def _completed(desk: Desk, attempt: PhaseAttempt, run: Run) -> Pipeline:
    """What is in the tree is the artifact: nobody is asked what he made."""
    now, head = desk.parts.clock.now(), run.head or desk.head
    made = artifact_of(
        desk.pipeline,
        desk.configuration.artifact_type,
        await plans.change_set(desk, head),
        origin=TREE,
        role=attempt.role,
        phase=attempt.phase,
        at=now,
        redact=desk.redact,
        prompt=attempt.prompt,
        attempt=attempt.id,
        strategy="tree",
    )
    moved = passed(replace(desk.pipeline, run=run.id, head=head), desk.graph, now)
    after = await desk.commit(
        Headway(
            pipeline=moved.pipeline,
            transitions=(moved.transition,),
            artifacts=(made,),
            attempt=replace(attempt, ended_at=now, outcome="passed"),
            notes=(
                desk.note("run_ended", run_id=run.id, state=run.state.value),
                *asking.stored(desk, made),
                desk.note("phase_passed", phase=attempt.phase, next=moved.transition.target),
            ),
        )
    )
    return after.pipeline


async def _not_completed(desk: Desk, attempt: PhaseAttempt, run: Run) -> Pipeline:
    """Another plan for what is left, as often as that may be; else the pipeline ends as its run did."""
    desk = replace(desk, pipeline=replace(desk.pipeline, run=run.id, head=run.head or desk.pipeline.head))
    ends_all = run.reason in (Reason.BUDGET_EXHAUSTED, Reason.ENVIRONMENT, Reason.CANCELLED)
    if ends_all or not may_replan(desk.pipeline, desk.graph):
        return await _given_up(desk, attempt, run)
    prompt = await desk.parts.prompts.active(PLANNER)
    sections = await plans.what_is_left(desk, run)
    parts = await matter.composed(desk, prompt, more=sections, artifact_type=PLAN, sees=("epic", "arch_notes"))
    read = await asking.ask(desk, attempt, parts, voice=REPLAN, role=PLANNER, prompt=prompt.id, artifact_type=PLAN)
    made = replace(asking.made_of(desk, attempt, read, prompt=prompt.id, artifact_type=PLAN), role=PLANNER)
    now = desk.parts.clock.now()
    moved = replanned(desk.pipeline, now, f"run {run.id} is {run.state.value}: {run.sentence}")
    after = await desk.commit(
        Headway(
            pipeline=moved.pipeline,
            transitions=(moved.transition,),
            artifacts=(made,),
            attempt=replace(attempt, ended_at=now, outcome="replanned", sentence=run.sentence),
            issues=_debts(desk, read.value, run),
            notes=(
                desk.note("run_ended", run_id=run.id, state=run.state.value, sentence=run.sentence),
                *asking.stored(desk, made),
                desk.note("phase_replanned", phase=attempt.phase, round=moved.pipeline.round),
            ),
        )
    )
    return after.pipeline


def _debts(desk: Desk, plan: object, run: Run) -> tuple[Issue, ...]:
    """What the new plan gives up on purpose."""
    return tuple(
        issue_of(
            desk.pipeline,
            source=REPLAN,
            severity="medium",
            category="code",
            description=desk.redact(f"{debt.story_id}: {debt.reason}"),
            at=desk.parts.clock.now(),
            location=debt.story_id,
            is_debt=True,
            run=run.id,
        )
        for debt in getattr(plan, "debt", ())
    )


async def _given_up(desk: Desk, attempt: PhaseAttempt, run: Run) -> Pipeline:
    now = desk.parts.clock.now()
    said = f"run {run.id} is {run.state.value}{f': {run.sentence}' if run.sentence else ''}"
    pipeline = replace(desk.pipeline, run=run.id, head=run.head or desk.pipeline.head)
    moved = failed(pipeline, now, run.reason or Reason.ERROR, said)
    after = await desk.commit(
        Headway(
            pipeline=moved.pipeline,
            transitions=(moved.transition,),
            attempt=replace(attempt, ended_at=now, outcome="failed", sentence=said),
            notes=(
                desk.note("run_ended", run_id=run.id, state=run.state.value, sentence=run.sentence),
                desk.note("pipeline_failed", sentence=said),
            ),
        )
    )
    return after.pipeline
