from dataclasses import replace

import pytest
from domain_stories import GREEN, NOW, Story, batch, happy_answer, one, verdict_for

from penstock.domain.changes import Candidate, Finding, Violation
from penstock.domain.checks import CheckResult
from penstock.domain.commands import JudgeMerge, MoveBranch, PublishBranch, ReleaseWorktree, StopSteps
from penstock.domain.decision import (
    ApprovalRecorded,
    AttemptBegan,
    AttemptEnded,
    ErrorSeen,
    Integrated,
    VerdictRecorded,
)
from penstock.domain.errors import Bug, IllegalMove
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    Aside,
    BranchMoved,
    BranchPublished,
    CancelAsked,
    Edited,
    EnvironmentBroke,
    JudgementInterrupted,
    NothingLeft,
    NothingToMerge,
    OutOfScope,
    Passed,
    PauseAsked,
    Red,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RunStarted,
    StepDelayed,
    StepFinished,
    StepInterrupted,
    Stray,
    Unchanged,
    VerdictGiven,
)
from penstock.domain.plan import Priority
from penstock.domain.refusals import EventRefused
from penstock.domain.run import AttemptId, Outcome, Step, new_run
from penstock.domain.states import Reason, RunState, WorkstreamState
from penstock.domain.step import step


def refused(story, event, match):
    """The event is refused, in words, and nothing has changed."""
    before = story.run
    with pytest.raises((EventRefused, IllegalMove), match=match):
        step(before, event, NOW)
    assert story.run is before


def failing(*names, of=()):
    """A story in which these workstreams have failed by leaving their scope."""
    story = Story(*of).begin()
    for name in names:
        story.finish(name, OutOfScope(violations=(Violation(path="x", rule="is not in the scope"),)))
    return story


# The way of one


def test_one_workstream_goes_all_the_way_to_done_and_is_published_once():
    story = Story(one("a")).begin()
    start = story.started("a")
    assert (start.attempt.key, start.base, start.start, start.candidate) == ("edit-1", "base", "base", None)
    story.edit("a")
    assert (story.state("a"), story.steps()) == ("static_check", {"a": "static-1"})
    assert story.started("a").candidate == Candidate(commit="commit-1", tree="tree-1")
    story.passes("a")
    assert story.steps() == {"a": "runtime-1"}
    story.passes("a")
    assert story.state("a") == "integrating"
    judge = story.only(JudgeMerge)
    assert (judge.head, judge.members[0].candidate.commit) == ("base", "commit-1")
    story.approve_tree()
    assert story.state("a") == "integrating"
    assert story.run.head == "merge-1"
    story.move_branch()
    assert story.run.progress("a").outcome is Outcome.MERGED
    assert (story.state("a"), story.run.state) == ("done", RunState.RUNNING)
    story.publish()
    assert (story.run.state, story.run.published) == (RunState.COMPLETED, "merge-1")
    assert [release.workstream for release in story.of(ReleaseWorktree)] == ["a"]


def test_an_empty_plan_is_completed_at_once():
    story = Story().begin()
    assert story.run.state is RunState.COMPLETED
    assert not story.open


def test_every_attempt_is_recorded_from_its_beginning_to_its_end():
    story = Story(one("a")).begin()
    story.merge("a")
    began = [(record.attempt.key, record.start) for record in story.records(AttemptBegan)]
    assert began == [
        ("edit-1", "base"),
        ("static-1", "commit-1"),
        ("runtime-1", "commit-1"),
        ("integrate-1", "commit-1"),
    ]
    ended = [(record.attempt.key, record.status) for record in story.records(AttemptEnded)]
    assert ended == [(key, "success") for key, _ in began]
    (integrated,) = story.records(Integrated)
    (recorded,) = story.records(VerdictRecorded)
    assert (integrated.verdict_id, integrated.tree) == (recorded.verdict.id, recorded.verdict.tree)


