"""From what was found to pipelines of ours: checked, named so that a second time finds them there, and stored."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.config.pipeline import PipelineSettings
from penstock.domain.errors import UserError
from penstock.domain.pipelines import HUMAN, IDLE, Artifact, Pipeline, PipelineNote, Transition
from penstock.domain.states import PipelineStatus
from penstock.epics.making import artifact_of
from penstock.older.found import FoundArtifact, FoundPipeline, Reading
from penstock.parts import Parts
from penstock.planning.artifacts import canonical_type
from penstock.planning.older_shapes import of_older_shape
from penstock.ports.library import Headway, UnknownPipeline
from penstock.projects import Opened, Projects

LONGEST_NAME, LONGEST_WISH = 128, 50_000
_PHASES = {"epic": "pm_phase", "arch_notes": "arch_phase", "ba_spec": "ba_phase"}
_LATER = {"proposed_change_set": "dev_phase", "qa_result": "qa_phase", "commit_result": "commit_phase"}
_ROLES = {"pm_phase": "pm", "arch_phase": "architect", "ba_phase": "ba"}
_GOES_ON = ("pm_phase", "arch_phase", "ba_phase")
"""Where an old pipeline can go on: the dev phase needs a plan of workstreams, which only our ba phase makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One pipeline as it would be stored, or is."""

    progress: Headway
    is_there: bool = False
    """It was stored an earlier time: nothing is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a transfer would store, and all that it could not take."""

    kept: tuple[Kept, ...]
    unread: tuple[str, ...]


class Keeping:
    """Takes over what older systems left, into the project that the user stands in."""

    def __init__(self, parts: Parts, projects: Projects) -> None:
        self._parts = parts
        self._projects = projects

    async def prepare(self, reading: Reading) -> Transfer:
        """Everything checked and nothing stored."""
        unread = list(reading.unread)
        kept: dict[str, Kept] = {}
        async with self._projects.opened(self._projects.current()) as opened:
            for found in reading.pipelines:
                name = _name_of(found, opened.project.id)
                if name in kept:
                    unread.append(f"{found.source}: another pipeline is called the same")
                else:
                    progress = self._progress(found, name, opened, unread)
                    if progress.artifacts or found.id or not found.artifacts:  # a file can be mended and taken later
                        kept[name] = Kept(progress=progress, is_there=await self._has(name))
        return Transfer(kept=tuple(kept.values()), unread=tuple(unread))

    async def store(self, transfer: Transfer) -> int:
        """Store what is not there; how many pipelines that was."""
        new = [one for one in transfer.kept if not one.is_there]
        for one in new:
            await self._parts.pipelines.create(one.progress)
        return len(new)

    async def _has(self, pipeline_id: str) -> bool:
        try:
            await self._parts.pipelines.load(pipeline_id)
        except UnknownPipeline:
            return False
        return True

    def _progress(self, found: FoundPipeline, name: str, opened: Opened, unread: list[str]) -> Headway:
        pipeline = self._pipeline(found, name, opened)
        artifacts = tuple(self._artifacts(pipeline, found.artifacts, opened, unread))
        pipeline = replace(pipeline, phase=_phase(found.state, {one.type for one in artifacts}))
        moved = Transition(source=IDLE, target=pipeline.state, at=pipeline.created_at, reason="taken over")
        note = PipelineNote(
            type="pipeline_created",
            payload={"epic_id": pipeline.epic_id, "taken_over_from": found.source[:200]},
            at=pipeline.created_at,
        )
        return Headway(pipeline=pipeline, transitions=(moved,), artifacts=artifacts, notes=(note,))

    def _pipeline(self, found: FoundPipeline, name: str, opened: Opened) -> Pipeline:
        now, redact = self._parts.clock.now(), opened.parts.redactor.redact
        began = found.created_at or now
        status = _STATUS.get(found.state, PipelineStatus.ACTIVE)
        ended = (found.completed_at or began) if status is not PipelineStatus.ACTIVE else None
        return Pipeline(
            id=name,
            project=opened.project.id,
            project_path=str(opened.project.path),
            epic_id=redact(found.epic_id)[:LONGEST_NAME],
            description=redact(found.description or found.epic_id)[:LONGEST_WISH],
            phase=_phase(found.state, ()),
            status=status,
            sentence="taken over from an older system",
            branch=f"penstock/{name}",
            base=opened.base,
            token_budget=opened.settings.node(PipelineSettings).token_budget,
            created_at=began,
            updated_at=ended or now,
            completed_at=ended,
        )

    def _artifacts(
        self, pipeline: Pipeline, found: Sequence[FoundArtifact], opened: Opened, unread: list[str]
    ) -> Iterable[Artifact]:
        for one in found:
            try:
                kind = canonical_type(one.type)
                phase = _PHASES.get(kind) or _LATER[kind]
                yield artifact_of(
                    pipeline,
                    kind,
                    _of_today(kind, one.payload, pipeline.epic_id),
                    origin=HUMAN,
                    role=one.role[:64] or _ROLES.get(phase, HUMAN),
                    phase=phase,
                    at=one.at or pipeline.created_at,
                    redact=opened.parts.redactor.redact,
                )
            except UserError as refused:
                unread.append(f"{one.source}: {refused.sentence}")


def _of_today(kind: str, payload: Mapping[str, Any], epic_id: str) -> Mapping[str, Any]:
    """In today's shape, and with the epic's name where its own place for that is empty."""
    found = of_older_shape(kind, payload)
    return {**found, "epic_id": found.get("epic_id") or epic_id} if kind in _PHASES else found


_STATUS = {"complete": PipelineStatus.COMPLETE, "failed": PipelineStatus.FAILED}


def _name_of(found: FoundPipeline, project: str) -> str:
    """Its own id where it is one of ours in form, else one that is made of where it comes from: always the same."""
    if re.fullmatch(r"pip_[A-Za-z0-9_-]{1,56}", found.id):
        return found.id
    digest = hashlib.sha256("\0".join((project, found.id or found.epic_id)).encode("utf-8", "replace"))
    return f"pip_{digest.hexdigest()[:16]}"


def _phase(state: str, there: Collection[str]) -> str:
    """The phase in which it goes on, or in which it has ended, by its own state or by the artifacts that it has."""
    if state in _STATUS:
        return "commit_phase"
    if state in _GOES_ON:
        return state
    if state in ("", "idle", "reloading_canon"):
        done = [phase for kind, phase in _PHASES.items() if kind in there]
        return "pm_phase" if not done else "arch_phase" if done[-1] == "pm_phase" else "ba_phase"
    return "ba_phase"
