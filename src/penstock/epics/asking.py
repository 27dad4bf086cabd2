"""A phase whose artifact a role answers with: in one voice, or in several of which the role's mentor makes one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from penstock.domain.budget import Level
from penstock.domain.errors import UserError
from penstock.domain.phases import RolePrompt
from penstock.domain.pipelines import MODEL, Artifact, KeptAnswer, PhaseAttempt, Pipeline, PipelineNote, passed
from penstock.domain.usage import Caller
from penstock.epics import matter, plans, recordings
from penstock.epics.asked import BudgetSpent, NoUpstream, PhaseFailed
from penstock.epics.desk import Desk
from penstock.epics.making import artifact_of
from penstock.epics.readiness import PROTOCOLS
from penstock.planning.answers import AnswerUnfit, ReadAnswer
from penstock.planning.artifacts import canonical_type, model_of, validated
from penstock.planning.conversation import AskingStopped, Conversation, answer
from penstock.planning.prompting import PromptParts, warning_of_age
from penstock.ports import CallFailed, Headway, Stay, Stop, StopKind

Validate = Callable[[Mapping[str, Any]], tuple[Any, tuple[str, ...]]]
CALLS_OF_A_VOICE = 20
FIRST, MENTOR = "1", "mentor"


async def perform(desk: Desk) -> Pipeline:
    """Ask, store what is answered, and move on."""
    attempt = await begun(desk, await matter.composed(desk, desk.prompt))
    read, prompt = await consolidated(desk, attempt)
    made = made_of(desk, attempt, read, prompt=prompt)
    now = desk.parts.clock.now()
    moved = passed(desk.pipeline, desk.graph, now)
    after = await desk.commit(
        Headway(
            pipeline=moved.pipeline,
            transitions=(moved.transition,),
            artifacts=(made,),
            attempt=replace(attempt, ended_at=now, outcome="passed"),
            notes=(*stored(desk, made), desk.note("phase_passed", phase=attempt.phase, next=moved.transition.target)),
        )
    )
    return after.pipeline


async def begun(desk: Desk, parts: PromptParts, *, run: str = "") -> PhaseAttempt:
    """The attempt that was begun before a kill or a stop, with what was asked then; else a new one, stored before it
    asks.
    """
    open_one = await desk.open_attempt()
    if open_one is not None:
        going_on = replace(open_one, ended_at=None, outcome="", sentence="")
        if going_on != open_one:
            await desk.commit(Headway(pipeline=desk.pipeline, attempt=going_on, notes=(_started(desk, going_on),)))
        return going_on
    now, pipeline = desk.parts.clock.now(), desk.pipeline
    attempt = PhaseAttempt(
        id=f"pha_{secrets.token_hex(8)}",
        pipeline=pipeline.id,
        phase=pipeline.phase,
        role=desk.configuration.role,
        number=len(await desk.attempts()) + 1,
        round=pipeline.round,
        prompt=desk.prompt.id,
        model=desk.model_of(desk.configuration.role),
        stable=parts.stable,
        asked=desk.redact(parts.asked),
        run=run,
        started_at=now,
    )
    await desk.commit(Headway(pipeline=pipeline, attempt=attempt, notes=(_started(desk, attempt),)))
    return attempt


def _started(desk: Desk, attempt: PhaseAttempt) -> PipelineNote:
    warning = warning_of_age(desk.prompt, attempt.started_at) if attempt.stable else None
    told = {"phase": attempt.phase, "role": attempt.role, "number": attempt.number, "round": attempt.round}
    return desk.note("phase_started", **told, **({"warning": warning} if warning else {}))


async def consolidated(desk: Desk, attempt: PhaseAttempt) -> tuple[ReadAnswer, str]:
    """The one answer of the phase, and the id of the prompt that made it."""
    parts = PromptParts(stable=attempt.stable, asked=attempt.asked)
    voices = [str(number) for number in range(1, desk.options.proposals + 1)]
    answers = [await ask(desk, attempt, parts, voice=voice) for voice in voices]
    if len(answers) == 1:
        return answers[0], attempt.prompt
    mentor = await mentor_of(desk)
    proposals = [answer.value.model_dump(mode="json", exclude_defaults=True) for answer in answers]
    asked = await matter.of_mentor(desk, mentor, proposals)
    return await ask(desk, attempt, asked, voice=MENTOR, role=mentor.role, prompt=mentor.id), mentor.id


async def mentor_of(desk: Desk) -> RolePrompt:
    """Who makes one proposal of several."""
    role = desk.configuration.role
    return await desk.parts.prompts.active(f"{'developer' if role == 'dev' else role}_mentor")


async def ask(  # noqa: PLR0913 - what differs between voices
    desk: Desk,
    attempt: PhaseAttempt,
    parts: PromptParts,
    *,
    voice: str = FIRST,
    role: str = "",
    prompt: str = "",
    artifact_type: str = "",
) -> ReadAnswer:
    """What one voice answers: asked until it is valid, never twice for an answer that is kept."""
    kind = canonical_type(artifact_type or desk.configuration.artifact_type)
    role = role or attempt.role
    recording = recordings.of(desk)
    kept = [one for one in await desk.parts.pipelines.answers(attempt.id) if one.voice == voice]
    visit = desk.parts.models.admit(
        Caller(
            project=desk.pipeline.project,
            pipeline=desk.pipeline.id,
            role=role,
            phase=attempt.phase,
            attempt=_label(attempt, voice),
            prompt=prompt or attempt.prompt,
        ),
        desk.model_of(role),
        max_calls=CALLS_OF_A_VOICE,
        stay=Stay(protocols=PROTOCOLS, replay_of=recording, is_lenient=bool(recording), calls_before=len(kept)),
    )

    async def keep(one: KeptAnswer) -> None:
        await desk.parts.pipelines.keep_answer(desk.pipeline, replace(one, text=desk.redact(one.text)))

    order = Conversation(
        attempt=attempt.id,
        voice=voice,
        stable=parts.stable,
        asked=parts.asked,
        schema=model_of(kind).model_json_schema(),
        validate=await _validate(desk, kind),
        may_repair=kind != canonical_type("proposed_change_set"),
        max_tokens=desk.options.max_tokens,
        temperature=desk.options.temperature,
        reasks=desk.options.reasks,
    )
    try:
        return await answer(order, desk.parts.asker, visit, kept=kept, keep=keep, now=desk.parts.clock.now)
    except AskingStopped as stopped:
        raise _of_stop(desk, stopped.stop) from stopped
    except CallFailed as failed:
        said = f"{attempt.phase} came to nothing: {failed.sentence}"
        raise PhaseFailed(said, is_answer=False, retryable=True) from failed
    except AnswerUnfit as unfit:
        raise PhaseFailed(
            f"{attempt.phase} came to nothing: {unfit.sentence}",
            is_answer=unfit.is_invalid,
            errors=unfit.errors,
            hint=unfit.hint,
        ) from unfit
    finally:
        visit.close()


async def _validate(desk: Desk, kind: str) -> Validate:
    """How an answer is judged: against its model, and what the ba writes as the plan that it would be, too."""
    if kind != "ba_spec":
        return lambda payload: validated(kind, payload)
    checked = await plans.checker(desk)
    return lambda payload: checked(*validated(kind, payload))


def _label(attempt: PhaseAttempt, voice: str) -> str:
    """The place of a voice's calls: the same in every pipeline that goes the same way."""
    label = f"{voice}-{attempt.round}"
    return label if attempt.number == 1 else f"{label}.{attempt.number - 1}"


