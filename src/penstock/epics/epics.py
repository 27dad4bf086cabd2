"""What can be asked about epics. A phase is performed in the background, whoever waits for it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from penstock.config.pipeline import PipelineSettings
from penstock.domain.errors import PenstockError
from penstock.domain.events import CancelAsked
from penstock.domain.pipelines import HUMAN, Artifact, Pipeline, PipelineNote, begun
from penstock.domain.refusals import EventRefused
from penstock.domain.states import PipelineStatus, Reason
from penstock.epics import deciding, readiness, wishes
from penstock.epics.asked import Advanced, AdvanceRefused, ApprovalNeeded, EpicWish, PipelineIsBusy
from penstock.epics.background import Background
from penstock.epics.desk import House, Tell
from penstock.epics.making import artifact_of, redacted_json
from penstock.planning.artifacts import canonical_type
from penstock.ports import Headway, Holder
from penstock.ports.journal import MOST_UNFINISHED
from penstock.roleprompts import RolePrompts

LOG = logging.getLogger("penstock.epics")


def _nobody(_note: PipelineNote) -> None:
    """For whom nothing is told as it happens."""


class Epics:
    """Pipelines, made and brought on."""

    def __init__(self, house: House, prompts: RolePrompts) -> None:
        self._house = house
        self._parts = house.parts
        self._prompts = prompts
        self._background = Background(house)

    # making

    async def create(self, wish: EpicWish) -> tuple[str, tuple[str, ...]]:
        """Store a pipeline for the present project; its id, and what is worth saying."""
        description, epic_id, warnings = wishes.named(wish)
        await self._prompts.ensure_seeded()
        graph = await self._house.graph()
        project = self._house.projects.current()
        pipeline_id = f"pip_{secrets.token_hex(8)}"
        async with self._house.projects.opened(project) as opened:
            settings, now = opened.settings, self._parts.clock.now()
            redact = opened.parts.redactor.redact
            budget = wishes.token_budget(wish.context, settings.node(PipelineSettings).token_budget)
            made = Pipeline(
                id=pipeline_id,
                project=project.id,
                project_path=str(project.path),
                epic_id=redact(epic_id),
                description=redact(description),
                context=redacted_json(dict(wish.context), redact),
                phase=graph.first,
                branch=f"penstock/{pipeline_id}",
                base=opened.base,
                token_budget=budget,
                created_at=now,
                updated_at=now,
            )
            warnings = (*warnings, *opened.warnings)
        first = begun(made, now)
        note = PipelineNote(type="pipeline_created", payload={"epic_id": made.epic_id}, at=now)
        await self._parts.pipelines.create(
            Headway(pipeline=first.pipeline, transitions=(first.transition,), notes=(note,))
        )
        return pipeline_id, warnings

    async def put_artifact(
        self, pipeline_id: str, *, artifact_type: str, payload: Mapping[str, Any], role: str = "", phase: str = ""
    ) -> str:
        """Replace an artifact by a person's own: validated, marked `human`, used by the later phases. Its id."""
        pipeline = await self._parts.pipelines.load(pipeline_id)
        if pipeline.is_over:
            raise AdvanceRefused(f"pipeline {pipeline_id} is {pipeline.state}: no later phase could use an artifact")
        await self._must_not_be_made(pipeline, artifact_type)
        made: Artifact = artifact_of(
            pipeline,
            artifact_type,
            payload,
            origin=HUMAN,
            role=role or HUMAN,
            phase=phase or pipeline.phase,
            at=self._parts.clock.now(),
            redact=self._parts.redactor.redact,
        )
        note = PipelineNote(
            type="artifact_stored", payload={"artifact_id": made.id, "type": made.type, "origin": HUMAN}, at=made.at
        )
        await self._parts.pipelines.add_artifact(made, note)
        return made.id

    async def _must_not_be_made(self, pipeline: Pipeline, artifact_type: str) -> None:
        """Refuse an artifact that the phase which is being performed would replace by its own."""
        if not pipeline.wanted or self._parts.locks.holder(pipeline.id) is None:
            return
        made = (await self._house.graph()).configuration(pipeline.phase).artifact_type
        if canonical_type(artifact_type) == canonical_type(made):
            raise PipelineIsBusy(
                f"{pipeline.phase} of pipeline {pipeline.id} is being performed, and what it makes would replace this",
                hint="store it once the phase is over",
            )

    # bringing on

    async def advance(
        self, pipeline_id: str, *, waits: bool = True, stays: bool = True, tell: Tell = _nobody
    ) -> Advanced:
        """Perform the present phase and move on. Cancelling who waits cancels nothing: the phase is performed to its
        end all the same. With `waits` false it only begins; with `stays` false it ends where its run stands still.

        UnknownPipeline, AdvanceRefused (PipelineIsBusy, ApprovalNeeded), NoUpstream, BudgetSpent, PhaseFailed,
        RunWaits.
        """
        pipeline = await self._parts.pipelines.load(pipeline_id)
        if not pipeline.wanted and self._background.holds(pipeline_id):
            await self._background.settled(pipeline_id)  # its phase is over, and only its end is being told
            pipeline = await self._parts.pipelines.load(pipeline_id)
        await self._end_what_was_rejected(pipeline)
        _must_go_on(pipeline)
        if not self._is_left_over(pipeline):
            await self._want(pipeline)
        task, before = self._background.begin(pipeline_id, stays=stays, tell=tell), pipeline.phase
        if not waits:
            return _advanced(pipeline, before, is_over=False)
        return _advanced(await asyncio.shield(task), before)

    async def _want(self, pipeline: Pipeline) -> None:
        await self._prompts.ensure_seeded()
        graph = await self._house.graph()
        sentence = await readiness.approval_needed(self._house, pipeline, graph)
        if sentence:
            await deciding.ask_for_approval(self._parts, pipeline.id, sentence)
            raise _waits(pipeline.id, sentence)
        await readiness.must_have_models(self._house, pipeline, graph)
        if not await deciding.want(self._parts, pipeline.id, pipeline.phase):
            _must_go_on(await self._parts.pipelines.load(pipeline.id))
            raise _busy(pipeline)

    def _is_left_over(self, pipeline: Pipeline) -> bool:
        """Whether the phase was asked for before and whoever performed it is gone; an error if it is under way."""
        if not pipeline.wanted:
            return False
        if self._background.holds(pipeline.id) or self._parts.locks.holder(pipeline.id) is not None:
            raise _busy(pipeline)
        return True

    async def take_up(self) -> list[str]:
        """Go on with every pipeline of which somebody has asked something and which nobody works on: after a restart.

        Their ids; they are performed in the background. What a rejection has left unfinished is ended. Those whose
        repository is in another home are left to whoever has it.
        """
        await self._end_all_that_was_rejected()
        found = [
            pipeline_id
            for pipeline_id in await asyncio.to_thread(self._parts.views.unfinished_pipelines)
            if not self._background.holds(pipeline_id)
            and self._house.projects.is_kept_here((await self._parts.pipelines.load(pipeline_id)).project)
            and self._parts.locks.holder(pipeline_id) is None
        ]
        for pipeline_id in found:
            self._background.begin(pipeline_id, stays=True, tell=_nobody)
        return found

    async def close(self) -> None:
        """Let go of what is under way: it is taken up by whoever comes next."""
        await self._background.close()

    # deciding

    async def approve(self, pipeline_id: str, *, by: str = "", note: str = "") -> Advanced:
        """Approve that the present phase be performed."""
        return _advanced(*await deciding.approve(self._parts, pipeline_id, by=by, note=note))

    async def reject(self, pipeline_id: str, *, by: str = "", note: str = "") -> Advanced:
        """End the pipeline, for it waits for an approval that it does not get, and a run of it that is not over."""
        await self._end_what_was_rejected(await self._parts.pipelines.load(pipeline_id))
        rejected = await deciding.reject(self._parts, pipeline_id, by=by, note=note)
        await self._end_what_was_rejected(rejected[0])
        return _advanced(*rejected)

    async def _end_what_was_rejected(self, pipeline: Pipeline) -> None:
        """Cancel what has not ended of a pipeline that was rejected: who rejected it may have been killed meanwhile."""
        if pipeline.status is not PipelineStatus.FAILED or pipeline.reason is not Reason.CANCELLED:
            return
        for row in await asyncio.to_thread(self._parts.views.runs, pipeline=pipeline.id, is_unfinished=True):
            with suppress(EventRefused):  # it has ended by now; else nobody would end it
                await self._house.service.ask(str(row["run_id"]), CancelAsked())

    async def _end_all_that_was_rejected(self) -> None:
        rows = await asyncio.to_thread(self._parts.views.runs, is_unfinished=True, limit=MOST_UNFINISHED)
        for pipeline_id in dict.fromkeys(str(row["pipeline_id"]) for row in rows if row["pipeline_id"]):
            try:
                await self._end_what_was_rejected(await self._parts.pipelines.load(pipeline_id))
            except PenstockError as error:  # its project is not to be had now: the next start ends it
                LOG.warning("not_ended pipeline=%s: %s", pipeline_id, error.sentence)

    def holder(self, pipeline_id: str) -> Holder | None:
        """Who performs its phase now."""
        return self._parts.locks.holder(pipeline_id)

    def view(self, pipeline_id: str) -> dict[str, Any]:
        """A pipeline as `LibraryViews.pipeline` tells it."""
        return self._parts.views.pipeline(pipeline_id)


