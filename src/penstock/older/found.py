"""What was found of an older system: values, before anything of it is checked or stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

MOST_BYTES = 10 * 1024 * 1024
"""Of one artifact or file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundArtifact:
    """One artifact as it lay there."""

    type: str
    payload: Mapping[str, Any]
    source: str
    """Where it was read, for people."""
    phase: str = ""
    role: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPipeline:
    """One epic with what was made of it."""

    source: str
    id: str = ""
    """Its own id there, if it had one."""
    epic_id: str
    description: str = ""
    state: str = ""
    created_at: datetime | None = None
    completed_at: datetime | None = None
    artifacts: tuple[FoundArtifact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything that could be read, and in sentences what could not."""

    pipelines: tuple[FoundPipeline, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class Gathering:
    """Collects artifacts under the epics that they name."""

    pipelines: dict[str, FoundPipeline] = field(default_factory=dict)
    homeless: list[FoundArtifact] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def take(self, artifacts: Iterable[FoundArtifact]) -> None:
        """Add artifacts; those that name no epic wait for the end."""
        for one in artifacts:
            epic = one.payload.get("epic_id")
            if isinstance(epic, str) and epic.strip():
                self._add(epic.strip(), one)
            else:
                self.homeless.append(one)

    def _add(self, epic: str, one: FoundArtifact) -> None:
        found = self.pipelines.get(epic) or FoundPipeline(source=one.source, epic_id=epic)
        text = one.payload.get("goal") or one.payload.get("title")
        description = text if one.type == "epic" and isinstance(text, str) else found.description
        self.pipelines[epic] = replace(found, description=description, artifacts=(*found.artifacts, one))

    def reading(self) -> Reading:
        """All of it: what names no epic belongs to the only one there is, else it stays unread."""
        epics: Sequence[str] = list(self.pipelines)
        for one in self.homeless:
            if len(epics) == 1:
                self._add(epics[0], one)
            else:
                self.unread.append(
                    f"{one.source}: the {one.type} names no epic_id, and there are {len(epics)} epics here"
                )
        return Reading(pipelines=tuple(self.pipelines.values()), unread=tuple(self.unread))
