"""A run told as a story: feeds events to `step`, keeps unanswered commands, checks what must always hold."""

from datetime import UTC, datetime

from penstock.domain.changes import Candidate, Finding, Verdict
from penstock.domain.checks import CheckResult
from penstock.domain.commands import Compensate, JudgeMerge, MoveBranch, PublishBranch, StartStep, StopSteps
from penstock.domain.events import (
    BranchMoved,
    BranchPublished,
    Compensated,
    Edited,
    JudgementInterrupted,
    MergeRefused,
    Passed,
    Red,
    RunStarted,
    StepFinished,
    StepInterrupted,
    VerdictGiven,
)
from penstock.domain.plan import Plan, Scope, Workstream
from penstock.domain.ranked import rank
from penstock.domain.run import STEP_OF, Policy, Step, derive, new_run
from penstock.domain.states import (
    ACTIVE,
    IN_FLIGHT,
    TERMINAL_RUN,
    RunState,
    WorkstreamState,
    validate_state_transition,
)
from penstock.domain.step import step

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GREEN = CheckResult(tree="t", command="true", kind="acceptance", passed=True, exit_code=0)


def one(name, *, files=None, **fields):
    """A workstream with a scope of its own."""
    return Workstream(id=name, tasks=("do it",), scope=Scope(files=tuple(files or (f"{name}.py",))), **fields)


def verdict_for(run, command, *, identifier=None):
    """The verdict that a green judgement comes to."""
    name = identifier or f"v{command.number}"
    return Verdict(
        id=name,
        branch=run.branch,
        parent=command.head,
        commit=f"merge-{command.number}",
        tree=f"merged-tree-{command.number}",
        members=tuple(member.workstream for member in command.members),
        merges=(
            *(f"{member.workstream}-{command.number}" for member in command.members[:-1]),
            f"merge-{command.number}",
        ),
        checks=("true",),
    )


def happy_answer(run, command, number):
    """The event by which a command succeeds."""
    match command:
        case StartStep() if command.attempt.step in (Step.EDIT, Step.FIX):
            candidate = Candidate(commit=f"commit-{number}", tree=f"tree-{number}")
            outcome = Edited(candidate=candidate, paths=("x",))
            return StepFinished(workstream=command.workstream, attempt=command.attempt, outcome=outcome)
        case StartStep():
            passed = Passed(results=(GREEN,))
            return StepFinished(workstream=command.workstream, attempt=command.attempt, outcome=passed)
        case JudgeMerge():
            return VerdictGiven(judgement=command.number, verdict=verdict_for(run, command))
        case MoveBranch():
            return BranchMoved(verdict=command.verdict)
        case PublishBranch():
            return BranchPublished(commit=command.commit, pushed=True)
        case Compensate():
            return undone(command)
    raise AssertionError(f"nothing answers {command}")


def undone(command, *, exit_code=0, sentence=""):
    """What a compensation action came to."""
    return Compensated(
        workstream=command.workstream,
        command=command.key,
        action=command.action,
        exit_code=None if sentence else exit_code,
        sentence=sentence,
    )


