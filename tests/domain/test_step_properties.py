"""Any plan, any world, any people: what must hold after every event (`Story` checks it), and that every run ends."""

from dataclasses import replace

import pytest
from domain_stories import GREEN, NOW, Story, one, undone, verdict_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.domain.budget import Level
from penstock.domain.changes import Candidate, Finding, Violation
from penstock.domain.claims import ClaimedAttempt, ClaimedError, ClaimedEvent
from penstock.domain.commands import (
    Compensate,
    JudgeMerge,
    MoveBranch,
    PublishBranch,
    ReleaseWorktree,
    StartStep,
    StopSteps,
    TakeBack,
)
from penstock.domain.errors import IllegalMove
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    Aside,
    BranchMoved,
    BranchPublished,
    BudgetMarked,
    CancelAsked,
    Claimed,
    Conflict,
    Edited,
    EnvironmentBroke,
    JudgementInterrupted,
    MergeRefused,
    MoveAsked,
    NothingLeft,
    NothingToMerge,
    OutOfScope,
    OverBudget,
    Passed,
    PauseAsked,
    Red,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RollbackAsked,
    RunStarted,
    StepDelayed,
    StepFinished,
    StepInterrupted,
    StepPutOff,
    Stray,
    TakeBackRefused,
    TakenBack,
    Unchanged,
    VerdictGiven,
)
from penstock.domain.plan import Acceptance, AcceptanceKind, BreakerOverride, Priority
from penstock.domain.refusals import EventRefused
from penstock.domain.run import RECHECK_ALL, RECHECK_TOUCHED, AttemptId, Policy, Step, new_run
from penstock.domain.states import TERMINAL_RUN, RunState, WorkstreamState
from penstock.domain.step import step

MOST_WORKSTREAMS = 12
MOST_EVENTS_EACH = 80
UNDOING = (
    Acceptance(kind=AcceptanceKind.COMMAND, text="rm one"),
    Acceptance(kind=AcceptanceKind.PROSE, text="tell the others"),
    Acceptance(kind=AcceptanceKind.COMMAND, text="rm two"),
)
CLAIMS = (
    ClaimedEvent(name="tool_run"),
    ClaimedError(step=Step.STATIC, code="timeout", text="it hung"),
    ClaimedAttempt(step=Step.EDIT, status="failed", started_at=NOW, completed_at=NOW),
)
VIOLATIONS = (Violation(path="x", rule="is not in the scope"),)


@st.composite
def plans(draw):
    count = draw(st.integers(0, MOST_WORKSTREAMS))
    names = [f"w{number:02}" for number in range(count)]
    order = draw(st.permutations(names))
    made = []
    for place, name in enumerate(order):
        before = order[:place]
        some = st.lists(st.sampled_from(before), max_size=2, unique=True) if before else st.just([])
        made.append(
            one(
                name,
                files=draw(st.sampled_from([None, None, None, ["a/x.py"], ["a/"], ["b/*.py"], ["b/y.py", "a/z.py"]])),
                depends_on=tuple(draw(some)),
                after=tuple(draw(some)),
                gate=draw(st.sampled_from([1, 1, 1, 2, 5])),
                priority=draw(st.sampled_from(Priority)),
                parallel_ok=draw(st.sampled_from([True, True, True, True, False])),
                compensation=draw(st.sampled_from([(), UNDOING])),
                conflict_group=draw(st.sampled_from([None, None, None, "g", "h"])),
                breaker=draw(st.sampled_from([BreakerOverride(), BreakerOverride(), BreakerOverride(max_attempts=4)])),
            )
        )
    return made


POLICIES = st.fixed_dictionaries(
    {
        "max_parallel": st.integers(1, 4),
        "review": st.booleans(),
        "gate_approvals": st.booleans(),
        "recheck": st.sampled_from([RECHECK_ALL, RECHECK_TOUCHED]),
    }
)