def _must_go_on(pipeline: Pipeline) -> None:
    if pipeline.status is PipelineStatus.WAITING:
        raise _waits(pipeline.id, pipeline.sentence)
    if pipeline.is_over:
        raise AdvanceRefused(
            f"pipeline {pipeline.id} has ended: it is {pipeline.state}",
            hint="begin another one for what is left" if pipeline.status is PipelineStatus.FAILED else None,
        )


def _busy(pipeline: Pipeline) -> PipelineIsBusy:
    return PipelineIsBusy(f"{pipeline.phase} of pipeline {pipeline.id} is being performed already")


def _waits(pipeline_id: str, sentence: str) -> ApprovalNeeded:
    return ApprovalNeeded(
        f"pipeline {pipeline_id} waits for an approval: {sentence}",
        hint=f"`penstock epic approve {pipeline_id}` lets it go on, `penstock epic reject` ends it",
    )


def _advanced(pipeline: Pipeline, before: str, *, is_over: bool = True) -> Advanced:
    return Advanced(
        pipeline_id=pipeline.id,
        previous_phase=before,
        current_phase="" if pipeline.is_over else pipeline.phase,
        state=pipeline.state,
        status=pipeline.status.value,
        sentence=pipeline.sentence,
        is_over=is_over,
    )
