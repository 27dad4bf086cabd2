"""One command becomes one port call (or a step's few) and at most one event. Never touches the journal's runs, never
decides.
"""

from __future__ import annotations

from typing import assert_never

from penstock.domain.changes import Candidate
from penstock.domain.checks import all_confined
from penstock.domain.commands import (
    Command,
    Compensate,
    JudgeMerge,
    MoveBranch,
    PublishBranch,
    ReleaseWorktree,
    StartStep,
    StopSteps,
    TakeBack,
)
from penstock.domain.errors import Bug
from penstock.domain.events import (
    BranchMoved,
    BranchPublished,
    Event,
    JudgementInterrupted,
    Passed,
    Red,
    StepFinished,
    StepInterrupted,
    StepOutcome,
    StepPutOff,
    TakeBackRefused,
)
from penstock.domain.run import AttemptId, Run, Step
from penstock.domain.states import WorkstreamState
from penstock.engine import integration, leaks, rollback
from penstock.engine.context import Context
from penstock.engine.steps import compensation, edit, runtime, static
from penstock.engine.visiting import LimitReached
from penstock.ports import ProcessLost

Done = tuple[StepOutcome, bool | None]
"""What a step came to, and whether all its processes were confined; None where none ran."""


async def perform(context: Context, command: Command, run: Run) -> Event | None:
    """Do what a command says; the event that answers it, or None where the doing is the answer."""
    match command:
        case StartStep():
            return await _attempt(context, command)
        case JudgeMerge() | TakeBack():
            return await _verified(context, command, run)
        case MoveBranch():
            await context.repository.advance(command.verdict)
            return BranchMoved(verdict=command.verdict)
        case PublishBranch():
            return await _published(context, command, run)
        case Compensate():
            return await compensation.perform(context, command)
        case ReleaseWorktree():
            await _release(context, command, run)
        case StopSteps():
            pass  # the loop has stopped what ran before it hands this over
        case _:
            assert_never(command)
    return None


async def _published(context: Context, command: PublishBranch, run: Run) -> BranchPublished:
    if said := _kept_here(context, run.branch):
        return BranchPublished(commit=command.commit, pushed=False, sentence=said)
    found = await leaks.on_the_way(context, run.base, command.commit)
    if found:
        return BranchPublished(commit=command.commit, pushed=False, sentence=leaks.not_pushed(run.branch, found))
    publication = await context.repository.publish(run.branch, command.commit, run.base)
    return BranchPublished(commit=publication.commit, pushed=publication.pushed, sentence=publication.sentence)


def _kept_here(context: Context, branch: str) -> str:
    """Why a branch is not for the user's repository, if it is not."""
    if context.settings.replay_of:
        return f"{branch} is a replay of {context.settings.replay_of} and is not pushed"
    if context.settings.commission:
        return f"{branch} is pushed by the last phase of {context.settings.commission.pipeline}"
    return ""


def _of_an_epic(context: Context, branch: str) -> str:
    """Why nothing is taken back of an epic's run, if it is one: later phases and rounds build upon what it came to."""
    commission = context.settings.commission
    if commission is None or context.settings.replay_of:
        return ""
    return f"{branch} is the branch of {commission.pipeline}, which goes on from there; have it undone by another epic"


async def _verified(context: Context, command: JudgeMerge | TakeBack, run: Run) -> Event:
    try:
        if isinstance(command, TakeBack):
            if said := _of_an_epic(context, run.branch):
                return TakeBackRefused(number=command.number, sentence=said)
            return await rollback.take_back(context, command, run)
        return await integration.judge(context, command, run)
    except ProcessLost as lost:
        if isinstance(command, TakeBack):
            return TakeBackRefused(number=command.number, sentence=f"ask again: {lost.sentence}")
        return JudgementInterrupted(judgement=command.number, asked=False)


async def _attempt(context: Context, command: StartStep) -> Event:
    try:
        done = await _step(context, command)
    except ProcessLost:
        done = None
    except LimitReached as limit:
        return StepPutOff(
            workstream=command.workstream, attempt=command.attempt, until=limit.until, sentence=limit.sentence
        )
    if done is None:
        return StepInterrupted(workstream=command.workstream, attempt=command.attempt, asked=False)
    outcome, confined = done
    return StepFinished(workstream=command.workstream, attempt=command.attempt, outcome=outcome, confined=confined)


async def _step(context: Context, command: StartStep) -> Done | None:
    workstream = context.workstreams[command.workstream]
    match command.attempt.step:
        case Step.EDIT | Step.FIX:
            return await edit.perform(context, command, workstream)
        case Step.STATIC:
            return _checked(await static.perform(context, command, workstream, _candidate(command)))
        case Step.RUNTIME:
            return _checked(await runtime.perform(context, command, workstream, _candidate(command)))
        case _:
            raise Bug(f"the step {command.attempt.step} is not one that is started")


def _checked(outcome: Passed | Red) -> Done:
    return outcome, all_confined(outcome.results)


def _candidate(command: StartStep) -> Candidate:
    if command.candidate is None:
        raise Bug(f"{command.key} is to be checked but has no candidate")
    return command.candidate


async def _release(context: Context, command: ReleaseWorktree, run: Run) -> None:
    workstream = context.workstreams[command.workstream]
    release = AttemptId(step=Step.INTEGRATE, number=command.number)
    stamp = context.stamp(workstream, release, "Kept before the worktree was removed", command.at)
    preserved = await context.workspace.preserve(context.place(workstream), stamp)
    is_done = run.progress(command.workstream).state is WorkstreamState.DONE
    await context.workspace.remove(preserved, recycle=is_done and context.agents[command.workstream].is_contained)