class World:
    """Answers every command in any way that it may be answered, and asks anything of the run at any time."""

    def __init__(self, story, data):
        self.story = story
        self.random = data.draw(st.randoms(use_true_random=False))
        self.count = 0

    def pick(self, things):
        return things[self.random.randrange(len(things))]

    def tree(self):
        self.count += 1
        number = self.random.randrange(3) if self.random.randrange(3) == 0 else self.count
        return Candidate(commit=f"commit-{self.count}", tree=f"tree-{number}")

    def findings(self):
        codes = ["failure", "failure", "merge_conflict"]
        texts = ["boom", "bang", f"new {self.count}", ""]
        return tuple(Finding(code=self.pick(codes), text=self.pick(texts)) for _ in range(self.random.randrange(3)))

    def answer(self, *, calm=False):
        """One outstanding command is answered."""
        commands = [one for one in self.story.open.values() if not isinstance(one, ReleaseWorktree)]
        command = self.pick(commands)
        if isinstance(command, StopSteps):
            self.story.stop()
            return
        event = self.event_for(self.story.take(command), calm=calm)
        self.story.feed(event)
        if not isinstance(event, BranchPublished) and event != self.locked(command):
            self.refused(event)

    def event_for(self, command, *, calm):
        match command:
            case StartStep():
                return self.step_event(command, calm=calm)
            case JudgeMerge():
                return self.judgement(command, calm=calm)
            case MoveBranch() if not calm and self.random.randrange(8) == 0:
                if self.story.run.ending is None or self.story.run.state in TERMINAL_RUN:
                    self.story.open[command.key] = command  # it is tried again
                return self.locked(command)
            case MoveBranch():
                return BranchMoved(verdict=command.verdict)
            case TakeBack() if self.random.randrange(3) == 0:
                return TakeBackRefused(number=command.number, sentence="the rest fails")
            case TakeBack():
                verdict = verdict_for(self.story.run, command, identifier=f"back-{command.number}")
                return TakenBack(number=command.number, verdict=verdict)
            case PublishBranch():
                pushed = bool(self.random.randrange(3))
                return BranchPublished(commit=command.commit, pushed=pushed, sentence="" if pushed else "checked out")
            case Compensate():
                return undone(command, exit_code=self.random.randrange(2), sentence=self.pick(["", "", "no space"]))

    def locked(self, command):
        """A command that could not be performed."""
        return EnvironmentBroke(sentence="locked", command=command.key, verdict=getattr(command, "verdict", None))

    def step_event(self, command, *, calm):
        fate = self.random.randrange(20)
        names = {"workstream": command.workstream, "attempt": command.attempt}
        if fate == 0:
            return StepInterrupted(**names, asked=False)
        if fate == 1 and not calm:
            return StepInterrupted(**names, asked=True)
        if fate == 2 and not calm:
            return EnvironmentBroke(**names, sentence="no space")
        if command.attempt.step in (Step.EDIT, Step.FIX) and fate == 19:
            return self.models_say(names)
        return StepFinished(**names, outcome=self.outcome(command, fate))

    def models_say(self, names):
        """A usage limit or a budget ended the attempt."""
        if self.random.randrange(2):
            return StepPutOff(**names, until=NOW, sentence="the limit is over soon")
        kept = Candidate(commit=f"kept-{self.count}", tree=f"kept-tree-{self.count}")
        level = self.pick(list(Level))
        return StepFinished(**names, outcome=OverBudget(level=level, sentence="all is spent", candidate=kept))

    def outcome(self, command, fate):
        if fate == 3:
            return OutOfScope(violations=VIOLATIONS)
        if fate <= 7:
            return Red(findings=self.findings())
        if command.attempt.step not in (Step.EDIT, Step.FIX):
            return Passed(results=(GREEN,) if fate < 18 else ())
        if fate <= 9:
            return Unchanged(candidate=command.candidate or Candidate(commit=command.start, tree="base-tree"))
        return Edited(candidate=self.tree(), paths=("x",))

    def judgement(self, command, *, calm):
        number, fate = command.number, self.random.randrange(20)
        if fate == 0:
            return JudgementInterrupted(judgement=number, asked=False)
        if fate == 1 and not calm:
            return JudgementInterrupted(judgement=number, asked=True)
        if fate == 2 and not calm:
            return JudgementInterrupted(judgement=number, asked=False, sentence="no space")
        aside, left = self.aside(command)
        if command.members and not left:
            return NothingLeft(judgement=number, aside=aside)
        if fate == 4 or (not left and fate > 8):
            return NothingToMerge(judgement=number, aside=aside)
        if fate <= 8:
            findings, start = self.findings(), self.tree()
            return MergeRefused(judgement=number, findings=findings, base=command.head, start=start, aside=aside)
        unchanged = left[1:] if fate == 9 else ()
        merged = replace(command, members=left[:1] if fate == 9 else left)
        verdict, names = verdict_for(self.story.run, merged), tuple(one.workstream for one in unchanged)
        return VerdictGiven(judgement=number, verdict=verdict, unchanged=names, aside=aside)

    def aside(self, command):
        """Some of a batch taken out, and who is left."""
        conflicts, strays, put_off, left = [], [], [], []
        for member in command.members:
            name, fate = member.workstream, self.random.randrange(20)
            if fate == 0:
                finding = Finding(code="merge_conflict", text="both")
                conflicts.append(Conflict(workstream=name, start=self.tree(), finding=finding))
            elif fate == 1:
                strays.append(Stray(workstream=name, violations=VIOLATIONS))
            elif fate == 2 and left:
                put_off.append(name)
            else:
                left.append(member)
        return Aside(conflicts=tuple(conflicts), strays=tuple(strays), put_off=tuple(put_off)), tuple(left)

    def request(self):
        """Somebody asks for something, sensible or not."""
        order = self.story.plan.order
        name = self.pick(order).id if order else "nobody"
        asked = self.pick(
            [
                PauseAsked(),
                PauseAsked(now=True),
                ResumeAsked(),
                ResumeAsked(),
                ResumeAsked(),
                self.pick([CancelAsked(), AbandonAsked(), ResumeAsked(), ResumeAsked()]),
                Approved(workstream=name),
                Approved(gate=self.pick([1, 2, 5])),
                Rejected(workstream=name, note=self.pick(["", "once more"])),
                Rejected(workstream=name, final=True),
                ResetAsked(workstream=name),
                ResetAsked(workstream=name),
                RollbackAsked(workstream=name, cascade=bool(self.random.randrange(2))),
                EnvironmentBroke(sentence="no repository"),
                self.delayed(name),
                MoveAsked(to=self.pick(list(RunState)).value),
                MoveAsked(to=self.pick(list(WorkstreamState)).value, workstream=name),
                Claimed(workstream=name, claims=CLAIMS),
                BudgetMarked(level=Level.RUN, mark=80, sentence="80 % are spent"),
            ]
        )
        before = self.story.run
        try:
            self.story.feed(asked)
        except (EventRefused, IllegalMove):
            assert self.story.run is before

    def delayed(self, name):
        """Something that runs says that it waits for the machine, or no more; nobody takes it of what does not run."""
        attempts = [one.attempt for one in self.story.open.values() if isinstance(one, StartStep)]
        attempt = self.pick([*attempts, AttemptId(step=Step.EDIT, number=9)])
        return StepDelayed(workstream=name, attempt=attempt, sentence=self.pick(["no slot", ""]))

    def refused(self, event):
        """An event that comes twice is refused."""
        with pytest.raises((EventRefused, IllegalMove)):
            step(self.story.run, event, NOW)

    def people_let_it_end(self):
        """Nobody asks for anything new, but who is waited for answers."""
        run = self.story.run
        if run.state is RunState.PAUSED and run.ending is None:
            self.story.feed(ResumeAsked())
        for place in self.story.run.in_state(WorkstreamState.REVIEWING):
            name = self.story.plan.order[place].id
            self.story.feed(self.pick([Approved(workstream=name), Rejected(workstream=name, note="no")]))
        gates = self.story.plan.gates
        if gates and self.story.run.approved_gate < gates[-1][0]:
            self.story.feed(Approved(gate=gates[-1][0]))


