"""Taking merged workstreams back: only of an ended run, never from under others, and only if the rest passes."""

from __future__ import annotations

import pytest
from domain_stories import Story, one

from penstock.domain.budget import Level
from penstock.domain.changes import Candidate, Verdict
from penstock.domain.commands import JudgeMerge, MoveBranch, PublishBranch, TakeBack
from penstock.domain.errors import IllegalMove
from penstock.domain.events import (
    AbandonAsked,
    CancelAsked,
    EnvironmentBroke,
    OutOfScope,
    OverBudget,
    ResetAsked,
    ResumeAsked,
    RollbackAsked,
    TakeBackRefused,
    TakenBack,
    Unchanged,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.states import Reason, RunState


def ended():
    """A run that is completed: ground, upon which wall and roof were built, and a garden beside them."""
    story = Story(
        one("ground"), one("wall", depends_on=("ground",)), one("roof", depends_on=("wall",)), one("garden")
    ).begin()
    for name in ("ground", "garden", "wall", "roof"):
        story.merge(name)
    story.publish()
    assert story.run.state is RunState.COMPLETED
    return story


def verdict_without(run, command, **wrong):
    names = tuple(member.workstream for member in command.members)
    values = {"id": "v-back", "branch": run.branch, "parent": command.head, "commit": "back", "tree": "tree-back"}
    return Verdict(**{**values, "members": names, "checks": (), "merges": names, **wrong})


def take_back(story, name):
    story.feed(RollbackAsked(workstream=name))
    command = story.take(story.only(TakeBack))
    story.feed(TakenBack(number=command.number, verdict=verdict_without(story.run, command)))
    story.move_branch()


def test_a_merge_is_taken_back_and_the_run_stays_as_it_ended():
    story = ended()
    story.feed(RollbackAsked(workstream="garden"))
    command = story.take(story.only(TakeBack))
    assert [member.workstream for member in command.members] == ["garden"]
    assert (command.base, command.head) == ("base", story.run.head)
    story.feed(TakenBack(number=command.number, verdict=verdict_without(story.run, command)))
    assert story.states()["garden"] == "done"
    story.move_branch()
    assert story.states() == {"ground": "done", "wall": "done", "roof": "done", "garden": "abandoned"}
    assert (story.run.state, story.run.head) == (RunState.COMPLETED, "back")
    assert story.only(PublishBranch).commit == "back"
    story.publish()
    assert "1 abandoned" in story.run.sentence


def test_what_was_built_upon_it_is_named_and_taken_back_first_with_cascade():
    story = ended()
    with pytest.raises(EventRefused, match="roof, wall was built upon ground"):
        story.feed(RollbackAsked(workstream="ground"))
    story.feed(RollbackAsked(workstream="ground", cascade=True))
    command = story.take(story.only(TakeBack))
    assert [member.workstream for member in command.members] == ["roof", "wall", "ground"]
    story.feed(TakenBack(number=command.number, verdict=verdict_without(story.run, command)))
    story.move_branch()
    assert story.states() == {"ground": "abandoned", "wall": "abandoned", "roof": "abandoned", "garden": "done"}


def test_what_can_not_be_undone_stays_and_says_why():
    story = ended()
    before = story.run.head
    story.feed(RollbackAsked(workstream="garden"))
    command = story.take(story.only(TakeBack))
    story.feed(TakeBackRefused(number=command.number, sentence="without it the rest fails: make test"))
    assert (story.states()["garden"], story.run.head) == ("done", before)
    assert story.run.progress("garden").sentence == "could not be taken back: without it the rest fails: make test"
    story.feed(RollbackAsked(workstream="garden"))
    assert story.of(TakeBack)


def test_what_failed_upon_something_that_was_taken_back_is_not_begun_again():
    story = Story(one("ground"), one("wall", depends_on=("ground",)), one("garden")).begin()
    story.merge("ground")
    story.merge("garden")
    story.finish("wall", OutOfScope(violations=()))
    story.publish()
    take_back(story, "ground")
    before = story.run
    with pytest.raises(EventRefused, match="wall builds upon ground, which was taken back"):
        story.feed(ResetAsked(workstream="wall"))
    assert story.run is before


def test_money_does_not_bring_back_what_was_taken_from_under_others():
    story = Story(one("ground"), one("wall", depends_on=("ground",)), one("garden")).begin()
    story.merge("ground")
    story.merge("garden")
    candidate = Candidate(commit="kept", tree="kept-tree")
    story.finish("wall", OverBudget(level=Level.RUN, sentence="all is spent", candidate=candidate))
    story.publish()
    assert story.run.reason is Reason.BUDGET_EXHAUSTED
    take_back(story, "ground")
    story.publish()
    with pytest.raises(EventRefused, match="nothing in it can go on"):
        story.feed(ResumeAsked())
    assert story.states() == {"ground": "abandoned", "wall": "failed", "garden": "done"}


def test_only_what_was_merged_by_a_run_that_has_ended_can_be_taken_back():
    story = Story(one("a"), one("b"), one("c", depends_on=("b",))).begin()
    with pytest.raises(EventRefused, match="the run is running"):
        story.feed(RollbackAsked(workstream="a"))
    story.merge("a")
    story.finish("b", OutOfScope(violations=()))
    story.publish()
    assert story.run.state is RunState.PARTIAL
    for name, said in (("b", "b is failed"), ("c", "c is blocked"), ("nobody", "no workstream 'nobody'")):
        with pytest.raises(EventRefused, match=said):
            story.feed(RollbackAsked(workstream=name))
    story.feed(RollbackAsked(workstream="a"))
    with pytest.raises(EventRefused, match="is being taken back already"):
        story.feed(RollbackAsked(workstream="a"))


@pytest.mark.parametrize("wrong", [{"parent": "elsewhere"}, {"branch": "main"}, {"members": ("wall",)}])
def test_a_verdict_about_something_else_takes_nothing_back(wrong):
    story = ended()
    story.feed(RollbackAsked(workstream="garden"))
    command = story.only(TakeBack)
    with pytest.raises(EventRefused):
        story.feed(TakenBack(number=command.number, verdict=verdict_without(story.run, command, **wrong)))
    with pytest.raises(EventRefused):
        story.feed(TakeBackRefused(number=command.number + 1, sentence="x"))


def test_a_verdict_that_changes_nothing_is_heard_once_too():
    story = ended()
    story.feed(RollbackAsked(workstream="garden"))
    command = story.take(story.only(TakeBack))
    event = TakenBack(number=command.number, verdict=verdict_without(story.run, command, commit=command.head))
    story.feed(event)
    with pytest.raises(EventRefused, match="on its way"):
        story.feed(event)


def test_nothing_is_pushed_again_while_something_is_being_taken_back():
    story = Story(one("a")).begin()
    story.merge("a")
    story.publish("checked out")
    story.feed(RollbackAsked(workstream="a"))
    with pytest.raises(EventRefused, match="being taken back"):
        story.feed(ResumeAsked())
    command = story.take(story.only(TakeBack))
    story.feed(TakenBack(number=command.number, verdict=verdict_without(story.run, command)))
    story.move_branch()
    assert story.only(PublishBranch).commit == "back"


def cancelled(*, pushed="", asked=CancelAsked):
    """A run that was ended when garden was merged, and whose branch was pushed or not."""
    story = Story(one("garden"), one("wall"), max_parallel=1).begin()
    story.merge("garden")
    story.feed(asked())
    story.stop()
    if story.of(PublishBranch):
        story.publish(pushed)
    assert story.run.state is RunState.ABANDONED
    return story


def test_what_is_taken_back_of_a_cancelled_run_goes_from_the_users_repository_too():
    story = cancelled()
    assert story.run.published
    take_back(story, "garden")
    assert story.only(PublishBranch).commit == "back"
    story.publish("checked out")
    assert (story.run.state, story.run.publication) == (RunState.ABANDONED, "checked out")
    story.feed(ResumeAsked())
    story.publish()
    assert story.run.published == story.run.head == "back"


def test_the_push_that_a_cancelled_run_waits_for_is_made_when_a_person_says_so():
    story = cancelled(pushed="checked out")
    story.feed(ResumeAsked())
    story.publish()
    assert (story.run.state, story.run.published) == (RunState.ABANDONED, story.run.head)
    with pytest.raises(IllegalMove):
        story.feed(ResumeAsked())


def test_what_was_never_in_the_users_repository_is_not_pushed_when_it_is_taken_back():
    story = cancelled(asked=AbandonAsked)
    take_back(story, "garden")
    assert not story.of(PublishBranch)


def test_a_head_that_was_broken_is_sound_when_the_one_to_blame_is_taken_back():
    story = Story(one("wall"), one("garden"), one("shed"), max_parallel=1, recheck="touched").begin()
    story.merge("garden", "shed")
    story.finish("wall", OutOfScope(violations=()))
    story.refuse_merge("make all: exit code 1")
    story.publish()
    assert (story.run.broken, story.run.reason) == ("make all: exit code 1", Reason.CHECKS_FAILED)
    take_back(story, "garden")
    story.publish()
    assert (story.run.broken, story.run.unproven) == ("", 0)
    story.feed(ResetAsked(workstream="wall"))
    begun = Candidate(commit=story.started("wall").start, tree="t")
    story.finish("wall", Unchanged(candidate=begun))
    story.passes("wall")
    story.passes("wall")
    assert not story.of(JudgeMerge)
    assert (story.run.state, story.run.reason) == (RunState.COMPLETED, None)


def test_what_is_taken_back_of_a_cancelled_run_waits_for_a_branch_that_can_not_be_moved():
    story = cancelled()
    story.feed(RollbackAsked(workstream="garden"))
    command = story.take(story.only(TakeBack))
    story.feed(TakenBack(number=command.number, verdict=verdict_without(story.run, command)))
    move = story.only(MoveBranch)
    story.feed(EnvironmentBroke(sentence="the branch is locked", command=move.key, verdict=move.verdict))
    assert story.states()["garden"] == "done"
    story.move_branch()
    assert story.states()["garden"] == "abandoned"
