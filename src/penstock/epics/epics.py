"""What can be asked about epics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.epics.asked import Advanced, EpicWish
from penstock.parts import Parts
from penstock.projects import Projects
from penstock.service import Service


class Epics:
    """Pipelines, made and brought on."""

    def __init__(self, parts: Parts, projects: Projects, service: Service) -> None:
        self._parts = parts
        self._projects = projects
        self._service = service

    async def create(self, wish: EpicWish) -> tuple[str, tuple[str, ...]]:
        """Store a pipeline for the present project; its id, and what is worth saying."""
        raise NotImplementedError

    async def advance(self, pipeline_id: str, *, waits: bool = True) -> Advanced:
        """Perform the present phase and move on. Cancelling who waits cancels nothing: the phase is performed to its
        end all the same. With `waits` false it only begins.

        UnknownPipeline, AdvanceRefused (PipelineIsBusy, ApprovalNeeded), NoUpstream, BudgetSpent, PhaseFailed.
        """
        raise NotImplementedError

    async def take_up(self) -> list[str]:
        """Go on with every pipeline of which somebody has asked something and which nobody works on: after a restart.

        Their ids; they are performed in the background.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what is under way: it is taken up by whoever comes next."""
        raise NotImplementedError

    async def approve(self, pipeline_id: str, *, by: str = "", note: str = "") -> Advanced:
        """Approve that the present phase be performed."""
        raise NotImplementedError

    async def reject(self, pipeline_id: str, *, by: str = "", note: str = "") -> Advanced:
        """End the pipeline, for it waits for an approval that it does not get."""
        raise NotImplementedError

    async def put_artifact(
        self, pipeline_id: str, *, artifact_type: str, payload: Mapping[str, Any], role: str = "", phase: str = ""
    ) -> str:
        """Replace an artifact by a person's own: validated, marked `human`, used by the later phases. Its id."""
        raise NotImplementedError

    def view(self, pipeline_id: str) -> dict[str, Any]:
        """A pipeline as `LibraryViews.pipeline` tells it."""
        raise NotImplementedError