def lived(plan, policy, data, *, turmoil):
    """A run that went through so many events of any kind and was then let come to its end."""
    story = Story(*plan, **policy)
    world = World(story, data)
    if world.random.randrange(10) == 0:
        world.request()
    if story.run.state is RunState.PENDING:
        story.feed(RunStarted(base="base"))
    for _ in range(turmoil):
        has_open = any(not isinstance(command, ReleaseWorktree) for command in story.open.values())
        if has_open and world.random.randrange(4):
            world.answer()
        else:
            world.request()
    began = len(story.events)
    while story.run.state not in TERMINAL_RUN:
        assert len(story.events) - began < MOST_EVENTS_EACH * (len(plan) + 1), "the run does not end"
        world.people_let_it_end()
        if story.run.state not in TERMINAL_RUN:
            world.answer(calm=True)
    return story


def check_the_end(story, policy):
    run = story.run
    done = sum(row.state is WorkstreamState.DONE or row.sentence == "taken back" for row in run.rows)
    match run.state:
        case RunState.COMPLETED:
            assert done == len(story.plan)
            assert run.reason is None
        case RunState.PARTIAL:
            assert done > 0
            assert done < len(story.plan) or run.broken
            assert run.reason is not None
        case RunState.FAILED:
            assert not run.in_state(WorkstreamState.DONE)
            assert run.reason is not None
        case state:
            assert state is RunState.ABANDONED
    replayed = new_run(id="r", plan=story.plan, policy=Policy(**policy), branch="penstock/r")
    for event in story.events:
        replayed = step(replayed, event, NOW).run
    assert replayed == run


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), POLICIES, st.data())
def test_any_run_keeps_its_promises_and_ends(plan, policy, data):
    check_the_end(lived(plan, policy, data, turmoil=30), policy)


