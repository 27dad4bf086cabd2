"""The last phase: the result becomes one commit on the pipeline's branch, of exactly the tree that has a verdict, and
the branch goes to the user's repository. Repeated after a kill it makes the same commit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from penstock.domain.changes import Stamp, Verdict
from penstock.domain.checks import carried_over
from penstock.domain.errors import WorldError
from penstock.domain.pipelines import MODEL, Issue, PhaseAttempt, Pipeline, passed
from penstock.engine import leaks
from penstock.epics import asking, documenting, matter, plans
from penstock.epics.desk import Desk
from penstock.epics.making import artifact_of, mended
from penstock.ports import Conflicted, Headway, Publication

MENDS = "mends"
"""The key of an epic's context that names the findings which it is begun to mend."""
MOST_OPEN = 100_000
"""So many open findings of all projects are looked through for them."""


class NotDelivered(WorldError):
    """The branch could not be given to the user's repository; nothing is lost, and it can be tried again."""


async def perform(desk: Desk) -> Pipeline:
    """Write the documents, ask for a message, make the commit, push the branch, and end."""
    sections = () if await desk.open_attempt() else await plans.what_is_delivered(desk)
    attempt = await asking.begun(desk, await matter.composed(desk, desk.prompt, more=sections))
    desk = await documenting.documented(desk)
    read, prompt = await asking.consolidated(desk, attempt)
    message = desk.redact(str(read.value.message)).strip() or desk.pipeline.description[:72]
    desk = await _committed(desk, attempt, message)
    await _published(desk, desk.head)
    return await _ended(desk, attempt, message, desk.head, prompt, read.strategy)


async def _committed(desk: Desk, attempt: PhaseAttempt, message: str) -> Desk:
    """One commit that closes the whole work, of the same tree as the last verdict, which therefore holds for it.

    Stored before it is pushed: where the push is refused, the next try finds the work closed.
    """
    pipeline, parts = desk.pipeline, desk.opened.parts
    verdict = await _last_verdict(desk)
    if verdict is None:  # nothing was merged, or it is closed already: the branch stands where it shall
        await parts.repository.create_branch(pipeline.branch, desk.head)
        return desk
    text = f"{message}\n\nEpic: {pipeline.epic_id}\nPenstock-Pipeline: {pipeline.id}\n"
    merged = await parts.repository.merge(verdict.commit, pipeline.base, Stamp(message=text, at=attempt.started_at))
    if isinstance(merged, Conflicted):
        raise NotDelivered(f"{verdict.commit[:12]} does not hold the base that it grew from")
    commit = merged.candidate
    last = carried_over(verdict, id=f"{verdict.id}-delivered", parent=verdict.commit, commit=commit)
    await parts.repository.advance(last)
    return await desk.commit(Headway(pipeline=replace(pipeline, head=commit.commit)))


async def _last_verdict(desk: Desk) -> Verdict | None:
    """That of the commit which the pipeline has come to."""
    attempts = await desk.parts.pipelines.attempts(desk.pipeline.id)
    named = (desk.pipeline.run, *(one.run for one in reversed(attempts)))
    for run in dict.fromkeys(one for one in named if one):
        for row in reversed(desk.parts.views.verdicts(run)):
            if row["commit"] == desk.pipeline.head:
                return Verdict(
                    id=row["id"],
                    branch=row["branch"],
                    parent=row["parent"],
                    commit=row["commit"],
                    tree=row["tree"],
                    members=tuple(row["members"]),
                    checks=tuple(row["checks"]),
                    known_failures=tuple(row["known_failures"]),
                    unchecked=row["unchecked"],
                    confined=row["confined"],
                )
    return None


async def _published(desk: Desk, head: str) -> Publication:
    pipeline, parts = desk.pipeline, desk.opened.parts
    found = await leaks.on_the_way(parts, pipeline.base, head)
    if found:
        raise NotDelivered(leaks.not_pushed(pipeline.branch, found))
    publication = await parts.repository.publish(pipeline.branch, head, pipeline.base)
    if not publication.pushed:
        raise NotDelivered(publication.sentence, hint="then advance again")
    return publication


async def _ended(desk: Desk, attempt: PhaseAttempt, message: str, head: str, prompt: str, strategy: str) -> Pipeline:
    now = desk.parts.clock.now()
    payload: dict[str, Any] = {"success": True, "message": message, "branch": desk.pipeline.branch, "commit": head}
    made = artifact_of(
        desk.pipeline,
        desk.configuration.artifact_type,
        payload,
        origin=MODEL,
        role=attempt.role,
        phase=attempt.phase,
        at=now,
        redact=desk.redact,
        prompt=prompt,
        attempt=attempt.id,
        strategy=strategy,
    )
    moved = passed(replace(desk.pipeline, head=head), desk.graph, now)
    told = "pipeline_completed" if moved.pipeline.is_over else "phase_passed"
    after = await desk.commit(
        Headway(
            pipeline=moved.pipeline,
            transitions=(moved.transition,),
            artifacts=(made,),
            attempt=replace(attempt, ended_at=now, outcome="passed"),
            issues=_closed(desk),
            notes=(*asking.stored(desk, made), desk.note(told, branch=desk.pipeline.branch, commit=head)),
        )
    )
    return after.pipeline


def _closed(desk: Desk) -> tuple[Issue, ...]:
    """The findings that the epic was begun to mend."""
    named = desk.pipeline.context.get(MENDS)
    if not isinstance(named, list | tuple):
        return ()
    wanted, now = {str(one) for one in named}, desk.parts.clock.now()
    rows = desk.parts.views.issues(is_open=True, limit=MOST_OPEN)
    return tuple(mended(row, now) for row in rows if row["id"] in wanted)