def _of_stop(desk: Desk, stop: Stop) -> NoUpstream | BudgetSpent | PhaseFailed:
    what = f"{desk.pipeline.phase} of pipeline {desk.pipeline.id} was stopped: {stop.sentence}"
    match stop.kind:
        case StopKind.BUDGET:
            level = stop.level or Level.PIPELINE
            given = f"budget set{f' --pipeline {desk.pipeline.id}' if level is Level.PIPELINE else ''} --usd N"
            said = f"`penstock {given}` (or --tokens N) gives the {level.value} more; then advance again"
            return BudgetSpent(what, hint=said)
        case StopKind.UNREACHABLE if desk.parts.models.is_replay:
            return NoUpstream(what, hint="record the epic again, or set a key and leave out PENSTOCK_UPSTREAM")
        case StopKind.UNREACHABLE:
            return NoUpstream(what, hint="see `penstock agents check`; then advance again")
        case _:
            return PhaseFailed(what, is_answer=False, retryable=True)


def made_of(
    desk: Desk, attempt: PhaseAttempt, read: ReadAnswer, *, prompt: str = "", artifact_type: str = ""
) -> Artifact:
    """The artifact that an answer is."""
    try:
        return artifact_of(
            desk.pipeline,
            artifact_type or desk.configuration.artifact_type,
            read.value.model_dump(mode="json"),
            origin=MODEL,
            role=attempt.role,
            phase=attempt.phase,
            at=desk.parts.clock.now(),
            redact=desk.redact,
            prompt=prompt or attempt.prompt,
            attempt=attempt.id,
            strategy=read.strategy,
        )
    except UserError as unfit:  # what a redacted secret has left may fit no more
        raise PhaseFailed(f"{attempt.phase} came to nothing: {unfit.sentence}", is_answer=True) from unfit


def stored(desk: Desk, *artifacts: Artifact) -> tuple[Any, ...]:
    """What is told of artifacts that are stored."""
    return tuple(
        desk.note("artifact_stored", artifact_id=one.id, type=one.type, origin=one.origin, strategy=one.strategy)
        for one in artifacts
    )