@pytest.mark.parametrize("confined", [True, False, None])
@pytest.mark.parametrize(
    "outcome",
    [
        Edited(candidate=Candidate(commit="c", tree="t"), paths=()),
        Unchanged(candidate=Candidate(commit="c", tree="t")),
        OutOfScope(violations=(Violation(path="x", rule="out"),)),
        Red(findings=(Finding(code="timeout", text="x"),)),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_whether_an_attempt_was_confined_is_recorded_however_it_ended(outcome, confined):
    story = Story(one("a")).begin()
    attempt = story.take(story.started("a")).attempt
    story.feed(StepFinished(workstream="a", attempt=attempt, outcome=outcome, confined=confined))
    assert [record.confined for record in story.records(AttemptEnded)] == [confined]


def test_whether_a_verification_was_confined_is_recorded_with_the_attempt_and_the_verdict():
    story = Story(one("a")).begin()
    story.merge("a")
    (recorded,) = story.records(VerdictRecorded)
    assert story.records(AttemptEnded)[-1].confined is recorded.verdict.confined


def test_a_run_begins_only_once():
    refused(Story(one("a")).begin(), RunStarted(base="x"), "run can't go from running")


# What waits for what


def test_a_chain_goes_one_after_another_each_on_what_was_merged_before():
    story = Story(one("a"), one("b", depends_on=("a",)), one("c", depends_on=("b",))).begin()
    assert story.states() == {"a": "editing", "b": "pending", "c": "pending"}
    story.merge("a")
    assert story.started("b").base == "merge-1"
    story.merge("b")
    assert story.started("c").base == "merge-2"
    story.merge("c")
    story.publish()
    assert story.run.state is RunState.COMPLETED


def test_in_a_diamond_the_sides_run_together_and_the_last_waits_for_both():
    story = Story(
        one("a"), one("b", depends_on=("a",)), one("c", depends_on=("a",)), one("d", depends_on=("b", "c"))
    ).begin()
    story.merge("a")
    assert set(story.steps()) == {"b", "c"}
    story.merge("b")
    assert story.state("d") == "pending"
    story.merge("c")
    assert story.state("d") == "editing"


def test_foreground_goes_first_then_the_longest_chain_then_the_id():
    story = Story(
        one("z-long"),
        one("after-z", depends_on=("z-long",)),
        one("b"),
        one("a"),
        one("a-background", priority=Priority.BACKGROUND),
        max_parallel=1,
    ).begin()
    order = []
    while story.run.state is RunState.RUNNING and story.steps():
        (name,) = story.steps()
        order.append(name)
        story.merge(name)
    assert order == ["z-long", "a", "after-z", "b", "a-background"]


def test_a_failure_blocks_everything_behind_it_and_nothing_else():
    plan = [one("a"), one("b", depends_on=("a",)), one("c", depends_on=("b",)), one("d")]
    story = failing("a", of=plan)
    assert story.states() == {"a": "failed", "b": "blocked", "c": "blocked", "d": "editing"}
    assert story.run.progress("c").reason is Reason.DEPENDENCY_FAILED
    assert story.run.progress("c").sentence == "dependency failed: a"
    story.merge("d")
    story.publish()
    assert (story.run.state, story.run.reason) == (RunState.PARTIAL, Reason.POLICY_VIOLATION)
    assert story.run.sentence == (
        "of 4 workstreams 1 done, 1 failed, 2 blocked (a: left its scope: x: is not in the scope)"
    )


def test_a_run_in_which_nothing_got_done_has_failed_and_publishes_nothing():
    story = failing("a", of=[one("a"), one("b", depends_on=("a",))])
    assert story.run.state is RunState.FAILED
    assert not story.of(PublishBranch)


def test_after_only_orders_whatever_the_end_of_the_other_is():
    story = Story(one("a"), one("b", after=("a",))).begin()
    assert story.state("b") == "pending"
    story.finish("a", OutOfScope(violations=()))
    assert story.states() == {"a": "failed", "b": "editing"}


def test_after_something_blocked_comes_its_turn_too():
    story = failing("a", of=[one("a"), one("b", depends_on=("a",)), one("c", after=("b",))])
    assert story.states() == {"a": "failed", "b": "blocked", "c": "editing"}


def test_who_waits_for_two_kinds_of_things_waits_for_both():
    story = Story(one("a"), one("b"), one("c", depends_on=("a",), after=("b",))).begin()
    story.merge("a")
    assert story.state("c") == "pending"
    story.merge("b")
    assert story.state("c") == "editing"


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_run_at_once_than_may(limit):
    story = Story(*(one(name) for name in "abcd"), max_parallel=limit).begin()
    assert len(story.steps()) == limit
    story.to_integration("a")
    assert len(story.steps()) == (0 if limit == 1 else min(limit, 3))  # alone it begins with what was merged before
    story.approve_tree()
    story.move_branch()
    assert len(story.steps()) == min(limit, 3)


def test_who_runs_alone_waits_for_all_others_and_all_others_for_it():
    story = Story(one("a"), one("b", parallel_ok=False), one("c"), max_parallel=2).begin()
    assert set(story.steps()) == {"a", "c"}
    story.merge("a", "c")
    assert set(story.steps()) == {"b"}
    alone = Story(one("a", parallel_ok=False), one("b")).begin()
    assert alone.states() == {"a": "editing", "b": "ready"}
    alone.merge("a")
    assert alone.state("b") == "editing"


def test_one_of_a_conflict_group_at_a_time():
    story = Story(one("a", conflict_group="db"), one("b", conflict_group="db"), one("c")).begin()
    assert set(story.steps()) == {"a", "c"}
    story.merge("a")
    assert set(story.steps()) == {"b", "c"}


@pytest.mark.parametrize("files", [["src/x.py"], ["src/"], ["src"], ["src/**/*.py"]])
def test_overlapping_scopes_never_run_together(files):
    story = Story(one("a", files=["src/x.py"]), one("b", files=files), one("c")).begin()
    assert set(story.steps()) == {"a", "c"}
    story.to_integration("a")
    assert story.state("b") == "ready"
    story.approve_tree()
    assert story.state("b") == "ready"
    story.move_branch()
    assert story.state("b") == "editing"


# Gates


def test_a_gate_begins_when_everything_in_the_lower_ones_has_ended():
    story = Story(one("a"), one("b"), one("c", gate=2), one("d", gate=5)).begin()
    assert set(story.steps()) == {"a", "b"}
    story.merge("a")
    assert set(story.steps()) == {"b"}
    story.finish("b", OutOfScope(violations=()))
    assert set(story.steps()) == {"c"}
    story.merge("c")
    assert set(story.steps()) == {"d"}


def test_a_higher_gate_waits_for_its_approval_where_that_is_asked_for():
    story = Story(one("a"), one("b", gate=2), one("c", gate=3), gate_approvals=True).begin()
    story.merge("a")
    assert (story.states()["b"], story.run.state) == ("ready", RunState.RUNNING)
    refused(story, Approved(gate=7), "the plan has no gate 7")
    story.feed(Approved(gate=2, by="ann", note="go"))
    assert story.state("b") == "editing"
    (record,) = story.records(ApprovalRecorded)
    assert (record.gate, record.by, record.decision) == (2, "ann", "approved")
    story.merge("b")
    assert story.state("c") == "ready"
    story.feed(Approved(gate=3))
    assert story.state("c") == "editing"


def test_a_gate_may_be_approved_before_its_turn_and_the_first_needs_none():
    story = Story(one("a"), one("b", gate=2), gate_approvals=True).begin()
    story.feed(Approved(gate=2))
    assert set(story.steps()) == {"a"}
    story.merge("a")
    assert set(story.steps()) == {"b"}


def test_to_approve_a_lower_gate_later_takes_nothing_back():
    story = Story(one("a"), one("b", gate=2), one("c", gate=3), gate_approvals=True).begin()
    story.feed(Approved(gate=3))
    story.feed(Approved(gate=2))
    story.merge("a", "b")
    assert story.state("c") == "editing"


def test_who_depends_on_a_higher_gate_belongs_to_it():
    story = Story(one("a", gate=2), one("b", depends_on=("a",)), one("c")).begin()
    assert set(story.steps()) == {"c"}
    story.merge("c", "a", "b")
    story.publish()
    assert story.run.state is RunState.COMPLETED


# Pause and resume


def test_pause_lets_the_running_step_end_and_holds_the_next():
    story = Story(one("a"), one("b"), max_parallel=1).begin()
    story.feed(PauseAsked())
    assert not story.of(StopSteps)
    assert story.steps() == {"a": "edit-1"}
    story.edit("a")
    assert (story.state("a"), story.steps()) == ("static_check", {})
    assert story.run.progress("a").held
    story.feed(PauseAsked())
    assert (story.run.state, story.state("b")) == (RunState.PAUSED, "ready")
    story.feed(ResumeAsked())
    assert story.steps() == {"a": "static-1"}


def test_pause_now_stops_and_resume_repeats_the_same_attempt():
    story = Story(one("a")).begin()
    story.edit("a")
    before = story.started("a")
    story.feed(PauseAsked(now=True))
    story.stop()
    assert story.steps() == {}
    story.feed(ResumeAsked())
    again = story.started("a")
    assert (again.attempt.number, again.attempt.retry) == (before.attempt.number, before.attempt.retry + 1)
    assert (again.attempt.label, again.attempt.key) == ("static-1", "static-1.1")
    assert (again.start, again.candidate, again.agent_run) == (before.start, before.candidate, before.agent_run)
    assert story.run.progress("a").lost == 0
    assert [record.status for record in story.records(AttemptEnded)] == ["success", "interrupted"]


def test_pause_can_be_sharpened_to_now():
    story = Story(one("a")).begin()
    story.feed(PauseAsked())
    story.feed(PauseAsked(now=True))
    story.stop()
    assert story.run.state is RunState.PAUSED


def test_what_is_held_is_not_under_way():
    story = Story(one("a")).begin()
    story.feed(PauseAsked(now=True))
    story.stop()
    held = story.run.progress("a").attempt
    refused(
        story,
        StepFinished(workstream="a", attempt=held, outcome=Unchanged(candidate=Candidate(commit="c", tree="t"))),
        "not the one",
    )


def test_a_paused_run_may_drain_to_its_end():
    story = Story(one("a")).begin()
    story.to_integration("a")
    story.feed(PauseAsked())
    story.approve_tree()
    story.move_branch()
    story.publish()
    assert story.run.state is RunState.COMPLETED


def test_a_paused_run_judges_nothing_new():
    story = Story(one("a")).begin()
    story.edit("a")
    story.passes("a")
    story.feed(PauseAsked())
    story.passes("a")
    assert (story.state("a"), story.of(JudgeMerge)) == ("integrating", [])
    story.feed(ResumeAsked())
    assert story.only(JudgeMerge).number == 1


def test_to_resume_what_runs_changes_nothing():
    story = Story(one("a")).begin()
    decision = story.feed(ResumeAsked())
    assert (decision.changed, decision.run_changed, decision.commands) == ((), False, ())


def test_what_has_not_begun_or_is_over_can_not_be_paused_or_resumed():
    fresh = Story(one("a"))
    refused(fresh, PauseAsked(), "pending to paused")
    refused(fresh, ResumeAsked(), "has not begun")
    story = failing("a", of=[one("a")])
    refused(story, PauseAsked(), "failed to paused")
    refused(story, ResumeAsked(), "nothing in it can go on\nhint: reset a failed workstream first")
    done = Story().begin()
    refused(done, ResumeAsked(), "completed to running")


# Cancel and abandon


@pytest.mark.parametrize("ask", [CancelAsked(), AbandonAsked()])
def test_what_has_not_begun_is_abandoned_with_all_its_workstreams(ask):
    story = Story(one("a"), one("b", after=("a",)))
    story.feed(ask)
    assert (story.run.state, story.states()) == (RunState.ABANDONED, {"a": "abandoned", "b": "abandoned"})
    assert not story.open


@pytest.mark.parametrize("steps", range(6))
@pytest.mark.parametrize("paused", [False, True])
def test_cancel_waits_until_the_steps_have_stopped_whatever_they_were(steps, paused):
    story = Story(one("a"), one("b", depends_on=("a",)), one("c", after=("a",))).begin()
    way = [
        lambda: story.edit("a"),
        lambda: story.red("a", "boom"),
        lambda: story.edit("a"),
        lambda: story.passes("a"),
        lambda: story.passes("a"),
    ]
    for go in way[:steps]:
        go()
    if paused:
        story.feed(PauseAsked())
    story.feed(CancelAsked())
    assert story.run.state is (RunState.PAUSED if paused else RunState.RUNNING)
    story.stop()
    assert (story.run.state, story.run.reason) == (RunState.ABANDONED, Reason.CANCELLED)
    assert set(story.states().values()) == {"abandoned"}
    assert [release.workstream for release in story.of(ReleaseWorktree)] == ["a"]
    assert story.run.sentence == "the run was cancelled: of 3 workstreams 3 abandoned"


def test_cancel_keeps_and_publishes_what_was_merged():
    story = Story(one("a"), one("b", depends_on=("a",))).begin()
    story.merge("a")
    story.feed(CancelAsked())
    story.stop()
    assert story.run.state is RunState.RUNNING
    story.publish()
    assert (story.run.state, story.states()) == (RunState.ABANDONED, {"a": "done", "b": "abandoned"})


def test_abandon_publishes_nothing_and_tidies_what_failed():
    story = Story(one("a"), one("b"), one("c"), max_parallel=2).begin()
    story.merge("a")
    story.finish("b", OutOfScope(violations=()))
    assert story.steps() == {"c": "edit-1"}
    story.feed(AbandonAsked())
    story.stop()
    assert story.run.state is RunState.ABANDONED
    assert story.states() == {"a": "done", "b": "failed", "c": "abandoned"}
    assert sorted(release.workstream for release in story.of(ReleaseWorktree)) == ["a", "b", "c"]


def test_cancel_while_the_branch_moves_lets_it_arrive():
    story = Story(one("a")).begin()
    story.to_integration("a")
    story.approve_tree()
    story.feed(CancelAsked())
    assert story.state("a") == "integrating"
    story.move_branch()
    assert story.state("a") == "done"


def test_cancel_while_someone_reviews_ends_at_once():
    story = Story(one("a"), review=True).begin()
    story.to_integration("a")
    story.feed(CancelAsked())
    assert (story.run.state, story.state("a")) == (RunState.ABANDONED, "abandoned")


def test_what_is_being_ended_is_not_brought_back():
    story = Story(one("a")).begin()
    story.feed(CancelAsked())
    refused(story, PauseAsked(), "is being ended")
    refused(story, ResumeAsked(), "is being ended")
    story.feed(AbandonAsked())
    story.feed(CancelAsked())
    assert story.run.ending == "abandoned"


@pytest.mark.parametrize("merged", [False, True])
def test_a_run_that_ended_can_still_be_abandoned_but_not_cancelled(merged):
    story = failing("a", of=[one("a"), one("b")])
    if merged:
        story.merge("b")
        story.publish()
    else:
        story.finish("b", OutOfScope(violations=()))
    ended = story.run.state.value
    refused(story, CancelAsked(), f"the run is {ended}: there is nothing to cancel")
    story.feed(AbandonAsked())
    assert (story.run.state, story.run.sentence) == (RunState.ABANDONED, f"abandoned after it was {ended}")
    assert "a" in [release.workstream for release in story.of(ReleaseWorktree)]
    refused(story, AbandonAsked(), "abandoned to abandoned")
    refused(story, ResetAsked(workstream="a"), "ended for good")


def test_what_a_cancelled_run_keeps_for_inspection_is_tidied_when_it_is_abandoned_too():
    story = Story(one("a"), one("b"), max_parallel=2).begin()
    story.finish("a", OutOfScope(violations=()))
    story.feed(CancelAsked())
    story.stop()
    assert story.run.state is RunState.ABANDONED
    assert [release.workstream for release in story.of(ReleaseWorktree)] == ["b"]
    said = story.run.sentence
    story.feed(AbandonAsked())
    assert [release.workstream for release in story.of(ReleaseWorktree)] == ["b", "a"]
    assert (story.run.state, story.run.sentence) == (RunState.ABANDONED, said)
    refused(story, AbandonAsked(), "abandoned to abandoned")


# Reset


def test_reset_begins_anew_and_unblocks_what_waited_once_it_is_done():
    story = Story(one("a"), one("b", depends_on=("a",)), one("c", depends_on=("b",))).begin()
    story.edit("a")
    story.red("a", "boom")
    story.finish("a", OutOfScope(violations=()))
    assert (story.run.state, story.state("c")) == (RunState.FAILED, "blocked")
    story.feed(ResetAsked(workstream="a"))
    assert (story.run.state, story.run.reason) == (RunState.RUNNING, None)
    assert story.states() == {"a": "editing", "b": "blocked", "c": "blocked"}
    attempt = story.started("a").attempt
    assert (attempt.number, attempt.round, attempt.key) == (1, 2, "2.edit-1")
    assert story.started("a").findings == ()
    assert [release.workstream for release in story.of(ReleaseWorktree)] == ["a"]
    assert story.run.progress("a").breaker.red == ()
    story.merge("a")
    assert story.states() == {"a": "done", "b": "editing", "c": "blocked"}
    story.merge("b", "c")
    story.publish()
    assert story.run.state is RunState.COMPLETED


def test_reset_while_the_rest_of_the_run_goes_on():
    story = failing("a", of=[one("a"), one("b")])
    story.feed(ResetAsked(workstream="a"))
    assert story.steps() == {"a": "2.edit-1", "b": "edit-1"}


def test_a_blocked_one_is_not_reset_but_told_what_to_reset():
    story = failing("a", of=[one("a"), one("b", depends_on=("a",)), one("c", depends_on=("b",))])
    refused(story, ResetAsked(workstream="c"), "c is blocked .*\nhint: reset what failed: a$")


@pytest.mark.parametrize("name", ["a", "b", "nobody"])
def test_only_what_failed_can_be_reset(name):
    story = Story(one("a"), one("b"), max_parallel=1).begin()
    match = "has no workstream 'nobody'" if name == "nobody" else "only a failed workstream can be reset"
    refused(story, ResetAsked(workstream=name), match)


def test_a_blocked_one_goes_on_only_when_all_it_depends_on_is_done_and_what_it_comes_after_has_ended():
    story = failing("a", of=[one("a"), one("b"), one("c", depends_on=("a",), after=("b",)), one("d", after=("c",))])
    assert story.states() == {"a": "failed", "b": "editing", "c": "blocked", "d": "editing"}
    story.feed(ResetAsked(workstream="a"))
    story.merge("a")
    assert story.state("c") == "blocked"
    story.merge("b")
    assert story.state("c") == "editing"


def test_what_comes_after_a_workstream_that_begins_again_waits_once_more():
    story = Story(one("a"), one("b"), one("c", after=("a", "b")), max_parallel=2).begin()
    story.finish("a", OutOfScope(violations=()))
    story.feed(ResetAsked(workstream="a"))
    story.merge("b")
    assert story.state("c") == "pending"
    story.merge("a")
    assert story.state("c") == "editing"


def test_a_reset_in_a_lower_gate_closes_the_higher_one_for_those_that_have_not_begun():
    story = failing(
        "a", of=[one("a"), one("b", gate=2), one("c", gate=2, conflict_group="x"), one("d", gate=2, conflict_group="x")]
    )
    assert set(story.steps()) == {"b", "c"}
    story.feed(ResetAsked(workstream="a"))
    story.merge("c")
    assert (story.state("d"), set(story.steps())) == ("ready", {"a", "b"})
    story.merge("a")
    assert story.state("d") == "editing"


# Review


def reviewed(**policy):
    story = Story(one("a"), review=True, **policy).begin()
    story.to_integration("a")
    assert (story.state("a"), story.steps()) == ("reviewing", {})
    return story


def test_an_approved_candidate_is_integrated():
    story = reviewed()
    assert [note.workstream for note in story.notes("approval_requested")] == ["a"]
    story.feed(Approved(workstream="a", by="ann"))
    assert story.state("a") == "integrating"
    story.approve_tree()
    story.move_branch()
    assert story.state("a") == "done"


def test_a_rejected_candidate_is_fixed_with_the_note_and_reviewed_again():
    story = reviewed()
    story.feed(Rejected(workstream="a", note="name it better", by="ann"))
    start = story.started("a")
    assert (start.attempt.key, start.note, start.start) == ("fix-1", "name it better", "commit-1")
    assert start.findings == (Finding(code="rejected", text="name it better"),)
    story.to_integration("a")
    assert story.state("a") == "reviewing"
    story.feed(Approved(workstream="a"))
    assert story.state("a") == "integrating"


def test_the_note_of_a_rejection_is_for_its_own_fix_only():
    story = reviewed()
    story.feed(Rejected(workstream="a", note="name it better"))
    story.edit("a")
    story.red("a", "boom")
    assert (story.started("a").note, story.started("a").findings[0].text) == ("", "boom")


def test_a_final_rejection_fails_the_workstream_for_a_person():
    story = reviewed()
    story.feed(Rejected(workstream="a", final=True, note="no"))
    assert (story.state("a"), story.run.progress("a").sentence) == ("failed", "rejected: no")
    assert (story.run.state, story.run.reason) == (RunState.FAILED, Reason.REQUIRES_HUMAN_REVIEW)


def test_revisions_are_limited():
    story = reviewed()
    for note in ("one", "two"):
        story.feed(Rejected(workstream="a", note=note))
        story.to_integration("a")
    story.feed(Rejected(workstream="a", note="three"))
    assert story.run.reason is Reason.REQUIRES_HUMAN_REVIEW
    assert story.run.progress("a").sentence == "review failed 3 times, as often as it may: three"


def test_nobody_reviews_what_does_not_wait_for_it():
    story = Story(one("a")).begin()
    for ask in (Approved(workstream="a"), Rejected(workstream="a")):
        refused(story, ask, "a is editing, not waiting for a review")
    refused(story, Approved(), "has no workstream ''")


def test_who_is_in_review_leaves_room_for_others_but_not_for_what_overlaps():
    story = Story(one("a"), one("b", files=["a.py"]), one("c"), review=True, max_parallel=1).begin()
    story.to_integration("a")
    assert story.states() == {"a": "reviewing", "b": "ready", "c": "editing"}
    story.feed(Approved(workstream="a"))
    assert len(story.steps()) == 1


def test_an_approval_in_a_pause_waits_for_the_resumption():
    story = reviewed()
    story.feed(PauseAsked())
    story.feed(Approved(workstream="a"))
    assert not story.of(JudgeMerge)
    story.feed(ResumeAsked())
    assert story.of(JudgeMerge)


def test_a_rejection_in_a_pause_is_held():
    story = reviewed()
    story.feed(PauseAsked())
    story.feed(Rejected(workstream="a", note="hm"))
    assert (story.state("a"), story.steps()) == ("fixing", {})
    story.feed(ResumeAsked())
    assert story.started("a").note == "hm"


# No change


BASE = Unchanged(candidate=Candidate(commit="base", tree="base-tree"))


def test_no_change_is_done_when_acceptance_shows_that_none_was_needed():
    story = Story(one("a")).begin()
    story.finish("a", BASE)
    story.passes("a")
    story.passes("a")
    assert (story.state("a"), story.run.progress("a").outcome) == ("done", Outcome.NO_CHANGE)
    assert story.run.state is RunState.COMPLETED
    assert not story.of(PublishBranch)


def test_no_change_that_no_acceptance_vouches_for_is_a_failed_attempt():
    story = Story(one("a")).begin()
    story.finish("a", BASE)
    story.passes("a")
    story.finish("a", Passed(not_checked=("no acceptance",)))
    assert story.state("a") == "fixing"
    assert story.started("a").findings[0].code == "no_change"


def test_no_change_is_reviewed_too_where_a_person_sees_everything():
    story = Story(one("a"), review=True).begin()
    story.finish("a", BASE)
    story.passes("a")
    story.passes("a")
    assert story.state("a") == "reviewing"
    story.feed(Approved(workstream="a"))
    assert (story.state("a"), story.run.progress("a").outcome) == ("done", Outcome.NO_CHANGE)


def test_a_fix_that_changed_nothing_does_not_undo_the_change_before_it():
    story = Story(one("a")).begin()
    story.edit("a")
    story.red("a", "flaky")
    story.finish("a", Unchanged(candidate=Candidate(commit="commit-1", tree="tree-1")))
    story.passes("a")
    story.passes("a")
    assert story.state("a") == "integrating"


# Red steps


def test_red_static_goes_to_fix_with_what_was_found_and_static_runs_again():
    story = Story(one("a")).begin()
    story.edit("a")
    story.red("a", "a.py:1: E1", "a.py:2: E2")
    start = story.started("a")
    assert (start.attempt.key, start.start, len(start.findings)) == ("fix-1", "commit-1", 2)
    assert start.agent_run == 2
    assert [record.code for record in story.records(ErrorSeen)] == ["static_failure", "static_failure"]
    story.edit("a")
    assert story.steps() == {"a": "static-2"}


def test_after_a_red_runtime_static_runs_again_before_runtime():
    story = Story(one("a")).begin()
    story.edit("a")
    story.passes("a")
    story.red("a", "boom", code="runtime_failure")
    story.edit("a")
    assert story.steps() == {"a": "static-2"}
    story.passes("a")
    assert story.steps() == {"a": "runtime-2"}


def test_a_step_that_stays_red_fails_the_workstream_with_the_limit_in_words():
    story = Story(one("a")).begin()
    for text in ("one", "two"):
        story.edit("a")
        story.red("a", text)
    story.edit("a")
    story.red("a", "three\nmore")
    assert story.run.progress("a").sentence == "static failed 3 times, as often as it may: three"
    assert (story.run.state, story.run.reason) == (RunState.FAILED, Reason.CHECKS_FAILED)
    (trip,) = story.notes("breaker_trip")
    assert dict(trip.payload) == {
        "step": "static",
        "limit": "max_attempts_per_step",
        "value": 3,
        "attempts": 3,
        "sentence": "static failed 3 times, as often as it may",
    }


@pytest.mark.parametrize("finding", [(), (Finding(code="x", text=""),), (Finding(code="x", text="\n"),)])
def test_a_trip_needs_no_words_from_the_finding(finding):
    story = Story(one("a")).begin()
    for _ in range(3):
        story.finish("a", Red(findings=finding))
    assert story.run.progress("a").sentence.startswith("edit failed 3 times")
    assert story.run.reason is Reason.ERROR


def test_an_edit_that_came_to_nothing_is_tried_again_and_told_why():
    story = Story(one("a")).begin()
    story.red("a", "the agent ended with 1", code="non_zero_exit")
    start = story.started("a")
    assert (start.attempt.key, start.start, start.agent_run) == ("edit-2", "base", 2)
    assert start.findings[0].text == "the agent ended with 1"


def test_a_fix_that_came_to_nothing_still_knows_what_it_is_for():
    story = reviewed()
    story.feed(Rejected(workstream="a", note="name it better"))
    story.red("a", "timed out", code="timeout")
    start = story.started("a")
    assert [finding.code for finding in start.findings] == ["rejected", "timeout"]
    assert (start.attempt.key, start.note) == ("fix-2", "name it better")


def test_the_same_tree_and_errors_at_another_step_is_a_circle():
    story = Story(one("a")).begin()
    story.edit("a", tree="same")
    story.red("a", "boom", code="failure")
    story.edit("a", tree="same")
    story.passes("a")
    story.red("a", "boom", code="failure")
    assert story.run.progress("a").sentence == (
        "the same tree gave the same errors 2 times: the fixes go round in a circle: boom"
    )


def test_another_tree_with_the_same_errors_is_no_circle():
    story = Story(one("a")).begin()
    story.edit("a")
    story.red("a", "boom", code="failure")
    story.edit("a")
    story.passes("a")
    story.red("a", "boom", code="failure")
    assert story.state("a") == "fixing"


def test_leaving_the_scope_fails_at_once_and_is_listed():
    story = Story(one("a")).begin()
    violations = (Violation(path="x", rule="not in scope"), Violation(path="y", rule="protected"))
    story.finish("a", OutOfScope(violations=violations))
    assert story.run.progress("a").reason is Reason.POLICY_VIOLATION
    assert story.run.progress("a").sentence == "left its scope: x: not in scope and 1 more"
    (note,) = story.notes("scope_violation")
    assert [one["path"] for one in note.payload["violations"]] == ["x", "y"]


# Lost attempts and a broken machine


def test_a_lost_attempt_is_repeated_uncounted_and_three_in_a_row_fail():
    story = Story(one("a")).begin()
    story.lose("a")
    story.lose("a")
    assert story.steps() == {"a": "edit-1.2"}
    story.lose("a")
    assert (story.state("a"), story.run.reason) == ("failed", Reason.ENVIRONMENT)
    assert story.run.progress("a").sentence == "edit-1 was lost 3 times in a row"


def test_an_attempt_that_ended_breaks_the_row_of_losses():
    story = Story(one("a")).begin()
    story.lose("a")
    story.lose("a")
    story.edit("a")
    story.lose("a")
    story.lose("a")
    assert story.state("a") == "static_check"


def test_a_stop_on_purpose_is_no_loss():
    story = Story(one("a")).begin()
    for _ in range(4):
        story.feed(PauseAsked(now=True))
        story.stop()
        story.feed(ResumeAsked())
    assert story.steps() == {"a": "edit-1.4"}


def test_what_an_attempt_waits_for_is_kept_until_it_waits_no_longer():
    story = Story(one("a")).begin()
    attempt = story.started("a").attempt
    for sentence in ("no slot", ""):
        decision = story.feed(StepDelayed(workstream="a", attempt=attempt, sentence=sentence))
        assert (story.run.progress("a").delay, decision.commands) == (sentence, ())
        (note,) = decision.notes
        assert (note.type, note.workstream, note.payload["sentence"]) == ("step_delayed", "a", sentence)


@pytest.mark.parametrize("ends", [True, False])
def test_the_end_of_an_attempt_forgets_what_it_waited_for(ends):
    story = Story(one("a")).begin()
    attempt = story.started("a").attempt
    story.feed(StepDelayed(workstream="a", attempt=attempt, sentence="no slot"))
    if ends:
        story.edit("a")
    else:
        story.feed(PauseAsked(now=True))
        story.stop()
    assert story.run.progress("a").delay == ""


def test_a_merge_that_waits_for_the_machine_says_so():
    story = Story(one("a")).begin()
    story.to_integration("a")
    (member,) = story.only(JudgeMerge).members
    story.feed(StepDelayed(workstream="a", attempt=member.attempt, sentence="no slot"))
    assert story.run.progress("a").delay == "no slot"


def test_a_broken_environment_pauses_the_run_with_its_reason():
    story = Story(one("a"), one("b")).begin()
    command = story.take(story.started("a"))
    story.feed(EnvironmentBroke(workstream="a", attempt=command.attempt, sentence="the disk is full"))
    assert (story.run.state, story.run.reason) == (RunState.PAUSED, Reason.ENVIRONMENT)
    assert (story.run.sentence, story.steps()) == ("the disk is full", {"b": "edit-1"})
    command = story.take(story.started("b"))
    story.feed(EnvironmentBroke(workstream="b", attempt=command.attempt, sentence="still full"))
    assert story.run.sentence == "the disk is full"
    story.feed(ResumeAsked())
    assert story.steps() == {"a": "edit-1.1", "b": "edit-1.1"}
    assert (story.run.reason, story.run.sentence) == (None, "")


def test_an_environment_that_breaks_in_a_pause_is_told():
    story = Story(one("a")).begin()
    story.feed(PauseAsked())
    command = story.take(story.started("a"))
    story.feed(EnvironmentBroke(workstream="a", attempt=command.attempt, sentence="the disk is full"))
    assert (story.run.reason, story.run.sentence) == (Reason.ENVIRONMENT, "the disk is full")


def test_a_command_that_could_not_be_performed_pauses_the_run_too():
    story = Story(one("a")).begin()
    story.feed(EnvironmentBroke(sentence="the repository is gone"))
    assert (story.run.state, story.run.sentence) == (RunState.PAUSED, "the repository is gone")


def test_a_run_that_ended_stays_as_it_ended_when_the_machine_breaks_afterwards():
    story = Story(one("a")).begin()
    story.merge("a")
    story.publish()
    decision = story.feed(EnvironmentBroke(sentence="the worktree could not be removed"))
    assert (story.run.state, story.run.reason) == (RunState.COMPLETED, None)
    assert [note.type for note in decision.notes] == ["environment_broke"]


# Integration


def test_candidates_are_judged_one_after_another_in_plan_order_on_the_head_with_a_verdict():
    story = Story(one("a"), one("b"), one("c")).begin()
    story.to_integration("c", "b", "a")
    assert batch(story) == ["c"]
    story.approve_tree()
    assert (batch(story), story.only(JudgeMerge).head) == (["a", "b"], "merge-1")
    story.approve_tree()
    assert len(story.of(MoveBranch)) == 2
    assert story.run.moving == ("v1", "v2")
    for command in reversed(story.of(MoveBranch)):
        story.take(command)
        story.feed(BranchMoved(verdict=command.verdict))
    assert story.run.state is RunState.RUNNING
    assert story.states() == {"a": "done", "b": "done", "c": "done"}


def test_a_run_that_is_being_ended_does_not_wait_for_a_branch_that_can_not_be_moved():
    story = Story(one("a")).begin()
    story.to_integration("a")
    story.approve_tree()
    command = story.only(MoveBranch)
    broke = EnvironmentBroke(sentence="the branch is elsewhere", command=command.key, verdict=command.verdict)
    story.feed(broke)
    assert story.run.moving
    story.feed(CancelAsked())
    assert story.run.state is RunState.PAUSED
    story.take(command)
    story.feed(broke)
    assert story.run.moving == ()
    assert story.only(PublishBranch).commit == "merge-1"
    assert story.states() == {"a": "done"}  # what is pushed has it
    assert [record.commit for record in story.records(Integrated)] == ["merge-1"]
    story.publish()
    assert story.run.state is RunState.ABANDONED
    refused(story, BranchMoved(verdict=command.verdict), "not one whose branch was to move")


def test_every_command_that_was_run_is_noted_and_what_was_remembered_is_not():
    story = Story(one("a")).begin()
    story.edit("a")
    ran = CheckResult(tree="t", command="lint", kind="static", passed=True, exit_code=0, duration=1.5)
    story.finish("a", Passed(results=(ran, replace(ran, command="types", remembered=True))))
    (note,) = story.notes("tool_run")
    told = [note.payload[name] for name in ("command", "exit_code", "duration", "attempt")]
    assert told == ["lint", 0, 1.5, "static-1"]
    ends = [(end.payload["attempt"], end.payload["status"]) for end in story.notes("step_end")]
    assert ends == [("edit-1", "success"), ("static-1", "success")]


def test_a_command_that_went_wrong_is_noted_with_its_code_and_signatures():
    story = Story(one("a")).begin()
    story.edit("a")
    ran = CheckResult(
        tree="t", command="lint", kind="static", passed=False, exit_code=1, error="static_failure", signatures=("s",)
    )
    story.finish("a", Red(findings=(Finding(code="static_failure", text="bad"),), results=(ran,)))
    (note,) = story.notes("tool_run")
    assert (note.payload["error"], note.payload["signatures"]) == ("static_failure", ["s"])


def test_a_conflict_goes_to_fix_in_the_merged_tree_on_its_new_base():
    story = Story(one("a"), one("b")).begin()
    story.to_integration("a", "b")
    story.approve_tree()
    story.move_branch()
    story.refuse_merge("conflicts in x", code="merge_conflict")
    start = story.started("b")
    assert (start.attempt.key, start.base, start.start) == ("fix-1", "merge-1", "red-2")
    assert start.candidate == Candidate(commit="red-2", tree="red-tree-2")
    assert start.findings[0].text == "conflicts in x"
    assert (story.run.head, story.state("b")) == ("merge-1", "fixing")
    story.to_integration("b")
    story.approve_tree()
    story.move_branch()
    assert story.state("b") == "done"


def test_a_conflict_is_not_resolved_by_changing_nothing():
    story = Story(one("a")).begin()
    story.to_integration("a")
    story.refuse_merge("conflicts in x", code="merge_conflict")
    unsolved = Unchanged(candidate=Candidate(commit="red-1", tree="red-tree-1"))
    story.finish("a", unsolved)
    assert story.steps() == {"a": "fix-2"}
    story.red("a", "timed out", code="timeout")
    story.finish("a", unsolved)
    assert (story.state("a"), story.run.reason) == ("failed", Reason.ERROR)


@pytest.mark.parametrize("texts", [("one", "two", "three"), ("boom",) * 3])
def test_red_merges_are_limited(texts):
    story = Story(one("a")).begin()
    for text in texts:
        story.to_integration("a")
        story.refuse_merge(text)
    assert (story.state("a"), story.run.reason) == ("failed", Reason.CHECKS_FAILED)
    assert story.run.progress("a").sentence == f"integrate failed 3 times, as often as it may: {texts[2]}"


def test_a_refused_merge_needs_no_finding():
    story = Story(one("a")).begin()
    for _ in range(3):
        story.to_integration("a")
        story.refuse_merge()
    assert story.state("a") == "failed"


def test_a_candidate_that_adds_nothing_is_done_without_a_merge():
    story = Story(one("a")).begin()
    story.to_integration("a")
    story.feed(NothingToMerge(judgement=story.take(story.only(JudgeMerge)).number))
    assert (story.run.state, story.run.progress("a").outcome) == (RunState.COMPLETED, Outcome.NO_CHANGE)


def test_a_merge_out_of_scope_fails_the_workstream():
    story = Story(one("a")).begin()
    story.to_integration("a")
    number = story.take(story.only(JudgeMerge)).number
    stray = Stray(workstream="a", violations=(Violation(path="x", rule="is not in the scope"),))
    story.feed(NothingLeft(judgement=number, aside=Aside(strays=(stray,))))
    assert story.run.progress("a").reason is Reason.POLICY_VIOLATION


def test_a_lost_judgement_is_repeated_and_three_in_a_row_fail():
    story = Story(one("a")).begin()
    story.to_integration("a")
    story.lose_judgement()
    judge = story.only(JudgeMerge)
    assert (judge.number, judge.members[0].attempt.key) == (2, "integrate-1.1")
    story.lose_judgement()
    story.lose_judgement()
    assert (story.state("a"), story.run.reason) == ("failed", Reason.ENVIRONMENT)


def test_a_judgement_that_the_machine_did_not_allow_pauses_the_run():
    story = Story(one("a")).begin()
    story.to_integration("a")
    for _ in range(4):
        story.lose_judgement(sentence="no space")
        assert (story.run.state, story.run.sentence) == (RunState.PAUSED, "no space")
        story.feed(ResumeAsked())
    assert story.state("a") == "integrating"


# Publication


def test_the_branch_is_published_once_at_the_end():
    story = Story(one("a"), one("b", depends_on=("a",))).begin()
    story.merge("a")
    assert not story.of(PublishBranch)
    story.merge("b")
    assert story.only(PublishBranch).commit == "merge-2"
    story.publish()
    assert not story.of(PublishBranch)


def test_whatever_is_asked_while_the_branch_is_published_it_is_published_once():
    story = Story(one("a"), one("b", gate=2)).begin()
    story.merge("a", "b")
    story.feed(PauseAsked())
    assert len(story.of(PublishBranch)) == 1
    story.feed(ResumeAsked())
    assert len(story.of(PublishBranch)) == 1
    story.feed(CancelAsked())
    story.publish()
    assert (story.run.state, story.run.published) == (RunState.ABANDONED, "merge-2")


def test_a_publication_that_was_refused_keeps_its_sentence_and_resume_tries_again():
    story = Story(one("a")).begin()
    story.merge("a")
    story.publish("the branch is checked out")
    assert (story.run.state, story.run.publication) == (RunState.COMPLETED, "the branch is checked out")
    assert story.run.published == ""
    story.feed(ResumeAsked())
    story.feed(ResumeAsked())
    assert len(story.of(PublishBranch)) == 1
    story.publish()
    assert (story.run.state, story.run.publication, story.run.published) == (RunState.COMPLETED, "", "merge-1")
    refused(story, ResumeAsked(), "completed to running")


def test_what_is_worth_knowing_of_a_branch_that_was_taken_is_kept_and_no_reason_to_push_again():
    story = Story(one("a")).begin()
    story.merge("a")
    command = story.take(story.only(PublishBranch))
    story.feed(BranchPublished(commit=command.commit, pushed=True, sentence="its base is gone"))
    assert (story.run.published, story.run.publication) == ("merge-1", "its base is gone")
    refused(story, ResumeAsked(), "completed to running")


def test_what_a_reopened_run_merges_is_published_too():
    story = failing("a", of=[one("a"), one("b")])
    story.merge("b")
    story.publish("the branch is checked out")
    story.feed(ResetAsked(workstream="a"))
    story.merge("a")
    assert story.only(PublishBranch).commit == "merge-2"
    story.publish()
    assert (story.run.state, story.run.publication) == (RunState.COMPLETED, "")


def test_a_push_that_nobody_waits_for_is_refused():
    refused(Story(one("a")).begin(), BranchPublished(commit="x", pushed=True), "no push of the branch is under way")


# Answers that come too late or from elsewhere


@pytest.mark.parametrize(
    "attempt",
    [
        AttemptId(step=Step.EDIT, number=1),
        AttemptId(step=Step.STATIC, number=2),
        AttemptId(step=Step.STATIC, number=1, retry=1),
        AttemptId(step=Step.STATIC, number=1, round=2),
    ],
)
def test_an_attempt_that_is_not_under_way_is_refused(attempt):
    story = Story(one("a")).begin()
    story.edit("a")
    for event in (
        StepFinished(workstream="a", attempt=attempt, outcome=Passed(results=(GREEN,))),
        StepInterrupted(workstream="a", attempt=attempt, asked=False),
        EnvironmentBroke(workstream="a", attempt=attempt, sentence="?"),
        StepDelayed(workstream="a", attempt=attempt, sentence="?"),
    ):
        refused(story, event, f"attempt {attempt.key} of a is not the one under way")


def test_an_attempt_of_nobody_is_refused():
    attempt = AttemptId(step=Step.EDIT, number=1)
    event = StepInterrupted(workstream="nobody", attempt=attempt, asked=False)
    refused(Story(one("a")).begin(), event, "has no workstream 'nobody'")


def test_an_outcome_of_another_step_is_an_illegal_move():
    story = Story(one("a")).begin()
    attempt = story.started("a").attempt
    refused(
        story, StepFinished(workstream="a", attempt=attempt, outcome=Passed(results=(GREEN,))), "can't go from editing"
    )


def test_an_integration_is_answered_by_its_judgement_only():
    story = Story(one("a")).begin()
    story.to_integration("a")
    attempt = story.run.progress("a").attempt
    for event in (
        StepFinished(workstream="a", attempt=attempt, outcome=Passed(results=(GREEN,))),
        StepInterrupted(workstream="a", attempt=attempt, asked=False),
    ):
        refused(story, event, "is not the one under way")


def test_a_stale_judgement_is_refused():
    story = Story(one("a"), one("b")).begin()
    refused(story, NothingToMerge(judgement=1), "judgement 1 is not the one under way")
    story.to_integration("a", "b")
    story.lose_judgement()
    refused(story, NothingToMerge(judgement=1), "judgement 1 is not the one under way")
    refused(story, JudgementInterrupted(judgement=3, asked=False), "judgement 3 is not the one under way")


@pytest.mark.parametrize("wrong", [{"parent": "elsewhere"}, {"branch": "main"}, {"members": ("b",)}, {"members": ()}])
def test_a_verdict_about_something_else_is_refused(wrong):
    story = Story(one("a"), one("b")).begin()
    story.to_integration("a")
    command = story.only(JudgeMerge)
    verdict = replace(verdict_for(story.run, command), **wrong)
    refused(story, VerdictGiven(judgement=command.number, verdict=verdict), "speaks of another head, branch or batch")


def test_the_branch_moves_for_a_verdict_once():
    story = Story(one("a"), one("b")).begin()
    story.to_integration("a")
    story.approve_tree()
    verdict = story.only(MoveBranch).verdict
    story.move_branch()
    refused(story, BranchMoved(verdict=verdict), "is not one whose branch was to move")


def test_a_candidate_that_is_not_there_is_a_bug():
    story = Story(one("a")).begin()
    story.edit("a")
    story.passes("a")
    rows = story.run.rows.with_row(0, replace(story.run.progress("a"), candidate=None))
    with pytest.raises(Bug, match="has no candidate"):
        step(
            replace(story.run, rows=rows),
            StepFinished(workstream="a", attempt=story.started("a").attempt, outcome=Passed(results=(GREEN,))),
            NOW,
        )


# What commands say of themselves


def test_only_new_work_is_left_to_an_owner_that_works_and_each_counts_against_its_own_limit():
    story = Story(one("a"), one("b")).begin()
    story.edit("a")
    said = {story.started("b").key: story.started("b"), story.started("a").key: story.started("a")}
    story.passes("a")
    story.passes("a")
    said |= {command.key: command for command in story.of(JudgeMerge)}
    story.approve_tree()
    said |= {command.key: command for command in story.of(MoveBranch)}
    story.move_branch()
    story.feed(CancelAsked())
    said |= {command.key: command for command in (*story.of(StopSteps), *story.of(ReleaseWorktree))}
    story.stop()
    said |= {command.key: command for command in story.of(PublishBranch)}
    assert {key: (command.is_work, command.resource) for key, command in said.items()} == {
        "b/edit-1": (True, "agent"),
        "a/static-1": (True, "check"),
        "judge-1": (True, "integration"),
        "move-v1": (False, "branch"),
        "a/release-1": (False, "disk"),
        "stop-2": (False, ""),
        "publish-4": (False, "branch"),
    }


# The cost of an event


def test_a_happy_event_touches_few_rows_in_a_plan_of_five_thousand():
    names = [f"w{number:04}" for number in range(5000)]
    plan = [one(name, depends_on=(names[place - 50],) if place >= 50 else ()) for place, name in enumerate(names)]
    run, waiting = Story(*plan).run, []
    decision = step(run, RunStarted(base="base"), NOW)
    sizes = []
    for number in range(400):
        waiting += [command for command in decision.commands if not isinstance(command, ReleaseWorktree)]
        decision = step(decision.run, happy_answer(decision.run, waiting.pop(0), number), NOW)
        sizes.append((len(decision.changed), len(decision.commands), len(decision.notes)))
    assert len(decision.run.in_state(WorkstreamState.DONE)) > 50
    assert max(changed for changed, _, _ in sizes) <= 4
    assert max(commands for _, commands, _ in sizes) <= 4
    assert max(notes for _, _, notes in sizes) <= 10


def test_a_new_run_is_what_is_derived_from_its_rows():
    story = Story(one("a"), one("b", depends_on=("a",)))
    assert story.run == new_run(id="r", plan=story.plan, policy=story.run.policy, branch="penstock/r")
