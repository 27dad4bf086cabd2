"""Drives runs for the tests of journals: plans, answers to commands, and requests that may come at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from penstock.domain import events
from penstock.domain.changes import Candidate, Finding, Verdict, Violation
from penstock.domain.checks import CheckResult
from penstock.domain.claims import ClaimedAttempt, ClaimedError, ClaimedEvent
from penstock.domain.commands import (
    Compensate,
    JudgeMerge,
    MoveBranch,
    PublishBranch,
    ReleaseWorktree,
    StartStep,
    StopSteps,
)
from penstock.domain.errors import IllegalMove
from penstock.domain.plan import Acceptance, AcceptanceKind, Plan, Scope, TestGate, Workstream
from penstock.domain.ranked import rank
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Policy, Run, Step, new_run
from penstock.domain.states import TERMINAL_RUN
from penstock.domain.step import step
from penstock.ports import Entry, NewRun

if TYPE_CHECKING:
    from random import Random

    from penstock.domain.commands import Command

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


CLAIMS = (
    ClaimedEvent(name="tool_run", payload={"exit_code": 1, "lines": ["a", None]}),
    ClaimedError(step=Step.STATIC, code="timeout", text="it hung"),
    ClaimedAttempt(step=Step.EDIT, status="failed", started_at=START, completed_at=START, result={"by": "hand"}),
)


@dataclass
class HandClock:
    """A clock that moves when it is told to."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()


GATES = (TestGate(group="unit", blocking=False),)
UNDOING = (
    Acceptance(kind=AcceptanceKind.COMMAND, text="make down"),
    Acceptance(kind=AcceptanceKind.PROSE, text="tell ü"),
    Acceptance(kind=AcceptanceKind.COMMAND, text="rm x"),
)


def workstream(
    name: str,
    *,
    depends_on: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    gate: int = 1,
    compensation: tuple[Acceptance, ...] = (),
) -> Workstream:
    return Workstream(
        id=f"ws-{name}", title=name.upper(), tasks=("do it",), scope=Scope(files=(f"{name}/**",)),
        depends_on=depends_on, after=after, gate=gate, test_gates=GATES, compensation=compensation,
    )  # fmt: skip


def run_of(*workstreams: Workstream, name: str = "run-1", policy: Policy | None = None) -> NewRun:
    plan = rank(Plan(title="a plan", workstreams=workstreams))
    run = new_run(id=name, plan=plan, policy=policy or Policy(), branch=f"penstock/{name}")
    return NewRun(
        run=run,
        project="demo",
        project_path="/home/someone/demo",
        settings={"checks": [1, "two"]},
        documents=[{"a": 1}],
    )


