"""The use cases that make a run: what is asked is checked whole, then stored. Nothing is driven here."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.accounts import Spender, give_caps
from penstock.config.sections import BudgetSettings, ProjectSettings
from penstock.config.settings import Settings
from penstock.domain.budget import NO_CAP, Cap
from penstock.domain.plan import Plan, Workstream
from penstock.domain.ranked import rank
from penstock.domain.roles import Roles
from penstock.domain.run import AttemptId, Step, new_run
from penstock.engine import frozen
from penstock.engine.owner import RunIsOwned, owning
from penstock.engine.prompts import NO_RUN, Assignment, read_guide, render, try_out
from penstock.engine.redacting import Redact
from penstock.intake import bundles
from penstock.parts import Parts, ProjectParts
from penstock.ports import Journal, Models, NewRun, RunExists, UnknownRun
from penstock.projects import Opened, Project, Projects, left_out
from penstock.readiness import check_models
from penstock.staff import must_be_fit
from penstock.submission import (
    NoAgent,
    NotTrusted,
    Preview,
    Submission,
    Submitted,
    check_run_id,
    chosen,
    without_secrets,
)

NOT_CONFINED = "agents and checks are not confined and can write whatever you can"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run that is checked and ready to be stored."""

    run_id: str
    branch: str
    base: str
    plan: Plan
    documents: Sequence[Any]
    kept: frozen.Frozen
    budgets: BudgetSettings
    cap: Cap = NO_CAP
    pipeline: str = ""
    begun_by: str = ""


def must_reach_models(models: Models, workstreams: Iterable[Workstream], roles: Roles, parts: ProjectParts) -> None:
    """Raise an error unless every model that the agents of these workstreams may be given can be asked."""
    agents = {workstream.agent: parts.agent(workstream) for workstream in workstreams}
    check_models(models, roles, agents.items())


async def is_stored(journal: Journal, run_id: str) -> bool:
    """Whether there is a run of this id."""
    try:
        await journal.load(run_id)
    except UnknownRun:
        return False
    return True


async def store_new(parts: Parts, new: NewRun, budgets: BudgetSettings, asked: Cap = NO_CAP) -> None:
    """Store a run, its caps first: it can't begin without them. Whoever has the id already keeps his own."""
    run = new.run
    spender = Spender(
        project=new.project, pipeline=new.pipeline, run=run.id, asked=asked, workstreams=run.plan.plan.workstreams
    )
    try:
        async with owning(parts.locks, run.id):
            if await is_stored(parts.journal, run.id):
                raise RunExists(run.id)
            await give_caps(parts.ledger, budgets, spender)
            await parts.journal.create(new)
    except RunIsOwned as owned:
        raise RunExists(run.id) from owned


