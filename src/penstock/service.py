"""The use cases: submit, drive, pause, resume, cancel, approve, report. api, cli, web and mcp call only this.

It knows ports and the domain; which adapters stand behind them is `bootstrap`'s business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from penstock.domain.errors import IllegalMove, UserError, WorldError
from penstock.domain.events import Event, MoveAsked, Request, ResetAsked, ResumeAsked, RunStarted
from penstock.domain.plan import Workstream
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Run
from penstock.domain.states import ENDED, TERMINAL_RUN, RunState
from penstock.domain.step import step
from penstock.engine import frozen
from penstock.engine.context import Context
from penstock.engine.furnishing import Furnisher
from penstock.engine.loop import Loop, Manner, Watch
from penstock.engine.making import EnvironmentMaker
from penstock.engine.owner import RunIsOwned, drive, owning
from penstock.engine.prompts import read_guide
from penstock.engine.redacting import redacted
from penstock.parts import Parts, ProjectParts
from penstock.ports import Holder, Loaded
from penstock.projects import Projects
from penstock.staff import must_be_fit
from penstock.submission import Preview, Submission, Submitted
from penstock.submitting import Submitting, must_reach_models

LOOK_EVERY = 0.05
TELLS_FOR = 30.0

BEGINS_AGAIN = (ResetAsked, ResumeAsked)
"""By these something of a run that has ended begins again."""

Control = Callable[[Loop], None]
"""Given the loop as it begins, so that a first Ctrl-C can pause it."""


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

    def __init__(self, parts: Parts, projects: Projects, submitting: Submitting) -> None:
        self._parts = parts
        self._projects = projects
        self._submitting = submitting

    async def preview(self, submission: Submission) -> Preview:
        """The order, the prompts and the settings of a run that is not made."""
        return await self._submitting.preview(submission)

    async def submit(self, submission: Submission) -> Submitted:
        """Check everything, then store a run; nothing is stored when anything is wrong."""
        return await self._submitting.submit(submission)

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
        async with owning(self._parts.locks, run_id):
            loaded = await self._parts.journal.claim(run_id)
            await self._parts.ledger.settle_lost(run_id)
            if resume:
                await self._must_not_be_left_behind(loaded)
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
                    must_reach_models(self._parts.models, left, context.settings.roles, parts)
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
        if isinstance(request, BEGINS_AGAIN):
            await self._must_not_be_left_behind(loaded)
        return await self._put(run_id, request)

    async def tell(self, run_id: str, request: Request, *, seconds: float = TELLS_FOR) -> None:
        """Put a request that the run's owner alone judges, and wait for its answer: a refusal is recorded, too."""
        if isinstance(request, MoveAsked) and request.workstream:
            await self._must_not_be_left_behind(await self._parts.journal.load(run_id))
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

    async def _must_not_be_left_behind(self, loaded: Loaded) -> None:
        """Refuse to begin anything again in a run that has ended and whose epic goes on with another one, or is about
        to: both would move its branch.
        """
        run, commission = loaded.run, frozen.from_json(loaded.settings).settings.commission
        if commission is None or run.state not in TERMINAL_RUN:
            return
        pipeline = await self._parts.pipelines.load(commission.pipeline)
        if pipeline.branch != run.branch:  # it is a replay
            return
        hint = f"see `penstock epic show {pipeline.id}`"
        if pipeline.run_of_round != run.id:
            said = f"run {run.id} is {run.state.value}, and its epic went on with run {pipeline.run_of_round}"
            raise EventRefused(said, hint=hint)
        if pipeline.wanted:
            said = f"run {run.id} is {run.state.value}, and its epic is going on from it in {pipeline.phase}"
            raise EventRefused(said, hint=hint)

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
        runs = self._parts.views.runs(project=project.id, is_unfinished=True, limit=1)
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
