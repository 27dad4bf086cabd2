"""The use cases: submit, drive, pause, resume, cancel, approve, report. api, cli, web and mcp call only this.

It knows ports and the domain; which adapters stand behind them is `bootstrap`'s business.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.accounts import caps_of
from penstock.config.sections import BudgetSettings, ProjectSettings
from penstock.config.settings import Settings
from penstock.domain.budget import Level
from penstock.domain.errors import IllegalMove, UserError, WorldError
from penstock.domain.events import Event, Request, ResumeAsked, RunStarted
from penstock.domain.plan import Plan, Workstream
from penstock.domain.ranked import rank
from penstock.domain.refusals import EventRefused
from penstock.domain.roles import Roles
from penstock.domain.run import AttemptId, Run, Step, new_run
from penstock.domain.states import ENDED, TERMINAL_RUN, RunState
from penstock.domain.step import step
from penstock.engine import frozen
from penstock.engine.context import Context
from penstock.engine.furnishing import Furnisher
from penstock.engine.loop import Loop, Manner, Watch
from penstock.engine.making import EnvironmentMaker
from penstock.engine.owner import RunIsOwned, drive, owning
from penstock.engine.prompts import NO_RUN, Assignment, read_guide, render, try_out
from penstock.engine.redacting import Redact, redacted
from penstock.intake import bundles
from penstock.parts import Parts, ProjectParts
from penstock.ports import Holder, Loaded, NewRun
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

LOOK_EVERY = 0.05
TELLS_FOR = 30.0

Control = Callable[[Loop], None]
"""Given the loop as it begins, so that a first Ctrl-C can pause it."""


NOT_CONFINED = "agents and checks are not confined and can write whatever you can"


class OwnerIsSilent(WorldError):
    """A request was put, and the run's owner has not taken it in time."""

    def __init__(self, answer: Answer, seconds: float) -> None:
        who = f"process {answer.holder.pid} on {answer.holder.host}" if answer.holder else "whoever works on it next"
        super().__init__(
            f"request {answer.request_id} to run {answer.run_id} was not taken within {seconds:g} seconds",
            hint=f"{who} will take it; see `penstock show-run {answer.run_id}`",
        )


