"""What must hold before a phase is performed: somebody's approval where it is needed, and a model that can be asked."""

from __future__ import annotations

from pathlib import Path

from penstock.config.roles import RolesSettings
from penstock.config.sections import ProjectSettings
from penstock.domain.errors import UserError, WorldError
from penstock.domain.phases import PhaseGraph, PhaseKind
from penstock.domain.pipelines import Pipeline
from penstock.epics.asked import NoUpstream
from penstock.epics.desk import House
from penstock.projects import Project

PROTOCOLS = ("anthropic", "openai")
"""What planning can speak."""


async def approval_needed(house: House, pipeline: Pipeline, graph: PhaseGraph) -> str:
    """Why a person must approve the phase first; empty if nobody needs to, or somebody has."""
    options = graph.options(pipeline.phase)
    if pipeline.phase in pipeline.approved:
        return ""
    if options.requires_approval:
        return f"{pipeline.phase} is configured to be approved first"
    if options.kind is not PhaseKind.RUN:
        return ""
    fault = await _confinement_fault(house, pipeline)
    if not fault:
        return ""
    return f"the plan's commands were written by a model, and they would run unconfined: {fault}"


async def _confinement_fault(house: House, pipeline: Pipeline) -> str:
    project = Project(id=pipeline.project, path=Path(pipeline.project_path))
    async with house.projects.standing(project, pipeline.base) as opened:
        mode = opened.settings.node(ProjectSettings).confine
        return "confine is off" if mode == "off" else house.parts.confinement_fault


async def must_have_models(house: House, pipeline: Pipeline, graph: PhaseGraph) -> None:
    """Raise NoUpstream unless the model of the phase's role can be asked; nothing is asked here."""
    project = Project(id=pipeline.project, path=Path(pipeline.project_path))
    configuration, options = graph.configuration(pipeline.phase), graph.options(pipeline.phase)
    async with house.projects.standing(project, pipeline.base) as opened:
        roles = opened.settings.node(RolesSettings).roles()
    try:
        house.parts.models.check(options.model or roles.model_of_role(configuration.role), PROTOCOLS)
    except (UserError, WorldError) as missing:
        raise NoUpstream(
            f"{pipeline.phase} can't be performed, for no model can be asked: {missing.sentence}",
            hint=missing.hint or "set ANTHROPIC_API_KEY, or answer from recordings with PENSTOCK_UPSTREAM=replay",
        ) from missing