@pytest.mark.slow
@pytest.mark.timeout(600)  # four hundred whole runs, on a machine that does other things too
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), POLICIES, st.integers(0, 200), st.data())
def test_many_runs_keep_their_promises_and_end(plan, policy, turmoil, data):
    check_the_end(lived(plan, policy, data, turmoil=turmoil), policy)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), POLICIES, st.data())
def test_in_a_calm_world_where_all_goes_well_every_plan_is_completed(plan, policy, data):
    story = Story(*plan, **policy).begin()
    world = World(story, data)
    while story.run.state not in TERMINAL_RUN:
        for place in story.run.in_state(WorkstreamState.REVIEWING):
            story.feed(Approved(workstream=story.plan.order[place].id))
        if story.plan.gates and story.run.approved_gate < story.plan.gates[-1][0]:
            story.feed(Approved(gate=story.plan.gates[-1][0]))
        command = world.pick([one for one in story.open.values() if not isinstance(one, ReleaseWorktree)])
        story.take(command)
        match command:
            case StartStep() if command.attempt.step is Step.EDIT:
                outcome = Edited(candidate=world.tree(), paths=("x",))
                story.feed(StepFinished(workstream=command.workstream, attempt=command.attempt, outcome=outcome))
            case StartStep():
                outcome = Passed(results=(GREEN,))
                story.feed(StepFinished(workstream=command.workstream, attempt=command.attempt, outcome=outcome))
            case JudgeMerge(members=()):
                story.feed(NothingToMerge(judgement=command.number))
            case JudgeMerge():
                story.feed(VerdictGiven(judgement=command.number, verdict=verdict_for(story.run, command)))
            case MoveBranch():
                story.feed(BranchMoved(verdict=command.verdict))
            case PublishBranch():
                story.feed(BranchPublished(commit=command.commit, pushed=True))
    assert story.run.state is RunState.COMPLETED
    assert story.run.published == (story.run.head if plan else "")
