"""edit and fix: let the agent work, then look at what it really did. Its own word is never taken."""

from __future__ import annotations

from penstock.domain.changes import Candidate, Finding, Violation
from penstock.domain.commands import StartStep
from penstock.domain.errors import AgentError
from penstock.domain.events import Edited, OutOfScope, Red, StepOutcome, Unchanged
from penstock.domain.plan import Workstream
from penstock.domain.run import Step
from penstock.engine import prompt, scoping
from penstock.engine.context import Context
from penstock.ports import AgentReport, AgentTask, Capture

CONFLICT_MARKS = (b"<<<<<<< ", b">>>>>>> ")


async def perform(context: Context, command: StartStep, workstream: Workstream) -> StepOutcome:
    """One attempt of edit or fix."""
    report = await _let_work(context, command, workstream)
    subject = workstream.title or workstream.id
    if command.attempt.step is Step.FIX:
        subject = f"{subject} (fix {command.attempt.number})"
    try:
        capture = await context.workspace.capture(
            context.place(workstream),
            base=command.base,
            parent=command.start,
            declared=workstream.scope.patterns,
            stamp=context.stamp(workstream, command.attempt, subject, command.at),
        )
    except AgentError as unreadable:  # it removed its own folder, say: that is its failure, not the machine's
        return Red(findings=(Finding(code="non_zero_exit", text=str(unreadable)),))
    violations = await scoping.violations(context, workstream, command.base, capture)
    if violations:
        return await _refuse(context, command, workstream, capture, violations)
    if report.ending != "finished":
        return Red(findings=(_agent_failed(report),), tree=capture.candidate.tree)
    return await _judge(context, command, workstream, capture)


async def _let_work(context: Context, command: StartStep, workstream: Workstream) -> AgentReport:
    place = context.place(workstream)
    folder = context.folder(workstream.id, command.attempt)
    has_ended = context.supervision.has_ended(context.run, workstream.id, command.attempt.key)
    worktree = await context.workspace.prepare(place, None if has_ended else command.start)
    return await context.agents[workstream.id].work(
        AgentTask(
            worktree=worktree,
            folder=folder,
            prompt=prompt.render(workstream, findings=command.findings, note=command.note),
            marker=context.marker(workstream.id, command.attempt),
            timeout=context.settings.agent_timeout,
            number=command.agent_run,
            step=command.attempt.step.value,
            workstream=workstream,
        )
    )


def _agent_failed(report: AgentReport) -> Finding:
    codes = {"timed_out": "timeout", "not_found": "missing_binary"}
    code = codes.get(report.ending, "non_zero_exit")
    tail = f"\n{report.output}" if report.output else ""
    return Finding(code=code, text=f"the agent {report.sentence or report.ending}{tail}")


async def _refuse(
    context: Context,
    command: StartStep,
    workstream: Workstream,
    capture: Capture,
    violations: tuple[Violation, ...],
) -> OutOfScope:
    patch = context.folder(workstream.id, command.attempt) / "out_of_scope.patch"
    await context.history.patch(capture, command.base, patch)
    return OutOfScope(violations=violations, candidate=capture.candidate, patch=str(patch))


async def _judge(context: Context, command: StartStep, workstream: Workstream, capture: Capture) -> StepOutcome:
    marked = await _marked_paths(context, command, capture.candidate)
    if marked:
        text = f"conflict markers are still in {', '.join(marked)}"
        return Red(findings=(Finding(code="merge_conflict", text=text),), tree=capture.candidate.tree)
    start = await context.history.candidate(command.start)
    if capture.candidate.tree != start.tree:
        paths = tuple(change.path for change in capture.changes)
        return Edited(candidate=capture.candidate, paths=paths, litter=capture.litter)
    if command.attempt.step is Step.FIX:
        return Unchanged(candidate=start)
    missing = await scoping.missing(context, workstream, command.start)
    if missing:
        text = f"the agent made no change, and {', '.join(missing)} does not exist"
        return Red(findings=(Finding(code="no_change", text=text),), tree=start.tree)
    return Unchanged(candidate=start)


async def _marked_paths(context: Context, command: StartStep, candidate: Candidate) -> tuple[str, ...]:
    if not any(finding.code == "merge_conflict" for finding in command.findings):
        return ()
    changes = await context.history.changes(command.base, candidate.commit)
    marked = []
    for change in changes:
        content = b"" if change.is_deleted else await context.history.read(candidate.commit, change.path) or b""
        if all(b"\n" + mark in b"\n" + content for mark in CONFLICT_MARKS):
            marked.append(change.path)
    return tuple(marked)
