"""What a spent budget and a usage limit do to a run."""

from datetime import timedelta

import pytest
from domain_stories import NOW, Story, one

from penstock.domain.budget import Level
from penstock.domain.changes import Candidate
from penstock.domain.commands import JudgeMerge, ReleaseWorktree, StartStep, StopSteps
from penstock.domain.decision import AttemptEnded
from penstock.domain.events import (
    BudgetMarked,
    CancelAsked,
    NothingToMerge,
    OutOfScope,
    OverBudget,
    PauseAsked,
    ResetAsked,
    ResumeAsked,
    StepFinished,
    StepPutOff,
)
from penstock.domain.plan import Priority
from penstock.domain.refusals import EventRefused
from penstock.domain.states import Reason, RunState

LATER = NOW + timedelta(minutes=30)


def spend(story, name, level):
    """The agent's next call is refused."""
    kept = Candidate(commit=f"kept-{name}", tree="kept-tree")
    return story.finish(name, OverBudget(level=level, sentence="all is spent", candidate=kept))


def put_off(story, name):
    command = story.take(story.started(name))
    event = StepPutOff(workstream=name, attempt=command.attempt, until=LATER, sentence="the limit is reached")
    return story.feed(event)


def test_a_workstreams_own_budget_fails_it_alone_and_names_the_runs_reason_when_the_rest_has_ended():
    story = Story(one("a"), one("b"), one("c", depends_on=("a",))).begin()
    spend(story, "a", Level.WORKSTREAM)
    assert story.states() == {"a": "failed", "b": "editing", "c": "blocked"}
    assert story.run.progress("a").reason is Reason.BUDGET_EXHAUSTED
    assert story.run.state is RunState.RUNNING
    story.merge("b")
    story.publish()
    assert (story.run.state, story.run.reason) == (RunState.PARTIAL, Reason.BUDGET_EXHAUSTED)
    assert "all is spent" in story.run.sentence


@pytest.mark.parametrize("level", [Level.RUN, Level.PIPELINE, Level.PROJECT])
def test_a_budget_of_the_run_or_above_ends_it_at_once(level):
    story = Story(one("a"), one("b"), one("c"), one("d", depends_on=("c",)), max_parallel=2).begin()
    spend(story, "a", level)
    assert story.of(StopSteps)
    story.stop()
    assert story.run.state is RunState.FAILED
    assert story.run.reason is Reason.BUDGET_EXHAUSTED
    assert story.states() == {"a": "failed", "b": "failed", "c": "failed", "d": "blocked"}
    assert {story.run.progress(name).reason for name in "abc"} == {Reason.BUDGET_EXHAUSTED}


def test_what_was_merged_before_stays_merged():
    story = Story(one("a"), one("b"), max_parallel=2).begin()
    story.merge("a")
    spend(story, "b", Level.RUN)
    story.stop()
    story.publish()
    assert (story.run.state, story.run.reason) == (RunState.PARTIAL, Reason.BUDGET_EXHAUSTED)
    assert story.states() == {"a": "done", "b": "failed"}


def test_a_run_whose_budget_was_spent_goes_on_when_it_is_resumed():
    story = Story(one("a"), one("b"), one("c", depends_on=("b",)), max_parallel=1).begin()
    spend(story, "b", Level.RUN)
    story.stop()
    story.feed(ResumeAsked())
    assert story.run.state is RunState.RUNNING
    assert story.run.ending is None
    story.merge("b", "a", "c")
    story.publish()
    assert story.run.state is RunState.COMPLETED


def test_what_waited_for_somebody_is_blocked_and_not_failed_whoever_is_asked_first():
    background = one("below", priority=Priority.BACKGROUND)
    story = Story(one("a"), background, one("above", depends_on=("below",)), max_parallel=1).begin()
    spend(story, "a", Level.RUN)
    story.stop()
    assert story.states() == {"a": "failed", "below": "failed", "above": "blocked"}
    story.feed(ResumeAsked())
    assert story.states() == {"a": "editing", "below": "ready", "above": "blocked"}
    story.merge("a")
    story.finish("below", OutOfScope(violations=()))
    story.publish()
    assert story.states() == {"a": "done", "below": "failed", "above": "blocked"}
    assert story.run.state is RunState.PARTIAL


def test_what_was_not_asked_of_the_merges_of_a_spent_run_is_said_and_asked_when_it_goes_on():
    story = Story(one("a"), one("b"), one("c"), max_parallel=1, recheck="touched").begin()
    story.merge("a", "b")
    spend(story, "c", Level.RUN)
    story.stop()
    story.publish()
    said = "everybody's acceptance is yet to be asked of its last 2 merges"
    assert story.run.sentence.endswith(said)
    story.feed(ResumeAsked())
    story.merge("c")
    story.feed(NothingToMerge(judgement=story.take(story.only(JudgeMerge)).number))
    story.publish()
    assert story.run.sentence == "of 3 workstreams 3 done"


