"""What others say is written down as a claim, all of it or nothing, and changes no state."""

from dataclasses import replace
from datetime import timedelta

import pytest
from domain_stories import NOW, Story, one

from penstock.domain.breaker import signature
from penstock.domain.claims import ENDS, ClaimedAttempt, ClaimedError, ClaimedEvent, moment_of
from penstock.domain.decision import AttemptBegan, AttemptEnded, ErrorSeen
from penstock.domain.events import Claimed
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Step

ATTEMPT = ClaimedAttempt(step=Step.EDIT, status="success", started_at=NOW, completed_at=NOW + timedelta(seconds=3))


def claim(told: Story, *claims, workstream="ws-a"):
    return told.feed(Claimed(workstream=workstream, claims=claims))


def test_an_event_is_noted_as_said_and_marked() -> None:
    decision = claim(Story(one("ws-a")), ClaimedEvent(name="tool_run", payload={"exit_code": 0, "claimed": False}))
    (note,) = decision.notes
    assert (note.type, note.workstream, note.payload) == ("tool_run", "ws-a", {"exit_code": 0, "claimed": True})


def test_an_error_without_a_signature_gets_ours() -> None:
    decision = claim(Story(one("ws-a")), ClaimedError(step=Step.STATIC, code="timeout", text="it hung"))
    assert decision.records == (
        ErrorSeen(
            workstream="ws-a",
            step=Step.STATIC,
            code="timeout",
            signature=signature("timeout", "it hung"),
            message="it hung",
        ),
    )


def test_an_attempt_is_none_of_ours_and_has_a_number_of_its_own() -> None:
    told = Story(one("ws-a")).begin()
    first, second = claim(told, ATTEMPT), claim(told, ATTEMPT)
    for number, decision in enumerate((first, second), start=1):
        began, ended = decision.records
        assert isinstance(began, AttemptBegan)
        assert isinstance(ended, AttemptEnded)
        assert began.attempt == ended.attempt
        assert (began.attempt.round, began.attempt.number) == (-1, number)
        assert ended.result == {"claimed": True}
    assert told.steps() == {"ws-a": "edit-1"}


def test_claims_change_no_state_and_give_no_command() -> None:
    told = Story(one("ws-a")).begin()
    before = told.run
    error = ClaimedError(step=Step.EDIT, code="x", text="y")
    for _ in range(20):
        decision = claim(told, error, ClaimedEvent(name="step_end"), ATTEMPT)
        assert decision.commands == ()
    assert (told.run.state, told.states()) == (before.state, {"ws-a": "editing"})
    assert told.run.rows[0].breaker == before.rows[0].breaker


def test_the_run_itself_may_be_spoken_of() -> None:
    decision = claim(Story(one("ws-a")), ClaimedEvent(name="deployed"), workstream="")
    assert [note.workstream for note in decision.notes] == [""]


def test_a_run_that_has_ended_may_still_be_spoken_of() -> None:
    told = Story().begin()
    assert told.run.state.value == "completed"
    assert len(claim(told, ClaimedEvent(name="deployed"), workstream="").notes) == 1


@pytest.mark.parametrize("status", ENDS)
def test_an_attempt_may_have_ended_in_every_way_that_ours_can(status: str) -> None:
    assert len(claim(Story(one("ws-a")), replace(ATTEMPT, status=status)).records) == 2


@pytest.mark.parametrize(
    ("workstream", "what", "sentence"),
    [
        ("ws-x", ClaimedEvent(name="a"), "no workstream 'ws-x'"),
        ("ws-a", ClaimedEvent(name="Run It\n"), "can't name a kind of event"),
        ("ws-a", ClaimedEvent(name="a", payload={"x": "y" * 70_000}), "larger than 64 KB"),
        ("ws-a", ClaimedError(step=Step.EDIT, code=" ", text="x"), "needs a code"),
        ("ws-a", ClaimedError(step=Step.EDIT, code="x" * 201, text="x"), "at most 200 characters"),
        ("ws-a", ClaimedError(step=Step.EDIT, code="x", text="x", signature="y" * 201), "at most 200 characters"),
        ("", ATTEMPT, "belongs to a workstream"),
        ("ws-a", replace(ATTEMPT, started_at=moment_of("0001-01-01T00:00:00+14:00")), "can't be told in UTC"),
        ("ws-a", replace(ATTEMPT, completed_at=moment_of("9999-12-31T23:59:59-14:00")), "can't be told in UTC"),
        (
            "ws-a",
            ClaimedAttempt(step=Step.EDIT, status="fine", started_at=NOW, completed_at=NOW),
            "can't have ended 'fine'; possible are success, failed",
        ),
    ],
)
def test_a_claim_that_can_not_be_kept_is_refused_with_all_that_came_with_it(workstream, what, sentence) -> None:
    told = Story(one("ws-a"))
    with pytest.raises(EventRefused, match=sentence):
        claim(told, ClaimedEvent(name="fine"), what, workstream=workstream)
    assert told.decisions == []
