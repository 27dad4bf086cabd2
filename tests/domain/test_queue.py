"""The integration queue: batches grow and are halved, and each of their members comes to its own end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from domain_stories import Story, batch, one, verdict_for

from penstock.domain.changes import Candidate, Finding, Violation
from penstock.domain.commands import JudgeMerge, MoveBranch
from penstock.domain.decision import AttemptEnded, Integrated
from penstock.domain.events import (
    Aside,
    CancelAsked,
    Conflict,
    MergeRefused,
    NothingLeft,
    NothingToMerge,
    ResetAsked,
    ResumeAsked,
    Stray,
    VerdictGiven,
)
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Outcome
from penstock.domain.states import Reason, RunState

EIGHT = "abcdefgh"


def waiting(names=EIGHT, **policy):
    """A run whose first candidate is being judged while the others wait."""
    story = Story(*(one(name) for name in names), max_parallel=8, **policy).begin()
    story.to_integration(*names)
    return story


def test_batches_double_while_they_are_green():
    story, seen = waiting(), []
    while story.of(JudgeMerge):
        seen.append("".join(batch(story)))
        story.approve_tree()
    assert seen == ["a", "bc", "defg", "h"]


def test_a_batch_has_one_verdict_one_move_and_one_integration_each():
    story = waiting("abc")
    story.approve_tree()
    story.approve_tree()
    first, second = story.of(MoveBranch)
    assert (second.verdict.members, second.verdict.parent) == (("b", "c"), first.verdict.commit)
    story.move_branches()
    merged = {record.workstream: (record.verdict_id, record.commit) for record in story.records(Integrated)}
    assert merged == {"a": ("v1", "merge-1"), "b": ("v2", "b-2"), "c": ("v2", "merge-2")}
    assert {record.tree for record in story.records(Integrated) if record.verdict_id == "v2"} == {"merged-tree-2"}


def test_a_red_batch_is_halved_until_the_one_to_blame_is_alone_and_the_others_go_on():
    story, seen = waiting(), []
    story.approve_tree()
    story.approve_tree()
    while story.of(JudgeMerge):
        seen.append("".join(batch(story)))
        if "f" in batch(story):
            story.refuse_merge("it breaks")
        else:
            story.approve_tree()
    assert seen == ["defg", "de", "f", "g", "h"]
    assert story.steps() == {"f": "fix-1"}
    assert [place for place in EIGHT if story.run.progress(place).verdict] == list("abcdegh")


def test_only_the_one_to_blame_has_a_failed_attempt_the_others_were_undecided():
    story = waiting("abc")
    story.approve_tree()
    story.refuse_merge("it breaks")
    ends = [(end.workstream, end.status, dict(end.result)) for end in story.records(AttemptEnded)][-2:]
    assert ends == [("b", "interrupted", {"undecided": True}), ("c", "interrupted", {"undecided": True})]
    assert story.run.progress("b").breaker.red_count is not None
    (member,) = story.only(JudgeMerge).members
    assert (member.workstream, member.attempt.key) == ("b", "integrate-1.1")
    assert story.run.progress("b").lost == 0


def test_a_candidate_that_conflicts_goes_to_fix_on_the_present_head_while_the_rest_is_merged():
    story = waiting("abc")
    story.approve_tree()
    command = story.take(story.only(JudgeMerge))
    marked = Candidate(commit="marked", tree="marked-tree")
    conflict = Conflict(workstream="b", start=marked, finding=Finding(code="merge_conflict", text="x.py"))
    verdict = verdict_for(story.run, only_members(command, "c"))
    story.feed(VerdictGiven(judgement=command.number, verdict=verdict, aside=Aside(conflicts=(conflict,))))
    assert story.steps() == {"b": "fix-1"}
    assert (story.started("b").base, story.started("b").start) == ("merge-1", "marked")
    assert story.run.progress("c").verdict == verdict.id


def only_members(command, *names):
    return replace(command, members=tuple(one for one in command.members if one.workstream in names))


def test_a_stray_fails_and_who_is_put_off_is_judged_next():
    story = waiting("abc")
    story.approve_tree()
    number = story.take(story.only(JudgeMerge)).number
    stray = Stray(workstream="b", violations=(Violation(path="x", rule="is not in the scope"),), patch="p")
    story.feed(NothingLeft(judgement=number, aside=Aside(strays=(stray,), put_off=("c",))))
    assert (story.state("b"), story.run.progress("b").reason) == ("failed", Reason.POLICY_VIOLATION)
    assert batch(story) == ["c"]


def test_members_that_add_nothing_are_done_without_a_merge():
    story = waiting("abc")
    story.approve_tree()
    command = story.take(story.only(JudgeMerge))
    verdict = verdict_for(story.run, only_members(command, "c"))
    story.feed(VerdictGiven(judgement=command.number, verdict=verdict, unchanged=("b",)))
    assert (story.state("b"), story.run.progress("b").outcome) == ("done", Outcome.NO_CHANGE)
    assert story.state("c") == "integrating"


@pytest.mark.parametrize(
    ("names", "aside"),
    [(("b",), Aside()), ((), Aside(put_off=("z",))), ((), Aside(put_off=("b",)))],
)
def test_a_judgement_that_does_not_speak_of_exactly_the_batch_is_refused(names, aside):
    story = waiting("abc")
    story.approve_tree()
    command = story.only(JudgeMerge)
    verdict = verdict_for(story.run, only_members(command, *names))
    before = story.run
    with pytest.raises(EventRefused):
        story.feed(VerdictGiven(judgement=command.number, verdict=verdict, aside=aside))
    assert story.run == before


def test_a_batch_lost_with_its_owner_is_asked_in_halves():
    story = waiting("abc")
    story.approve_tree()
    story.lose_judgement()
    assert batch(story) == ["b"]
    story.approve_tree()
    assert batch(story) == ["c"]


def test_a_suspect_whose_run_is_ended_is_not_judged():
    story = waiting("abcd")
    story.approve_tree()
    story.refuse_merge("it breaks")
    assert story.run.suspects
    story.feed(CancelAsked())
    story.stop()
    story.move_branches()
    if story.run.publishing:
        story.publish()
    assert story.run.state is RunState.ABANDONED


def test_more_than_may_run_can_wait_to_be_merged_but_not_without_bound():
    names = [f"w{number:03}" for number in range(80)]
    story = Story(*(one(name) for name in names), max_parallel=2).begin()
    for _ in range(200):
        if not story.steps():
            break
        story.to_integration(*list(story.steps()))
    ready = sum(state == "ready" for state in story.states().values())
    assert 80 - ready == 66  # 64 wait behind the one that is judged, and one more had begun


# what a batch may have touched, and the whole at the end


def test_everybodys_acceptance_is_asked_unless_the_project_says_otherwise():
    assert waiting("ab").only(JudgeMerge).is_whole


def test_where_only_what_is_touched_is_asked_the_whole_is_asked_at_the_runs_end():
    story = waiting("ab", recheck="touched")
    assert not story.only(JudgeMerge).is_whole
    story.approve_tree()
    story.approve_tree()
    story.move_branches()
    command = story.take(story.only(JudgeMerge))
    assert (command.members, command.is_whole, command.head) == ((), True, "merge-2")
    story.feed(NothingToMerge(judgement=command.number))
    story.publish()
    assert story.run.state is RunState.COMPLETED


def test_a_verification_of_the_head_that_is_lost_again_and_again_pauses_the_run():
    story = waiting("a", recheck="touched")
    story.approve_tree()
    story.move_branch()
    for _ in range(2):
        story.lose_judgement()
        assert story.run.state is RunState.RUNNING
    story.lose_judgement()
    assert (story.run.state, story.run.reason) == (RunState.PAUSED, Reason.ENVIRONMENT)
    assert story.run.sentence == "the verification of the whole branch was lost 3 times in a row"
    assert not story.of(JudgeMerge)
    story.feed(ResumeAsked())
    story.lose_judgement()
    assert story.run.state is RunState.RUNNING
    assert story.only(JudgeMerge).members == ()


def test_a_verification_of_the_head_that_came_to_its_end_begins_the_count_anew():
    story = waiting("ab", recheck="touched")
    story.approve_tree()
    story.approve_tree()
    story.move_branches()
    story.lose_judgement()
    story.lose_judgement()
    story.feed(NothingToMerge(judgement=story.take(story.only(JudgeMerge)).number))
    assert story.run.lost == 0


def test_a_head_that_fails_what_its_parts_passed_is_not_completed():
    story = waiting("a", recheck="touched")
    story.approve_tree()
    story.move_branch()
    command = story.take(story.only(JudgeMerge))
    start = Candidate(commit=command.head, tree="t")
    findings = (Finding(code="runtime_failure", text="make all: exit code 1\nmore"),)
    story.feed(MergeRefused(judgement=command.number, findings=findings, base=command.head, start=start))
    story.publish()
    assert (story.run.state, story.run.reason) == (RunState.PARTIAL, Reason.CHECKS_FAILED)
    assert "make all: exit code 1" in story.run.sentence


@pytest.mark.parametrize("texts", [(), ("",), ("\n", "")])
def test_a_head_that_fails_without_a_word_is_not_completed_either(texts):
    story = waiting("a", recheck="touched")
    story.approve_tree()
    story.move_branch()
    story.refuse_merge(*texts)
    story.publish()
    assert (story.run.state, story.run.reason) == (RunState.PARTIAL, Reason.CHECKS_FAILED)
    assert story.run.sentence.endswith("merged together they fail what they passed alone: a check")


def test_every_thirty_two_merges_the_whole_is_asked_in_between():
    names = [f"w{number:03}" for number in range(70)]
    story = Story(*(one(name) for name in names), max_parallel=70, recheck="touched").begin()
    story.to_integration(*names)
    seen = []
    while story.of(JudgeMerge):
        command = story.only(JudgeMerge)
        seen.append((len(command.members), command.is_whole))
        if command.members:
            story.approve_tree()
        else:
            story.feed(NothingToMerge(judgement=story.take(command).number))
    assert seen == [(1, False), (2, False), (4, False), (8, False), (16, False), (0, True), (32, True), (7, False)]


def test_nobody_is_to_blame_for_what_the_head_failed_before():
    names = [f"w{number:03}" for number in range(50)]
    story = Story(*(one(name) for name in names), max_parallel=50, recheck="touched").begin()
    story.to_integration(*names)
    for _ in range(80):
        if not story.of(JudgeMerge):
            break
        if story.only(JudgeMerge).is_whole:
            story.refuse_merge("make all: exit code 1")
        else:
            story.approve_tree()
    assert not story.steps()  # nobody was sent to mend it
    story.move_branches()
    story.refuse_merge("make all: exit code 1")
    story.publish()
    assert (story.run.state, story.run.reason) == (RunState.PARTIAL, Reason.CHECKS_FAILED)
    assert {story.state(name) for name in names} == {"done"}


def test_a_reset_after_a_broken_end_asks_the_whole_again():
    story = waiting("ab", recheck="touched")
    story.approve_tree()
    for _ in range(3):
        if story.of(JudgeMerge):
            story.refuse_merge("it breaks", "it breaks")
        if story.steps():
            story.edit("b")
            story.passes("b")
            story.passes("b")
    assert story.state("b") == "failed"
    story.move_branch()
    command = story.take(story.only(JudgeMerge))
    story.feed(NothingToMerge(judgement=command.number))
    story.publish()
    assert story.run.state is RunState.PARTIAL
    story.feed(ResetAsked(workstream="b"))
    assert story.run.state is RunState.RUNNING
