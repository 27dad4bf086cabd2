"""Pipelines that are kept in this process and nowhere beyond it: for tests and dry runs. It has no views."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock.adapters.store.failures import RowsContradict
from penstock.ports import OwnershipLost
from penstock.ports.library import UnknownPipeline

if TYPE_CHECKING:
    from penstock.domain.pipelines import (
        Artifact,
        Issue,
        KeptAnswer,
        PhaseAttempt,
        Pipeline,
        PipelineNote,
        Transition,
    )
    from penstock.ports.library import Headway


@dataclass(slots=True)
class _Kept:
    pipeline: Pipeline
    transitions: list[Transition] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    attempts: dict[str, PhaseAttempt] = field(default_factory=dict)
    issues: dict[str, Issue] = field(default_factory=dict)
    notes: list[PipelineNote] = field(default_factory=list)


class MemoryPipelines:
    """Pipelines in dictionaries."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._answers: dict[str, dict[tuple[str, int], KeptAnswer]] = {}

    async def create(self, progress: Headway) -> None:
        """Keep a pipeline before its first phase."""
        pipeline = progress.pipeline
        if pipeline.id in self._kept:
            raise RowsContradict(f"the pipeline {pipeline.id} is stored a second time")
        self._kept[pipeline.id] = _Kept(pipeline)
        self._keep(progress)

    async def claim(self, pipeline_id: str) -> Pipeline:
        """Raise the generation and answer it."""
        kept = self._find(pipeline_id)
        kept.pipeline = replace(kept.pipeline, generation=kept.pipeline.generation + 1)
        return kept.pipeline

    async def load(self, pipeline_id: str) -> Pipeline:
        """Answer it without claiming it."""
        return self._find(pipeline_id).pipeline

    async def want(self, pipeline_id: str, phase: str, note: PipelineNote) -> bool:
        """Ask that this phase be performed: true for one of all that ask."""
        kept = self._find(pipeline_id)
        pipeline = kept.pipeline
        if pipeline.wanted or pipeline.is_over or pipeline.phase != phase:
            return False
        kept.pipeline = replace(pipeline, wanted=phase, updated_at=note.at)
        kept.notes.append(note)
        return True

    async def commit(self, progress: Headway) -> None:
        """Take over all that follows from a step, or nothing."""
        self._owned(progress.pipeline)
        self._keep(progress)

    async def attempts(self, pipeline_id: str) -> tuple[PhaseAttempt, ...]:
        """Every attempt at its phases, oldest first."""
        kept = self._kept.get(pipeline_id)
        return () if kept is None else tuple(kept.attempts.values())

    async def keep_answer(self, pipeline: Pipeline, answer: KeptAnswer) -> None:
        """Keep what a model answered; kept again, it is replaced."""
        kept = self._owned(pipeline)
        if answer.attempt not in kept.attempts:
            raise RowsContradict(f"there is no attempt {answer.attempt} that could be answered")
        self._answers.setdefault(answer.attempt, {})[answer.voice, answer.number] = answer

    async def answers(self, attempt: str) -> tuple[KeptAnswer, ...]:
        """What was answered to an attempt, in its order."""
        return tuple(self._answers.get(attempt, {}).values())

    async def artifacts(self, pipeline_id: str) -> tuple[Artifact, ...]:
        """Every artifact, oldest first."""
        kept = self._kept.get(pipeline_id)
        return () if kept is None else tuple(kept.artifacts.values())

    async def add_artifact(self, artifact: Artifact, note: PipelineNote) -> None:
        """Add one that a person gives."""
        kept = self._find(artifact.pipeline)
        self._new(artifact)
        kept.pipeline = replace(kept.pipeline, updated_at=artifact.at)
        kept.artifacts[artifact.id] = artifact
        kept.notes.append(note)

    def notes(self, pipeline_id: str) -> tuple[PipelineNote, ...]:
        """What happened to it, oldest first: for whoever asks."""
        return tuple(self._find(pipeline_id).notes)

    def transitions(self, pipeline_id: str) -> tuple[Transition, ...]:
        """Its moves, oldest first."""
        return tuple(self._find(pipeline_id).transitions)

    def issues(self, pipeline_id: str) -> tuple[Issue, ...]:
        """What was found, oldest first."""
        return tuple(self._find(pipeline_id).issues.values())

    def _keep(self, progress: Headway) -> None:
        for artifact in progress.artifacts:
            self._new(artifact)
        kept = self._kept[progress.pipeline.id]
        stored = kept.pipeline
        same = {
            name: getattr(stored, name) for name in ("project", "project_path", "epic_id", "description", "context")
        }
        kept.pipeline = replace(progress.pipeline, **same, created_at=stored.created_at)
        kept.transitions += progress.transitions
        kept.artifacts |= {one.id: one for one in progress.artifacts}
        kept.issues |= {one.id: one for one in progress.issues}
        kept.notes += progress.notes
        if progress.attempt is not None:
            kept.attempts[progress.attempt.id] = progress.attempt

    def _new(self, artifact: Artifact) -> None:
        if any(artifact.id in kept.artifacts for kept in self._kept.values()):
            raise RowsContradict(f"the artifact {artifact.id} is stored a second time")

    def _owned(self, pipeline: Pipeline) -> _Kept:
        kept = self._kept.get(pipeline.id)
        if kept is None or kept.pipeline.generation != pipeline.generation:
            raise OwnershipLost(f"the pipeline {pipeline.id} was taken over while this one worked on it")
        return kept

    def _find(self, pipeline_id: str) -> _Kept:
        found = self._kept.get(pipeline_id)
        if found is None:
            raise UnknownPipeline(pipeline_id, list(self._kept)[::-1][:3])
        return found