class Service:
    """Everything that a user can ask of Penstock about runs."""

    def __init__(self, parts: Parts, projects: Projects) -> None:
        self._parts = parts
        self._projects = projects

    # submitting

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
        caps = caps_of(prepared.budgets, run=run_id, asked=submission.cap, workstreams=prepared.plan.workstreams)
        if prepared.budgets.project.cap.is_set:
            caps = {**caps, (Level.PROJECT, prepared.project.id): prepared.budgets.project.cap}
        for (level, key), cap in caps.items():  # before the run can begin
            await self._parts.ledger.set_cap(level, key, cap)
        run = new_run(id=run_id, plan=rank(prepared.plan), policy=prepared.frozen.policy, branch=branch)
        await self._parts.journal.create(
            NewRun(
                run=replace(run, base=prepared.base),
                project=prepared.project.id,
                project_path=str(prepared.project.path),
                settings=frozen.to_json(prepared.frozen),
                documents=prepared.documents,
            )
        )
        return Submitted(
            run_id=run_id,
            branch=branch,
            base=prepared.base,
            base_branch=prepared.base_branch,
            warnings=prepared.warnings,
        )

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
                self._must_reach_models(whole.workstreams, kept.settings.roles, opened.parts)
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

    def _must_reach_models(self, workstreams: Iterable[Workstream], roles: Roles, parts: ProjectParts) -> None:
        agents = {workstream.agent: parts.agent(workstream) for workstream in workstreams}
        check_models(self._parts.models, roles, agents.items())

    def must_be_trusted(self, opened: Opened, folder: Path | None) -> None:
        """What the project would run is agreed to, and so is the project whose plan it is: clones bring theirs."""
        project = opened.project
        if not opened.is_trusted:
            raise NotTrusted(
                f"{project.path.name} would run commands that you have not agreed to:\n{opened.difference}",
                hint="look at them, then run `penstock trust`",
            )
        if (
            folder is not None
            and folder.resolve().is_relative_to(project.path)
            and not self._parts.trust.is_known(project.id)
        ):
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

    # driving

    async def work(
        self,
        run_id: str,
        *,
        stays: bool = False,
        resume: bool = False,
        watch: Watch | None = None,
        control: Control | None = None,
    ) -> Run:
        """Own a run and bring it on until it ends, pauses, or waits only for people."""
        return await self._drive(run_id, Manner(works=True, stays=stays), resume=resume, watch=watch, control=control)

    async def _attend(self, run_id: str) -> Run:
        """Own a run just to take what its inbox holds and to tidy up; no work is begun."""
        return await self._drive(run_id, Manner(works=False), resume=False)

    async def _drive(
        self, run_id: str, manner: Manner, *, resume: bool, watch: Watch | None = None, control: Control | None = None
    ) -> Run:
        """Own a run, then look once more: what was asked for between the last look and the release of the lock is ours
        to take, for whoever asked it saw an owner.
        """
        run = await self._own(run_id, manner, resume=resume, watch=watch, control=control)
        while await self._parts.journal.waiting(run_id):
            try:
                run = await self._own(run_id, Manner(works=False), resume=False, watch=watch)
            except RunIsOwned:
                break
        return run

    async def _own(
        self, run_id: str, manner: Manner, *, resume: bool, watch: Watch | None = None, control: Control | None = None
    ) -> Run:
        await self._parts.journal.load(run_id)
        with owning(self._parts.locks, run_id):
            loaded = await self._parts.journal.claim(run_id)
            await self._parts.ledger.settle_lost(run_id)
            if manner.works and not loaded.run.plan.order:
                raise UserError(f"run {run_id} has no workstream yet: there is nothing to work on")
            if manner.works:
                await self._projects.must_be_sound(loaded)
            async with self._projects.parts_of(loaded, to_work=manner.works) as parts:
                guide = await read_guide(parts.history, loaded.run.base) if manner.works else ""
                context = replace(self._context(loaded, parts, manner), guide=guide)
                if manner.works:
                    self._parts.hide_keys()
                    parts.confine(context.settings.confine)
                if manner.works and not context.settings.replay_of:  # a recording stands in for every model
                    left = _unfinished(loaded.run)
                    await must_be_fit(parts, (one.agent for one in left))
                    self._must_reach_models(left, context.settings.roles, parts)
                first: list[Event] = []
                if loaded.run.state is RunState.PENDING and manner.works:
                    first.append(RunStarted(base=loaded.run.base))
                elif resume:
                    first.append(ResumeAsked())
                run = await drive(context, loaded, manner, first=first, watch=watch, started=control)
                if run.state in TERMINAL_RUN:
                    await parts.workspace.drop_checkouts(run_id)
                return run

    def _context(self, loaded: Loaded, parts: ProjectParts, manner: Manner) -> Context:
        order = loaded.run.plan.order if manner.works else ()
        # the floor is the machine's: whoever makes room, or asks for less of it, may go on at once
        settings = replace(frozen.from_json(loaded.settings).settings, min_free_gb=parts.min_free_gb)
        return Context(
            run=loaded.run.id,
            project=loaded.project,
            branch=loaded.run.branch,
            settings=settings,
            workstreams={workstream.id: workstream for workstream in loaded.run.plan.order},
            workspace=parts.workspace,
            history=parts.history,
            repository=parts.repository,
            agents={workstream.id: parts.agent(workstream) for workstream in order},
            tools=parts.tools,
            supervision=parts.supervision,
            furnisher=Furnisher(
                base=loaded.run.base,
                maker=EnvironmentMaker(
                    run=loaded.run.id,
                    setup=settings.setup,
                    environments=parts.environments,
                    history=parts.history,
                    workspace=parts.workspace,
                    tools=parts.tools,
                ),
                user_checkout=parts.checkout,
                redactor=parts.redactor,
            ),
            models=self._parts.models,
            slots=self._parts.slots,
            journal=self._parts.journal,
            clock=self._parts.clock,
            secrets=parts.secrets,
            redact=parts.redactor.redact,
        )

    # asking

    async def ask(self, run_id: str, request: Request) -> Answer:
        """Put a request to a run's owner; where nobody owns it, take it in at once if it begins no work."""
        loaded = await self._parts.journal.load(run_id)
        self._would_take(loaded.run, request)
        return await self._put(run_id, request)

    async def tell(self, run_id: str, request: Request, *, seconds: float = TELLS_FOR) -> None:
        """Put a request that the run's owner alone judges, and wait for its answer: a refusal is recorded, too."""
        answer = await self._put(run_id, request)
        until = self._parts.clock.monotonic() + seconds
        while not (state := self._parts.views.request(answer.request_id))["taken_at"]:
            if self._parts.clock.monotonic() >= until:
                raise OwnerIsSilent(answer, seconds)
            await asyncio.sleep(LOOK_EVERY)
        if state["refused"]:
            raise EventRefused(f"run {run_id}: {state['refused']}")

    async def _put(self, run_id: str, request: Request) -> Answer:
        request_id = await self._parts.journal.post(run_id, redacted(request, self._parts.redactor.redact))
        holder = self._parts.locks.holder(run_id)
        if holder is None:
            try:
                await self._attend(run_id)
            except RunIsOwned as owned:
                holder = owned.holder
        return Answer(run_id=run_id, request_id=request_id, holder=holder)

    def _would_take(self, run: Run, request: Request) -> None:
        """Refuse now what the run's owner would refuse in any case: the core can be asked without consequences."""
        see = f"see how it stands with `penstock show-run {run.id}`"
        try:
            step(run, request, self._parts.clock.now())
        except IllegalMove as illegal:
            said = f"run {run.id} is {run.state.value} and can't become {illegal.target}"
            raise EventRefused(said if illegal.entity == "run" else f"run {run.id}: {illegal}", hint=see) from None
        except EventRefused as refused:
            raise EventRefused(f"run {run.id}: {refused.sentence}", hint=refused.hint or see) from None

    async def latest_unfinished(self) -> str:
        """The newest run of the present project that has not ended."""
        project = self._projects.current()
        runs = [row for row in self._parts.views.runs(project=project.id) if row["status"] not in set(TERMINAL_RUN)]
        if not runs:
            raise UserError(f"no run of {project.path.name} is unfinished", hint="`penstock show-run` lists them all")
        return str(runs[0]["run_id"])

    def holder(self, run_id: str) -> Holder | None:
        """Who works on a run."""
        return self._parts.locks.holder(run_id)


def _unfinished(run: Run) -> list[Workstream]:
    return [one for one in run.plan.order if run.progress(one.id).state not in ENDED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request so far."""

    run_id: str
    request_id: int
    holder: Holder | None
    """Who will take it; None if it was taken already."""


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
