"""A phase in which a role judges what the run has really made: the diff, the verdicts, the results of tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from penstock.domain.pipelines import Artifact, Issue, PhaseAttempt, Pipeline, passed, returned
from penstock.epics import asking, matter, plans
from penstock.epics.desk import Desk
from penstock.epics.making import issue_of, mended
from penstock.ports import Headway

MOST_TOLD = 200


async def perform(desk: Desk) -> Pipeline:
    """Ask for a judgement, then go on or back."""
    sections = () if await desk.open_attempt() else await plans.what_was_made(desk)
    attempt = await asking.begun(desk, await matter.composed(desk, desk.prompt, more=sections))
    read, prompt = await asking.consolidated(desk, attempt)
    made = asking.made_of(desk, attempt, read, prompt=prompt)
    return await (_accepted if read.value.is_passed else _sent_back)(desk, attempt, made, read.value.issues)


async def _accepted(desk: Desk, attempt: PhaseAttempt, made: Artifact, issues: Sequence[Any]) -> Pipeline:
    now = desk.parts.clock.now()
    moved = passed(desk.pipeline, desk.graph, now)
    after = await desk.commit(
        Headway(
            pipeline=moved.pipeline,
            transitions=(moved.transition,),
            artifacts=(made,),
            attempt=replace(attempt, ended_at=now, outcome="passed"),
            issues=(*_mended(desk), *_kept(desk, issues)),
            notes=(
                *asking.stored(desk, made),
                desk.note("phase_passed", phase=attempt.phase, next=moved.transition.target),
            ),
        )
    )
    return after.pipeline


async def _sent_back(desk: Desk, attempt: PhaseAttempt, made: Artifact, issues: Sequence[Any]) -> Pipeline:
    now = desk.parts.clock.now()
    told = desk.redact("; ".join(one.description for one in issues if one.fix_required) or "it was not passed")
    moved = returned(desk.pipeline, desk.graph, now, told[:MOST_TOLD])
    after = await desk.commit(
        Headway(
            pipeline=moved.pipeline,
            transitions=(moved.transition,),
            artifacts=(made,),
            attempt=replace(attempt, ended_at=now, outcome="returned", sentence=told[:MOST_TOLD]),
            issues=_kept(desk, issues),
            notes=(
                *asking.stored(desk, made),
                desk.note("phase_returned", phase=attempt.phase, to=moved.transition.target, why=told[:MOST_TOLD]),
                *((desk.note("pipeline_failed", sentence=moved.pipeline.sentence),) if moved.pipeline.is_over else ()),
            ),
        )
    )
    return after.pipeline


def _mended(desk: Desk) -> tuple[Issue, ...]:
    """What earlier rounds had to mend, and is passed now."""
    now = desk.parts.clock.now()
    rows = desk.parts.views.issues(pipeline=desk.pipeline.id, is_open=True)
    return tuple(mended(row, now) for row in rows if row["fix_required"])


def _kept(desk: Desk, issues: Sequence[Any]) -> tuple[Issue, ...]:
    now = desk.parts.clock.now()
    return tuple(
        issue_of(
            desk.pipeline,
            source=desk.configuration.role,
            severity=one.severity,
            category=one.category,
            description=desk.redact(one.description),
            location=desk.redact(one.location),
            fix_required=one.fix_required,
            at=now,
        )
        for one in issues
    )
