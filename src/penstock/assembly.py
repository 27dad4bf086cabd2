"""The use cases for programs that make a run piece by piece: an empty one, its workstreams, then the work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from penstock.accounts import Spender, give_caps
from penstock.config.sections import BudgetSettings, ProjectSettings
from penstock.config.settings import Settings
from penstock.domain import strict_json
from penstock.domain.plan import Plan
from penstock.domain.ranked import rank
from penstock.domain.ranks import Rows
from penstock.domain.refusals import EventRefused
from penstock.domain.run import AttemptId, Progress, Run, derive, new_run
from penstock.domain.states import RunState
from penstock.engine import frozen
from penstock.engine.owner import owning
from penstock.engine.prompts import HERE, NO_RUN, Assignment, PromptTemplates, read_guide, render, try_out
from penstock.intake import bundles
from penstock.parts import Parts, ProjectParts
from penstock.ports import Loaded, NewRun, UnknownRun
from penstock.projects import Project, Projects, committed_files
from penstock.service import Service
from penstock.submission import Preview, PromptOrder, Submission, check_run_id
from penstock.submitting import Submitting, store_new


class Assembly:
    """Makes runs that have not begun yet, in the project that is stood in."""

    def __init__(self, parts: Parts, projects: Projects, submitting: Submitting, service: Service) -> None:
        self._parts, self._projects, self._submitting, self._service = parts, projects, submitting, service

    async def create(self, run_id: str = "", metadata: Mapping[str, Any] | None = None) -> str:
        """Store a run without a workstream, with the settings of the base commit; its id."""
        if run_id:
            check_run_id(run_id)
        project, said = self._projects.current(), _kept(metadata or {})
        async with self._projects.opened(project) as opened:
            self._submitting.must_be_trusted(opened, None)
            kept = self._projects.freeze(opened.settings, prompts=opened.prompts)
            try_out(kept.settings.prompts, ())
            base, budgets = opened.base, opened.settings.node(BudgetSettings)
        run_id = run_id or self._submitting.new_id()
        plan = rank(Plan(title=str(said.get("title", "")), workstreams=()))
        run = new_run(id=run_id, plan=plan, policy=kept.policy, branch=f"penstock/{run_id}")
        new = NewRun(
            run=replace(run, base=base),
            project=project.id,
            project_path=str(project.path),
            settings=frozen.to_json(kept),
            documents=(),
            metadata=said,
        )
        await store_new(self._parts, new, budgets)
        return run_id

    async def add(self, run_id: str, bundle: Mapping[str, Any]) -> str:
        """Give a run that has not begun one more workstream; all of them are judged together. Its id."""
        await self._parts.journal.load(run_id)
        async with owning(self._parts.locks, run_id):
            loaded = await self._parts.journal.claim(run_id)
            if loaded.run.state is not RunState.PENDING:
                raise EventRefused(
                    f"run {run_id} is {loaded.run.state}: only one that has not begun takes a further workstream",
                    hint="make another run for it",
                )
            async with self._projects.parts_of(loaded) as parts:
                settings = self._parts.settings(await committed_files(parts, loaded.run.base))
                found = await self._judged(loaded, bundle, parts, settings)
            added = tuple(one for one in found.plan.workstreams if one.id == bundle["id"])
            try_out(frozen.from_json(loaded.settings).settings.prompts, added)
            spender = Spender(project=loaded.project, run=run_id, workstreams=added)
            await give_caps(self._parts.ledger, settings.node(BudgetSettings), spender)
            run = _with_plan(loaded.run, found.plan)
            await self._parts.journal.replan(run, loaded.generation, tuple(found.documents.values()))
        return str(bundle["id"])

    async def _judged(
        self, loaded: Loaded, bundle: Mapping[str, Any], parts: ProjectParts, settings: Settings
    ) -> bundles.Loaded:
        project = Project(id=loaded.project, path=Path(loaded.project_path))
        options = self._projects.plan_options(project, settings, find_agent=parts.agent)
        sources = [bundles.source_of(document) for document in (*loaded.documents, bundle)]
        found = bundles.load_sources(sources, replace(options, title=loaded.run.plan.plan.title))
        return replace(found, plan=self._submitting.complete(found.plan, parts, settings))

    async def perform(self, submission: Submission) -> dict[str, Any]:
        """Bring a run to its end: the one of that id if it waits to be begun, else a new one of the project's plan.

        Where the settings say `dry_run`, it is only told what would be done.
        """
        settings = self._projects.settings_here()
        if settings.node(ProjectSettings).dry_run:
            return _told(await self._service.preview(submission))
        waiting = await self._waiting(submission.run_id) if submission.run_id else None
        if waiting is None:
            run_id = (await self._service.submit(submission)).run_id
        else:
            run_id = waiting.run.id
            spender = Spender(project=waiting.project, run=run_id, asked=submission.cap)
            await give_caps(self._parts.ledger, settings.node(BudgetSettings), spender)
        await self._service.work(run_id)
        return self._parts.views.run(run_id)

    async def prompt(self, order: PromptOrder) -> str:
        """What an attempt would be told: by what a stored run keeps, else by what the project says now."""
        if not order.run_id:
            async with self._projects.opened(self._projects.current()) as opened:
                kept = self._projects.freeze(opened.settings, prompts=opened.prompts)
                return await self._told_by(order, opened.project, opened.base, kept.settings.prompts, opened.parts)
        loaded = await self._parts.journal.load(order.run_id)
        project = Project(id=loaded.project, path=Path(loaded.project_path))
        async with self._projects.parts_of(loaded) as parts:
            kept = frozen.from_json(loaded.settings)
            return await self._told_by(order, project, loaded.run.base, kept.settings.prompts, parts)

    async def _told_by(
        self, order: PromptOrder, project: Project, base: str, templates: PromptTemplates, parts: ProjectParts
    ) -> str:
        settings = self._parts.settings(await committed_files(parts, base))
        alone = {**order.bundle, "depends_on": []}  # a prompt says nothing of other bundles, so they need not be there
        plan = bundles.load_sources([bundles.source_of(alone)], self._projects.plan_options(project, settings)).plan
        assignment = Assignment(
            workstream=plan.workstreams[0],
            attempt=AttemptId(step=order.step, number=order.number),
            run=order.run_id or NO_RUN,
            worktree=order.worktree or HERE,
            repository=order.repository,
            guide=await read_guide(parts.history, base),
            findings=order.findings,
            note=order.note,
        )
        return render(templates, assignment, parts.redactor.redact)

    async def _waiting(self, run_id: str) -> Loaded | None:
        try:
            loaded = await self._parts.journal.load(run_id)
        except UnknownRun:
            return None
        return loaded if loaded.run.state is RunState.PENDING else None


def _kept(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a run, which every list of runs must be able to tell."""
    try:
        return dict(strict_json.parsed(json.dumps(dict(metadata))))
    except (TypeError, ValueError) as error:
        raise EventRefused(f"the metadata of a run can't be kept: {error}") from None


def _told(preview: Preview) -> dict[str, Any]:
    workstreams = [workstream.id for workstream in preview.order]
    return {"dry_run": True, "base": preview.base, "workstreams": workstreams, "prompts": dict(preview.prompts)}


def _with_plan(run: Run, plan: Plan) -> Run:
    ranked = rank(plan)
    known = run.plan.ranks
    rows = (run.rows[known[one.id]] if one.id in known else Progress() for one in ranked.order)
    return derive(replace(run, plan=ranked, rows=Rows.of(rows)))