def test_a_cancelled_run_says_it_too():
    story = Story(one("a"), one("b"), max_parallel=1, recheck="touched").begin()
    story.merge("a")
    story.feed(CancelAsked())
    story.stop()
    story.publish()
    assert story.run.sentence.endswith("everybody's acceptance is yet to be asked of its last merge")


def test_a_run_that_is_broken_and_out_of_budget_can_be_begun_again():
    story = Story(one("a"), one("b"), max_parallel=1, recheck="touched").begin()
    story.merge("a")
    story.finish("b", OutOfScope(violations=()))
    story.refuse_merge("make all: exit code 1")
    story.publish()
    assert story.run.broken
    story.feed(ResetAsked(workstream="b"))
    spend(story, "b", Level.RUN)
    story.stop()
    assert (story.run.state, story.run.reason) == (RunState.PARTIAL, Reason.CHECKS_FAILED)
    assert story.run.ending is None
    story.feed(ResetAsked(workstream="b"))
    assert story.steps() == {"b": "3.edit-1"}
    story.merge("b")
    story.feed(NothingToMerge(judgement=story.take(story.only(JudgeMerge)).number))
    story.publish()
    assert story.run.state is RunState.COMPLETED


def test_only_what_failed_for_the_budget_is_begun_again():
    story = Story(one("a"), one("b"), max_parallel=2, max_lost=1).begin()
    story.lose("a")
    assert story.state("a") == "failed"
    spend(story, "b", Level.WORKSTREAM)
    assert story.run.reason is Reason.BUDGET_EXHAUSTED
    story.feed(ResumeAsked())
    assert story.states() == {"a": "failed", "b": "editing"}


def test_what_the_agent_had_changed_is_kept_with_the_attempt():
    story = Story(one("a")).begin()
    spend(story, "a", Level.WORKSTREAM)
    (ended,) = story.records(AttemptEnded)
    assert ended.candidate.commit == "kept-a"
    assert ended.result["budget"] == "workstream"


def test_a_usage_limit_makes_the_same_attempt_again_when_it_is_over_and_counts_for_nothing():
    story = Story(one("a"), max_lost=1).begin()
    for _ in range(5):
        put_off(story, "a")
        command = story.started("a")
        assert command.not_before == LATER
        assert command.attempt.number == 1
        assert story.run.progress("a").delay == "the limit is reached"
    assert {one.status for one in story.records(AttemptEnded)} == {"rate_limited"}
    assert not story.run.progress("a").breaker.red_count(command.attempt.step)
    story.merge("a")
    assert story.state("a") == "done"


def test_nobody_is_put_off_for_ever():
    story = Story(one("a"), max_repeats=3).begin()
    for _ in range(4):
        put_off(story, "a")
    assert story.state("a") == "failed"
    assert story.run.reason is Reason.ENVIRONMENT
    assert "3 times" in story.run.sentence


def test_a_paused_run_holds_what_was_put_off_and_begins_it_when_it_goes_on():
    story = Story(one("a")).begin()
    story.feed(PauseAsked())
    put_off(story, "a")
    assert not story.of(StartStep)
    story.feed(ResumeAsked())
    assert story.started("a").attempt.retry == 1


def test_a_limit_that_is_told_of_another_attempt_is_refused():
    story = Story(one("a")).begin()
    stale = story.started("a").attempt
    put_off(story, "a")
    with pytest.raises(EventRefused):
        story.feed(StepPutOff(workstream="a", attempt=stale, until=LATER, sentence="again"))


def test_a_mark_is_noted_and_changes_nothing():
    story = Story(one("a")).begin()
    before = story.run
    story.feed(BudgetMarked(level=Level.RUN, mark=80, sentence="80 % is spent"))
    assert story.run == before
    (note,) = story.notes("budget_warning")
    assert note.payload == {"level": "run", "mark": 80, "sentence": "80 % is spent"}


def test_what_is_being_judged_when_the_budget_is_spent_is_stopped_too():
    story = Story(one("a"), one("b"), max_parallel=2).begin()
    story.to_integration("a")
    spend(story, "b", Level.PROJECT)
    story.stop()
    assert story.states() == {"a": "failed", "b": "failed"}
    assert not story.of(StartStep)
    assert not story.of(ReleaseWorktree)
    assert StepFinished not in {type(one) for one in story.open.values()}
