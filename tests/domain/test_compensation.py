"""What is undone after a workstream has failed for good: in which order, how often, and what waits for it."""

import pytest
from domain_stories import Story, one, undone

from penstock.domain.commands import Compensate, ReleaseWorktree, StartStep
from penstock.domain.events import AbandonAsked, CancelAsked, PauseAsked, ResetAsked
from penstock.domain.plan import Acceptance, AcceptanceKind
from penstock.domain.refusals import EventRefused
from penstock.domain.states import RunState

UNDOING = (
    Acceptance(kind=AcceptanceKind.COMMAND, text="drop table"),
    Acceptance(kind=AcceptanceKind.PROSE, text="tell the others"),
    Acceptance(kind=AcceptanceKind.COMMAND, text="stop server"),
)


def failed_story(*others, **more):
    story = Story(one("a", compensation=UNDOING), *others, **more).begin()
    for _ in range(3):
        story.red("a", "boom", code="non_zero_exit")
    assert story.state("a") == "failed"
    return story


def actions(story):
    return [command.action for command in story.of(Compensate)]


def test_the_commands_are_given_from_last_to_first_and_the_prose_is_left_to_people():
    story = failed_story()
    assert actions(story) == ["stop server", "drop table"]
    assert [note.payload["action"] for note in story.notes("compensation_asked")] == ["tell the others"]


def test_the_run_ends_only_when_every_action_has_an_outcome_and_none_changes_how_it_ends():
    story = failed_story()
    stop, drop = story.of(Compensate)
    story.undo(stop, exit_code=1)
    assert story.run.state is RunState.RUNNING
    story.undo(drop, sentence="no space")
    assert story.run.state is RunState.FAILED
    assert story.run.sentence.startswith("of 1 workstreams 1 failed (a: edit failed 3 times")
    ran = [
        (note.workstream, note.payload["exit_code"], note.payload["sentence"])
        for note in story.notes("compensation_run")
    ]
    assert ran == [("a", 1, ""), ("a", None, "no space")]


def test_an_outcome_that_nobody_waits_for_is_refused():
    story = failed_story()
    stop = story.of(Compensate)[0]
    story.undo(stop)
    with pytest.raises(EventRefused, match="not a compensation action that is under way"):
        story.feed(undone(stop))


def test_what_does_not_depend_on_it_goes_on_meanwhile():
    story = failed_story(one("b"), one("c", depends_on=("a",)))
    assert story.states() == {"a": "failed", "b": "editing", "c": "blocked"}
    story.merge("b")
    assert story.run.state is RunState.RUNNING
    for command in story.of(Compensate):
        story.undo(command)
    story.publish()
    assert story.run.state is RunState.PARTIAL


def test_a_reset_keeps_its_place_behind_the_actions_and_the_next_round_has_its_own():
    story = failed_story()
    given = story.feed(ResetAsked(workstream="a")).commands
    assert [type(command) for command in given] == [ReleaseWorktree, StartStep]
    assert len(story.of(Compensate)) == 2, "they were given before: the dispatcher keeps the order of a workstream"
    for command in story.of(Compensate):
        story.undo(command)
    for _ in range(3):
        story.red("a", "boom", code="non_zero_exit")
    assert [command.key for command in story.of(Compensate)] == ["a/2.compensate-3", "a/2.compensate-1"]


def test_a_pause_does_not_hold_them_and_a_cancelled_workstream_has_none():
    story = failed_story(one("b", compensation=UNDOING))
    story.feed(PauseAsked(now=True))
    story.stop()
    for command in story.of(Compensate):
        story.undo(command)
    story.feed(CancelAsked())
    story.stop()
    assert story.states() == {"a": "failed", "b": "abandoned"}
    assert story.run.state is RunState.ABANDONED
    assert actions(story) == []


def test_a_run_that_is_given_up_waits_for_them_before_it_removes_the_folder():
    story = failed_story()
    story.feed(AbandonAsked())
    story.stop()
    assert story.run.state is RunState.RUNNING
    stop, drop = story.of(Compensate)
    story.undo(stop)
    last = story.undo(drop)
    assert story.run.state is RunState.ABANDONED
    assert [type(command) for command in last.commands] == [ReleaseWorktree]


def test_one_that_never_began_has_nothing_to_undo():
    story = Story(one("a", after=("b",), compensation=UNDOING), one("b")).begin()
    story.feed(CancelAsked())
    story.stop()
    assert actions(story) == []
    assert story.notes("compensation_asked") == []
