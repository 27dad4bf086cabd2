"""The runs of a pipeline: made of bundles that are judged like anybody's, on its branch, counted on its bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock.config.sections import BudgetSettings, ProjectSettings
from penstock.domain.run import Run
from penstock.domain.states import RunState
from penstock.engine.context import Commission
from penstock.engine.frozen import Frozen
from penstock.engine.prompts import try_out
from penstock.epics import recordings
from penstock.epics.asked import RunWaits
from penstock.epics.desk import Desk
from penstock.intake import bundles
from penstock.staff import must_be_fit
from penstock.submitting import Order, is_stored, must_reach_models

Documents = Sequence[Mapping[str, Any]]


async def exists(desk: Desk, run_id: str) -> bool:
    """Whether the round's run was stored before a kill."""
    return await is_stored(desk.parts.journal, run_id)


def waiting(run: Run) -> RunWaits:
    """What is said of a run that stands still before its end."""
    then = "then advance the pipeline again"
    if run.state is RunState.PAUSED:
        hint = f"when nothing stands in its way: `penstock resume {run.id}`, {then}"
    else:
        hint = f"`penstock show-run {run.id}` says for whom; {then}"
    said = f": {run.sentence}" if run.sentence else ""
    return RunWaits(run.id, f"run {run.id} has not ended, it is {run.state.value}{said}", hint=hint)


def judged(desk: Desk, documents: Documents, *, title: str = "") -> bundles.Loaded:
    """The plan that these bundles are, or all that is wrong with it."""
    opened = desk.opened
    options = desk.house.projects.plan_options(opened.project, opened.settings, find_agent=opened.parts.agent)
    return bundles.load_sources(map(bundles.source_of, documents), replace(options, title=title))


async def begin(desk: Desk, run_id: str, documents: Documents) -> None:
    """Check everything a run needs, then store it on the pipeline's branch; nothing is stored if anything is wrong."""
    house, opened = desk.house, desk.opened
    house.submitting.must_be_trusted(opened, None)
    loaded = judged(desk, documents, title=desk.pipeline.description[:100])
    plan = house.submitting.complete(loaded.plan, opened.parts, opened.settings)
    opened.parts.confine(opened.settings.node(ProjectSettings).confine)
    await must_be_fit(opened.parts, (one.agent for one in plan.workstreams))
    kept = _kept(desk)
    must_reach_models(desk.parts.models, plan.workstreams, kept.settings.roles, opened.parts)
    try_out(kept.settings.prompts, plan.workstreams)
    order = Order(
        run_id=run_id,
        branch=desk.pipeline.branch,
        base=desk.head,
        plan=plan,
        documents=tuple(loaded.documents.values()),
        kept=kept,
        budgets=opened.settings.node(BudgetSettings),
        pipeline=desk.pipeline.id,
    )
    await house.submitting.store(opened.project, order)


def _kept(desk: Desk) -> Frozen:
    """The project's settings, with whom the run is made for and which model its role has."""
    kept = desk.house.projects.freeze(desk.opened.settings, prompts=desk.opened.prompts)
    role, own = desk.configuration.role, kept.settings.roles
    model, recording = desk.model_of(role), recordings.of(desk)
    settings = replace(
        kept.settings,
        roles=replace(own, edit=own.edit or (model,), fix=own.fix or (model,)),
        commission=Commission(pipeline=desk.pipeline.id, phase=desk.pipeline.phase, role=role, prompt=desk.prompt.id),
        recording=recording,
        is_lenient=bool(recording),
    )
    return replace(kept, settings=settings)
