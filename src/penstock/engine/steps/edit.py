"""edit and fix: let the agent work, then look at what it really did. Its own word is never taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from penstock.domain.changes import Candidate, Finding, Violation
from penstock.domain.commands import StartStep
from penstock.domain.errors import AgentError, WorldError
from penstock.domain.events import Edited, OutOfScope, Red, StepOutcome, Unchanged
from penstock.domain.plan import Workstream
from penstock.domain.run import Step
from penstock.engine import leaks, scoping, visiting, weakening
from penstock.engine.checking import from_the_project
from penstock.engine.context import Context
from penstock.engine.prompts import Assignment, render
from penstock.ports import AgentReport, AgentTask, Capture, Furnishing, Place, Stop

NOT_ENDED = ("lost", "stopped")
"""Ways in which an agent did not end by itself, and not by its time limit either."""
NOT_BEGUN = {
    "not_found": "install it, or name another agent in your configuration; then `penstock resume` the run",
    "not_started": "look for a machine out of memory, processes or disk (`penstock doctor` tries the confinement); "
    "then `penstock resume` the run",
}
"""Ways in which an agent never began, and what to do then."""
CONFLICT_MARKS = (b"<<<<<<< ", b">>>>>>> ")


class AgentNotBegun(WorldError):
    """The program of an agent is not on this machine, or the machine did not let it begin: not the agent's failure."""


async def perform(context: Context, command: StartStep, workstream: Workstream) -> tuple[StepOutcome, bool] | None:
    """One attempt of edit or fix, and whether the agent was confined; None if its process was lost, which is nobody's
    failure.
    """
    place = context.place(workstream)
    report, stop = await _let_work(context, command, workstream, place)
    visiting.raise_if_nobodys_failure(context, stop)
    if stop is None and report.ending in NOT_ENDED:
        return None
    return await _look(context, command, workstream, place, report, stop), report.confined


async def _look(
    context: Context, command: StartStep, workstream: Workstream, place: Place, report: AgentReport, stop: Stop | None
) -> StepOutcome:
    """What the agent really did."""
    subject = workstream.title or workstream.id
    if command.attempt.step is Step.FIX:
        subject = f"{subject} (fix {command.attempt.number})"
    try:
        capture = await context.workspace.capture(
            place,
            base=command.base,
            parent=command.start,
            declared=workstream.scope.patterns,
            stamp=context.stamp(workstream, command.attempt, subject, command.at),
        )
    except AgentError as unreadable:  # it removed its own folder, say: that is its failure, not the machine's
        return Red(findings=(Finding(code="non_zero_exit", text=str(unreadable)),))
    if stop is not None:
        return visiting.judged(stop, capture.candidate)
    violations = await scoping.violations(context, workstream, command.base, capture)
    if violations:
        return await _refuse(context, command, workstream, capture, violations)
    if report.ending != "finished":
        return Red(findings=(_agent_failed(report),), tree=capture.candidate.tree)
    leaked = await leaks.of_change(context, command.base, capture.candidate.commit) if capture.changes else ()
    if leaked:
        return Red(findings=(leaks.finding(leaked),), tree=capture.candidate.tree)
    return await _judge(context, command, workstream, capture)


async def _let_work(
    context: Context, command: StartStep, workstream: Workstream, place: Place
) -> tuple[AgentReport, Stop | None]:
    """Its report, and what ended it from the side of the models."""
    errand, furnishing = await context.errand(workstream.id, command.attempt.key), Furnishing()
    has_ended = context.supervision.has_ended(context.run, workstream.id, command.attempt.key)
    worktree = await context.workspace.prepare(place, None if has_ended else command.start)
    if not has_ended:
        furnishing = await context.furnisher.for_agent(
            worktree, command.start, command.base, errand, workstream.scope.patterns
        )
    try:
        with visiting.visit(context, command, worktree, errand.folder) as visit:
            task = AgentTask(
                worktree=worktree,
                folder=errand.folder,
                prompt=_prompt(context, command, workstream, worktree),
                marker=errand.marker,
                timeout=context.settings.agent_timeout,
                number=command.agent_run,
                step=command.attempt.step.value,
                workstream=workstream,
                furnishing=furnishing,
                visit=visit,
                idle_timeout=context.settings.idle_timeout,
            )
            report = await context.agents[workstream.id].work(task)
            stop = visiting.ended_by(visit)
    finally:
        await context.furnisher.withdraw(worktree, errand)
    if report.ending in NOT_BEGUN:
        raise AgentNotBegun(
            f"{workstream.id} could not be worked on: the agent {report.sentence}", hint=NOT_BEGUN[report.ending]
        )
    return replace(report, output=from_the_project(report.output, worktree)), stop


def _prompt(context: Context, command: StartStep, workstream: Workstream, worktree: Path) -> str:
    assignment = Assignment(
        workstream=workstream,
        attempt=command.attempt,
        run=context.part,
        worktree=str(worktree),
        guide=context.guide,
        findings=command.findings,
        note=command.note,
    )
    text = render(context.settings.prompts, assignment, context.redact)
    return context.redact(text)  # once more: a template is stored, and may have been written by anybody


def _agent_failed(report: AgentReport) -> Finding:
    code = {"timed_out": "timeout", "idle": "idle"}.get(report.ending, "non_zero_exit")
    tail = f"\n{report.output}" if report.output else ""
    return Finding(code=code, text=f"the agent {report.sentence or report.ending}{tail}")


async def _refuse(
    context: Context,
    command: StartStep,
    workstream: Workstream,
    capture: Capture,
    violations: tuple[Violation, ...],
) -> OutOfScope:
    patch = await scoping.keep(context, workstream.id, command.attempt, command.base, capture)
    return OutOfScope(violations=scoping.told(violations), candidate=capture.candidate, patch=patch)


async def _judge(context: Context, command: StartStep, workstream: Workstream, capture: Capture) -> StepOutcome:
    marked = await _marked_paths(context, command, capture.candidate)
    if marked:
        text = f"conflict markers are still in {', '.join(marked)}"
        return Red(findings=(Finding(code="merge_conflict", text=text),), tree=capture.candidate.tree)
    start = await context.history.candidate(command.start)
    base = await context.history.candidate(command.base)
    tree = capture.candidate.tree
    if tree == base.tree and not _mends_a_conflict(command):  # a fix may also have taken back all that was done
        missing = await scoping.missing(context, workstream, command.base)
        if missing:
            text = f"the agent made no change, and {', '.join(missing)} does not exist"
            return Red(findings=(Finding(code="no_change", text=text),), tree=tree)
        return Unchanged(candidate=base)
    if tree == start.tree:
        return Unchanged(candidate=start)
    return Edited(
        candidate=capture.candidate,
        paths=tuple(change.path for change in capture.changes),
        litter=capture.litter,
        weakened_tests=await weakening.of_changes(context, command.base, capture.candidate.commit, capture.changes),
    )


def _mends_a_conflict(command: StartStep) -> bool:
    return any(finding.code == "merge_conflict" for finding in command.findings)


async def _marked_paths(context: Context, command: StartStep, candidate: Candidate) -> tuple[str, ...]:
    if not _mends_a_conflict(command):
        return ()
    changes = await context.history.changes(command.base, candidate.commit)
    marked = []
    for change in changes:
        content = b"" if change.is_deleted else await context.history.read(candidate.commit, change.path) or b""
        if all(b"\n" + mark in b"\n" + content for mark in CONFLICT_MARKS):
            marked.append(change.path)
    return tuple(marked)