def random_run(random: Random, name: str) -> NewRun:
    names = [f"w{number}" for number in range(random.randint(1, 6))]
    workstreams = []
    for place, one in enumerate(names):
        before = [f"ws-{other}" for other in names[:place]]
        depends = tuple(other for other in before if random.random() < 0.3)
        after = tuple(other for other in before if other not in depends and random.random() < 0.2)
        workstreams.append(workstream(one, depends_on=depends, after=after, gate=1 + place // 3, compensation=UNDOING))
    policy = Policy(
        max_parallel=random.randint(1, 3), review=random.random() < 0.3, gate_approvals=random.random() < 0.3
    )
    return run_of(*workstreams, name=name, policy=policy)


@dataclass
class Drive:
    """A run on its way: every decision becomes an entry for the journal, refused events too."""

    run: Run
    open: dict[str, Command] = field(default_factory=dict)
    now: datetime = START
    made: int = 0

    def give(self, event: events.Event, *, answering: str | None = None, request: int | None = None) -> Entry:
        """Step one event."""
        self.now += timedelta(milliseconds=1501)
        self.open.pop(answering or "", None)
        answers = {"command_key": answering, "request_id": request}
        try:
            decision = step(self.run, event, self.now)
        except IllegalMove as refusal:
            illegal = (refusal.entity, str(refusal.source), str(refusal.target))
            return Entry(event=event, at=self.now, decision=None, refused=refusal.sentence, illegal=illegal, **answers)
        except EventRefused as refusal:
            return Entry(event=event, at=self.now, decision=None, refused=refusal.sentence, **answers)
        self.run = decision.run
        self.open |= {command.key: command for command in decision.commands}
        return Entry(event=event, at=self.now, decision=decision, **answers)

    def happily(self, most: int = 1000) -> list[Entry]:
        """Answer every command well until none is left."""
        entries = []
        while self.open and most > 0:
            key, command = next(iter(self.open.items()))
            event = self.answer(command, None)
            if event is None:
                del self.open[key]
            else:
                entries.append(self.give(event, answering=key))
                most -= 1
        return entries

    def wildly(self, random: Random) -> tuple[Entry | None, str | None]:
        """One random thing: an answer to a command, an acknowledgement, a request, or something that does not fit."""
        if self.open and random.random() < 0.8:
            key, command = random.choice(list(self.open.items()))
            event = self.answer(command, random)
            if event is None:
                del self.open[key]
                return None, key
            return self.give(event, answering=key), None
        return self.give(self.request(random)), None

    def request(self, random: Random) -> events.Event:
        name = random.choice(self.run.plan.order).id
        rare = [events.CancelAsked(), events.AbandonAsked()] if random.random() < 0.1 else []
        return random.choice(
            [
                events.PauseAsked(now=random.random() < 0.5),
                events.ResumeAsked(),
                events.ResumeAsked(),
                events.Approved(workstream=name, by="ann"),
                events.Approved(gate=random.randint(1, 3), by="ann"),
                events.Rejected(workstream=name, final=random.random() < 0.3, note="no"),
                events.ResetAsked(workstream=name),
                events.NothingToMerge(judgement=99),
                events.MoveAsked(to="integrating", workstream=name),
                events.Claimed(workstream=name, claims=CLAIMS),
                *rare,
            ]
        )

    def answer(self, command: Command, random: Random | None) -> events.Event | None:
        """What becomes of a command: well without a random, anything with one. None is an acknowledgement."""
        match command:
            case StartStep():
                return self._step_answer(command, random)
            case JudgeMerge():
                return self._judgement(command, random)
            case MoveBranch():
                return events.BranchMoved(verdict=command.verdict)
            case PublishBranch():
                pushed = random is None or random.random() < 0.5
                return events.BranchPublished(commit=command.commit, pushed=pushed, sentence="" if pushed else "no")
            case Compensate():
                return events.Compensated(
                    workstream=command.workstream, command=command.key, action=command.action, exit_code=0, output="ü"
                )
            case StopSteps() | ReleaseWorktree():
                return None

    def _step_answer(self, command: StartStep, random: Random | None) -> events.Event:
        name, attempt = command.workstream, command.attempt
        is_edit = attempt.step in (Step.EDIT, Step.FIX)
        good: events.StepOutcome = events.Passed(results=(self.result(),), not_checked=("prose",))
        if is_edit:
            good = events.Edited(
                candidate=self.candidate(), paths=("a b", "ü"), weakened_tests=("tests/a.py: test test_x removed",)
            )
        if random is None or random.random() < 0.6:
            return events.StepFinished(workstream=name, attempt=attempt, outcome=good)
        red = events.Red(findings=(self.finding(random),), tree=f"tree-{random.randint(1, 3)}")
        outside = events.OutOfScope(violations=(Violation(path="x", rule="is protected"),))
        outcomes: list[events.StepOutcome] = [red, red, outside] if is_edit else [red]
        if is_edit:
            outcomes.append(events.Unchanged(candidate=Candidate(commit=command.start, tree="same")))
        return random.choice(
            [
                events.StepFinished(workstream=name, attempt=attempt, outcome=random.choice(outcomes)),
                events.StepInterrupted(workstream=name, attempt=attempt, asked=random.random() < 0.5),
                events.EnvironmentBroke(workstream=name, attempt=attempt, sentence="the disk is full"),
            ]
        )

    def _judgement(self, command: JudgeMerge, random: Random | None) -> events.Event:
        number = command.number
        merged = self.candidate()
        verdict = Verdict(
            id=f"verdict-{number}", branch=self.run.branch, parent=command.head, commit=merged.commit, tree=merged.tree,
            members=tuple(member.workstream for member in command.members), checks=("make test",), confined=True,
        )  # fmt: skip
        if random is None or random.random() < 0.5:
            return events.VerdictGiven(judgement=number, verdict=verdict)
        return random.choice(
            [
                events.NothingToMerge(judgement=number),
                events.MergeRefused(
                    judgement=number, findings=(self.finding(random),), base=command.head, start=self.candidate()
                ),
                events.NothingLeft(
                    judgement=number,
                    aside=events.Aside(
                        strays=tuple(
                            events.Stray(
                                workstream=one.workstream, violations=(Violation(path="y", rule="is not in scope"),)
                            )
                            for one in command.members
                        )
                    ),
                ),
                events.JudgementInterrupted(judgement=number, asked=random.random() < 0.5),
                events.JudgementInterrupted(judgement=number, asked=False, sentence="no git"),
            ]
        )

    def candidate(self) -> Candidate:
        self.made += 1
        return Candidate(commit=f"commit-{self.made}", tree=f"tree-{self.made}")

    def result(self) -> CheckResult:
        return CheckResult(tree=f"tree-{self.made}", command="make", kind="static", passed=True, exit_code=0)

    def finding(self, random: Random) -> Finding:
        return Finding(code="runtime_failure", text=f"it broke in way {random.randint(1, 3)}")

    @property
    def is_over(self) -> bool:
        return self.run.state in TERMINAL_RUN and not self.open