class Submitting:
    """Runs, made of plans."""

    def __init__(self, parts: Parts, projects: Projects) -> None:
        self._parts = parts
        self._projects = projects

    async def preview(self, submission: Submission) -> Preview:
        """The order, the prompts and the settings of a run that is not made."""
        prepared = await self._prepare(submission, to_run=False)
        order = rank(prepared.plan).order
        return Preview(
            order=order,
            prompts=tuple((one.id, prepared.prompt(one, submission.run_id)) for one in order),
            settings=prepared.frozen.settings,
            base=prepared.base,
            base_branch=prepared.base_branch,
            warnings=prepared.warnings,
        )

    async def submit(self, submission: Submission) -> Submitted:
        """Check everything, then store a run; nothing is stored when anything is wrong."""
        prepared = await self._prepare(submission, to_run=True)
        run_id = submission.run_id or self.new_id()
        branch = f"penstock/{run_id}"
        order = Order(
            run_id=run_id,
            branch=branch,
            base=prepared.base,
            plan=prepared.plan,
            documents=prepared.documents,
            kept=prepared.frozen,
            budgets=prepared.budgets,
            cap=submission.cap,
            begun_by=submission.begun_by,
        )
        await self.store(prepared.project, order)
        return Submitted(
            run_id=run_id,
            branch=branch,
            base=prepared.base,
            base_branch=prepared.base_branch,
            warnings=prepared.warnings,
        )

    async def store(self, project: Project, order: Order) -> None:
        """Store a run that was checked."""
        run = new_run(id=order.run_id, plan=rank(order.plan), policy=order.kept.policy, branch=order.branch)
        new = NewRun(
            run=replace(run, base=order.base),
            project=project.id,
            project_path=str(project.path),
            settings=frozen.to_json(order.kept),
            documents=order.documents,
            metadata={"begun_by": order.begun_by} if order.begun_by else {},
            pipeline=order.pipeline,
        )
        await store_new(self._parts, new, order.budgets, order.cap)

    async def _prepare(self, submission: Submission, *, to_run: bool) -> _Prepared:
        if submission.run_id:
            check_run_id(submission.run_id)
        project = self._projects.current()
        async with self._projects.opened(project) as opened:
            settings = opened.settings
            dirty = left_out(await opened.parts.checkout.uncommitted(), opened)
            folder = self._projects.plan_folder(project, settings, submission.plan)
            options = self._projects.plan_options(project, settings, find_agent=opened.parts.agent)
            loaded = bundles.load(folder, options)
            plan, warnings = chosen(loaded.plan, submission.workstream)
            if to_run:
                self.must_be_trusted(opened, folder)
            unconfined = opened.parts.confine(settings.node(ProjectSettings).confine) if to_run else ""
            kept = self._projects.freeze(settings, prompts=opened.prompts, max_parallel=submission.max_parallel)
            whole = self.complete(plan, opened.parts, settings)
            if to_run:
                await must_be_fit(opened.parts, (one.agent for one in whole.workstreams))
                must_reach_models(self._parts.models, whole.workstreams, kept.settings.roles, opened.parts)
            open_to_all = (f"{NOT_CONFINED}: {unconfined}",) if unconfined else ()
            try_out(kept.settings.prompts, plan.workstreams)
            return _Prepared(
                project=project,
                base=opened.base,
                base_branch=opened.base_branch,
                frozen=kept,
                plan=whole,
                documents=tuple(loaded.documents.values()),
                budgets=settings.node(BudgetSettings),
                guide=await read_guide(opened.parts.history, opened.base),
                redact=opened.parts.redactor.redact,
                warnings=(*opened.warnings, *dirty, *map(str, loaded.warnings), *warnings, *open_to_all),
            )

    def must_be_trusted(self, opened: Opened, folder: Path | None) -> None:
        """What the project would run is agreed to, and so is the project whose plan it is: clones bring theirs."""
        project = opened.project
        if not opened.is_trusted:
            raise NotTrusted(
                f"{project.path.name} would run commands that you have not agreed to:\n{opened.difference}",
                hint="look at them, then run `penstock trust`",
            )
        if folder is not None and _is_in(folder, project.path) and not self._parts.trust.is_known(project.id):
            raise NotTrusted(
                f"{project.path.name} brings a plan with commands of its own, and you have never trusted the project",
                hint="look at the plan (`penstock plan check`), then run `penstock trust`",
            )

    def complete(self, plan: Plan, parts: ProjectParts, settings: Settings) -> Plan:
        """The plan with an agent for each workstream, and with no secret in its texts."""
        return without_secrets(self._with_agents(plan, parts, self._projects.default_agent(settings)), parts.redactor)

    def _with_agents(self, plan: Plan, parts: ProjectParts, default: str) -> Plan:
        workstreams = tuple(
            workstream if workstream.agent else replace(workstream, agent=default) for workstream in plan.workstreams
        )
        unset = [workstream.id for workstream in workstreams if not workstream.agent]
        if unset:
            known = ", ".join(parts.agent_names()) or "none"
            raise NoAgent(
                f"no agent is set for {', '.join(unset[:5])}; configured are: {known}",
                hint="name one as `tool` in the bundle, or set `agent` in penstock.toml",
            )
        for workstream in workstreams:
            parts.agent(workstream)
        return replace(plan, workstreams=workstreams)

    def new_id(self) -> str:
        """An id for a run that was given none."""
        return f"run-{self._parts.clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def _is_in(folder: Path, project: Path) -> bool:
    """Whether a plan is the project's: it lies there, or what leads to it does."""
    places = (folder.resolve(), folder.parent.resolve() / folder.name)
    return any(place.is_relative_to(project) for place in places)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    project: Project
    base: str
    base_branch: str
    frozen: frozen.Frozen
    budgets: BudgetSettings
    plan: Plan
    documents: Sequence[Any]
    guide: str
    """What the project says to agents."""
    redact: Redact
    warnings: tuple[str, ...]

    def prompt(self, workstream: Workstream, run_id: str | None) -> str:
        """What the first attempt would be told."""
        first = AttemptId(step=Step.EDIT, number=1)
        assignment = Assignment(workstream=workstream, attempt=first, run=run_id or NO_RUN, guide=self.guide)
        return render(self.frozen.settings.prompts, assignment, self.redact)
