"""The runs of a pipeline: made of bundles that are judged like anybody's, on the pipeline's branch, counted on its bill."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock.config.sections import BudgetSettings, ProjectSettings
from penstock.engine.context import Commission
from penstock.engine.prompts import try_out
from penstock.epics import recordings
from penstock.epics.desk import Desk
from penstock.intake import bundles
from penstock.ports import UnknownRun
from penstock.staff import must_be_fit
from penstock.submitting import Order, must_reach_models

Documents = Sequence[Mapping[str, Any]]


async def exists(desk: Desk, run_id: str) -> bool:
    """Whether the round's run was stored before a kill."""
    try:
        await desk.parts.journal.load(run_id)
    except UnknownRun:
        return False
    return True


def judged(desk: Desk, documents: Documents, *, title: str = "") -> bundles.Loaded:
    """The plan that these bundles are, or all that is wrong with it."""
    opened = desk.opened
    options = desk.house.projects.plan_options(opened.project, opened.settings, find_agent=opened.parts.agent)
    sources = [
        bundles.Source(file=f"{document.get('id')}.json", content=json.dumps(document).encode())
        for document in documents
    ]
    return bundles.load_sources(sources, replace(options, title=title))


async def begin(desk: Desk, run_id: str, documents: Documents) -> None:
    """Check everything a run needs, then store it on the pipeline's branch; nothing is stored if anything is wrong."""
    house, opened, pipeline = desk.house, desk.opened, desk.pipeline
    house.submitting.must_be_trusted(opened, None)
    loaded = judged(desk, documents, title=pipeline.description[:100])
    plan = house.submitting.complete(loaded.plan, opened.parts, opened.settings)
    opened.parts.confine(opened.settings.node(ProjectSettings).confine)
    await must_be_fit(opened.parts, (one.agent for one in plan.workstreams))
    kept = house.projects.freeze(opened.settings, prompts=opened.prompts)
    model = desk.model_of(desk.configuration.role)
    roles = replace(
        kept.settings.roles, edit=kept.settings.roles.edit or (model,), fix=kept.settings.roles.fix or (model,)
    )
    recording = recordings.of(desk)
    commission = Commission(
        pipeline=pipeline.id, phase=pipeline.phase, role=desk.configuration.role, prompt=desk.prompt.id
    )
    settings = replace(
        kept.settings, roles=roles, commission=commission, recording=recording, is_lenient=bool(recording)
    )
    must_reach_models(desk.parts.models, plan.workstreams, roles, opened.parts)
    try_out(settings.prompts, plan.workstreams)
    order = Order(
        run_id=run_id,
        branch=pipeline.branch,
        base=desk.head,
        plan=plan,
        documents=tuple(loaded.documents.values()),
        kept=replace(kept, settings=settings),
        budgets=opened.settings.node(BudgetSettings),
        pipeline=pipeline.id,
    )
    await house.submitting.store(opened.project, order)
