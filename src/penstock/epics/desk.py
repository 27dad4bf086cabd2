"""What performing a phase needs: an owned pipeline, its project as it stood, and the ports. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.alerts import announce, with_alert
from penstock.config.roles import RolesSettings
from penstock.domain.phases import PhaseConfiguration, PhaseGraph, PhaseOptions, RolePrompt
from penstock.domain.pipelines import STOPPED, Artifact, PhaseAttempt, Pipeline, PipelineNote
from penstock.parts import Parts
from penstock.planning.artifacts import canonical_type
from penstock.ports import Headway
from penstock.projects import Opened, Project, Projects
from penstock.service import Service
from penstock.submitting import Submitting

Tell = Callable[[PipelineNote], None]
"""Hears what happens, as it happens: for who waits and watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The use cases and ports that all pipelines share."""

    parts: Parts
    projects: Projects
    submitting: Submitting
    service: Service

    async def graph(self) -> PhaseGraph:
        """The phases as they are configured now, or PhasesUnsound."""
        roles = [one.role for one in await self.parts.prompts.versions() if one.is_active]
        return PhaseGraph.of(await self.parts.prompts.phases(), roles)

    @asynccontextmanager
    async def desk(self, pipeline: Pipeline, *, stays: bool, tell: Tell) -> AsyncIterator[Desk]:
        """Everything for performing the present phase of a pipeline that is owned."""
        graph = await self.graph()
        project = Project(id=pipeline.project, path=Path(pipeline.project_path))
        async with self.projects.standing(project, pipeline.base) as opened:
            configuration = graph.configuration(pipeline.phase)
            yield Desk(
                house=self,
                pipeline=pipeline,
                graph=graph,
                configuration=configuration,
                prompt=await self.parts.prompts.active(configuration.role),
                opened=opened,
                artifacts=await self.parts.pipelines.artifacts(pipeline.id),
                stays=stays,
                tell=tell,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One pipeline in its present phase."""

    house: House
    pipeline: Pipeline
    graph: PhaseGraph
    configuration: PhaseConfiguration
    prompt: RolePrompt
    """The active version of the role's."""
    opened: Opened
    artifacts: Sequence[Artifact]
    stays: bool
    """While a run of the phase is paused, or waits for people or the end of a usage limit."""
    tell: Tell

    @property
    def parts(self) -> Parts:
        """The ports of the process."""
        return self.house.parts

    @property
    def options(self) -> PhaseOptions:
        """What the phase's configuration says."""
        return self.graph.options(self.pipeline.phase)

    @property
    def head(self) -> str:
        """The commit that the pipeline has come to: where its next run begins."""
        return self.pipeline.head or self.pipeline.base

    def newest(self, artifact_type: str) -> Artifact | None:
        """The artifact of a type that counts."""
        wanted = canonical_type(artifact_type)
        return next((one for one in reversed(self.artifacts) if one.type == wanted), None)

    def payload(self, artifact_type: str) -> Mapping[str, Any]:
        """Its payload; empty where there is none."""
        found = self.newest(artifact_type)
        return found.payload if found else {}

    def model_of(self, role: str) -> str:
        """The model of a role, by the name that the user's configuration gives it."""
        roles = self.opened.settings.node(RolesSettings).roles()
        return self.options.model or roles.model_of_role(role)

    def redact(self, text: str) -> str:
        """The text without secrets."""
        return self.opened.parts.redactor.redact(text)

    async def commit(self, progress: Headway) -> Desk:
        """Store what follows from a step, and tell it; the desk as it is then."""
        if progress.transitions:
            progress = await with_alert(self.parts, progress)
        await self.parts.pipelines.commit(progress)
        for note in progress.notes:
            self.tell(note)
        await announce(self.parts, progress)
        return replace(self, pipeline=progress.pipeline, artifacts=(*self.artifacts, *progress.artifacts))

    async def open_attempt(self) -> PhaseAttempt | None:
        """The attempt at the present phase and round that is not over: it was killed, or stopped and would ask the
        same again. One that was killed before a person replaced what it asked about is ended here.
        """
        last = next(reversed(await self.attempts()), None)
        if last is None or last.outcome not in ("", STOPPED):
            return None
        if last.ended_at is None:
            replaced = await self._replaced_since(last)
            if not replaced:
                return last
            said = f"{' and '.join(replaced)} was replaced after it had asked: it is asked anew"
            over = replace(last, ended_at=self.parts.clock.now(), outcome="failed", sentence=said)
            note = self.note("phase_failed", phase=last.phase, sentence=said)
            await self.commit(Headway(pipeline=self.pipeline, attempt=over, notes=(note,)))
            return None
        return last if await self._asks_as(last) else None

    async def _asks_as(self, attempt: PhaseAttempt) -> bool:
        """Whether the prompt, the phase and the artifacts are still what they were when an attempt began."""
        if self.prompt.id != attempt.prompt or self.configuration.updated_at > attempt.started_at:
            return False
        return not await self._replaced_since(attempt)

    async def _replaced_since(self, attempt: PhaseAttempt) -> list[str]:
        """The types of the artifacts that were stored after an attempt began and that its phase sees: by the order of
        what is told, for a clock may jump.
        """
        views, after, has_begun, found = self.parts.views, 0, False, dict[str, None]()
        place = (attempt.phase, attempt.round, attempt.number)
        while rows := await asyncio.to_thread(views.pipeline_notes, attempt.pipeline, after=after):
            for row in rows:
                told = row["payload"]
                if row["type"] == "phase_started":
                    has_begun = has_begun or (told["phase"], told["round"], told["number"]) == place
                elif row["type"] == "artifact_stored" and has_begun and self._sees(told["type"]):
                    found[told["type"]] = None
            after = rows[-1]["id"]
        return list(found)

    def _sees(self, artifact_type: str) -> bool:
        """Whether the phase is shown artifacts of a type, or what it shows of the code depends on them."""
        sees = self.options.sees
        return sees is None or self.options.shows_code or artifact_type in map(canonical_type, sees)

    async def attempts(self) -> list[PhaseAttempt]:
        """The attempts at the present phase in the present round."""
        here = (self.pipeline.phase, self.pipeline.round)
        return [one for one in await self.parts.pipelines.attempts(self.pipeline.id) if (one.phase, one.round) == here]

    def note(self, type_: str, **payload: Any) -> PipelineNote:
        """Something that happens now."""
        return PipelineNote(type=type_, payload=payload, at=self.parts.clock.now())