class Story:
    """One run and its world."""

    def __init__(self, *workstreams, **policy):
        self.plan = rank(Plan(workstreams=workstreams))
        self.run = new_run(id="r", plan=self.plan, policy=Policy(**policy), branch="penstock/r")
        self.events, self.decisions = [], []
        self.open, self.keys = {}, set()
        self.edits = 0

    def begin(self):
        self.feed(RunStarted(base="base"))
        return self

    def feed(self, event):
        before = self.run
        decision = step(before, event, NOW)
        self.run = decision.run
        self.events.append(event)
        self.decisions.append(decision)
        for command in decision.commands:
            assert command.key not in self.keys, f"the key {command.key} came twice"
            self.keys.add(command.key)
            self.open[command.key] = command
        self._check(before, decision)
        return decision

    # what stands open

    def state(self, name):
        return self.run.progress(name).state.value

    def states(self):
        return {one.id: self.state(one.id) for one in self.plan.order}

    def steps(self):
        """Who has which step under way."""
        return {one.workstream: one.attempt.key for one in self.of(StartStep)}

    def of(self, kind):
        return [command for command in self.open.values() if isinstance(command, kind)]

    def started(self, name):
        (found,) = [command for command in self.of(StartStep) if command.workstream == name]
        return found

    def take(self, command):
        return self.open.pop(command.key)

    def only(self, kind):
        (found,) = self.of(kind)
        return found

    def notes(self, type_):
        return [note for decision in self.decisions for note in decision.notes if note.type == type_]

    def records(self, kind):
        return [record for decision in self.decisions for record in decision.records if isinstance(record, kind)]

    # answers

    def finish(self, name, outcome):
        command = self.take(self.started(name))
        return self.feed(StepFinished(workstream=name, attempt=command.attempt, outcome=outcome))

    def edit(self, name, *, tree=None):
        self.edits += 1
        candidate = Candidate(commit=f"commit-{self.edits}", tree=tree or f"tree-{self.edits}")
        return self.finish(name, Edited(candidate=candidate, paths=(f"{name}.py",)))

    def passes(self, name):
        return self.finish(name, Passed(results=(GREEN,)))

    def red(self, name, *texts, code="static_failure"):
        return self.finish(name, Red(findings=tuple(Finding(code=code, text=text) for text in texts)))

    def lose(self, name, *, asked=False):
        command = self.take(self.started(name))
        return self.feed(StepInterrupted(workstream=name, attempt=command.attempt, asked=asked))

    def approve_tree(self):
        command = self.take(self.only(JudgeMerge))
        return self.feed(VerdictGiven(judgement=command.number, verdict=verdict_for(self.run, command)))

    def refuse_merge(self, *texts, code="runtime_failure"):
        command = self.take(self.only(JudgeMerge))
        start = Candidate(commit=f"red-{command.number}", tree=f"red-tree-{command.number}")
        findings = tuple(Finding(code=code, text=text) for text in texts)
        return self.feed(MergeRefused(judgement=command.number, findings=findings, base=command.head, start=start))

    def lose_judgement(self, *, asked=False, sentence=""):
        command = self.take(self.only(JudgeMerge))
        return self.feed(JudgementInterrupted(judgement=command.number, asked=asked, sentence=sentence))

    def move_branch(self):
        return self.feed(BranchMoved(verdict=self.take(self.only(MoveBranch)).verdict))

    def move_branches(self):
        """All that are under way, oldest first."""
        for command in self.of(MoveBranch):
            self.take(command)
            self.feed(BranchMoved(verdict=command.verdict))

    def publish(self, sentence=""):
        command = self.take(self.only(PublishBranch))
        return self.feed(BranchPublished(commit=command.commit, pushed=not sentence, sentence=sentence))

    def undo(self, command, **how):
        return self.feed(undone(self.take(command), **how))

    def stop(self):
        """Do what StopSteps says, as the engine does: everything that runs is interrupted on purpose."""
        for command in self.of(StopSteps):
            self.take(command)
        for command in self.of(StartStep):
            self.lose(command.workstream, asked=True)
        if self.of(JudgeMerge):
            self.lose_judgement(asked=True)

    def to_integration(self, *names):
        for name in names:
            self.edit(name)
            self.passes(name)
            self.passes(name)

    def merge(self, *names):
        """All the way to done, one after another."""
        for name in names:
            self.to_integration(name)
            self.approve_tree()
            self.move_branch()

    # what must hold after every event

    def _check(self, before, decision):
        run = decision.run
        assert derive(run) == run
        changed = set(decision.changed)
        for place, (old, new) in enumerate(zip(before.rows, run.rows, strict=True)):
            assert old == new or place in changed
            self._check_moves(self.plan.order[place].id, old.state, new.state, WorkstreamState, decision)
        self._check_moves("", before.state, run.state, RunState, decision)
        self._check_starts(before, run)
        self._check_company(before, run)
        busy = {command.workstream for command in self.of(StartStep)}
        for place, row in enumerate(run.rows):
            name, has_step = self.plan.order[place].id, row.state in STEP_OF and row.state not in NO_STEP
            assert (name in busy) == (has_step and not row.held), name
            assert not (row.held and row.state not in ACTIVE)
            may_be_in_head = row.state in {WorkstreamState.INTEGRATING, WorkstreamState.DONE}
            assert not row.verdict or may_be_in_head or row.sentence == "taken back", f"{name} is merged, and denied"
            assert row.attempt is None or row.state in IN_FLIGHT
            assert row.state not in IN_FLIGHT | {WorkstreamState.READY} or all(
                run.rows[one].state is WorkstreamState.DONE for one in self.plan.dependencies[place]
            ), f"{name} goes on without what it depends on"
            assert not row.delay or (row.attempt is not None and not row.held)
        assert len(busy) == len(self.of(StartStep))
        assert len(self.of(PublishBranch)) <= 1
        assert {command.verdict.id for command in self.of(MoveBranch)} == set(run.moving)
        assert {command.key for command in self.of(Compensate)} == set(run.compensating)
        judged = [command.number for command in self.of(JudgeMerge)]
        assert judged == ([run.judging.number] if run.judging else [])
        if run.state is RunState.COMPLETED:
            assert all(row.state is WorkstreamState.DONE or row.sentence == "taken back" for row in run.rows)
        if run.state in TERMINAL_RUN:
            assert run.ending is None or run.state is RunState.ABANDONED
            assert not busy
            assert not self.of(JudgeMerge)
            assert run.taking_back or not self.of(MoveBranch)
            assert not self.of(Compensate)
            assert not any(row.state in IN_FLIGHT | BEFORE for row in run.rows)

    def _check_moves(self, name, old, new, states, decision):
        """What the audit says is a chain of legal moves from the old state to the new one."""
        at, kind = old, "workstream_status_changed" if name else "run_status_changed"
        for note in decision.notes:
            if (note.type, note.workstream) == (kind, name):
                assert states(note.payload["from"]) is at
                validate_state_transition(at, states(note.payload["to"]))
                at = states(note.payload["to"])
        assert at is new

    def _check_starts(self, before, run):
        for place, (old, new) in enumerate(zip(before.rows, run.rows, strict=True)):
            if old.state in IN_FLIGHT or new.state not in IN_FLIGHT:
                continue
            assert before.state is not RunState.PAUSED or run.state is RunState.RUNNING
            assert all(run.rows[other].state is WorkstreamState.DONE for other in self.plan.dependencies[place])
            assert all(run.rows[other].state in OVER for other in self.plan.predecessors[place])
            gate = next(number for number, members in self.plan.gates if place in members)
            lower = [rank_ for number, members in self.plan.gates if number < gate for rank_ in members]
            assert all(run.rows[other].state in OVER for other in lower)

    def _check_company(self, before, run):
        in_flight = [place for place, row in enumerate(run.rows) if row.state in IN_FLIGHT]
        for place in in_flight:
            assert not any(other in self.plan.conflicts[place] for other in in_flight)
        if len(in_flight) > 1:
            assert not any(place in self.plan.solo for place in in_flight)
        # the limit is for beginning: what comes back from a review may be above it, for it had begun before
        began = any(
            new.state in IN_FLIGHT and old.state not in IN_FLIGHT
            for old, new in zip(before.rows, run.rows, strict=True)
        )
        counted = ACTIVE if run.policy.max_parallel == 1 else ACTIVE - {WorkstreamState.INTEGRATING}
        if began:
            assert sum(row.state in counted for row in run.rows) <= run.policy.max_parallel


NO_STEP = {WorkstreamState.REVIEWING, WorkstreamState.INTEGRATING}
BEFORE = {WorkstreamState.PENDING, WorkstreamState.READY}
OVER = {WorkstreamState.DONE, WorkstreamState.FAILED, WorkstreamState.BLOCKED, WorkstreamState.ABANDONED}


def batch(story):
    """Who is being judged together."""
    return [member.workstream for member in story.only(JudgeMerge).members]
