"""A state asked for by its name is the event that leads there, or a refusal; nothing is moved in any other way."""

from dataclasses import replace
from itertools import product

import pytest
from domain_stories import Story, one

from penstock.domain.errors import IllegalMove
from penstock.domain.events import (
    AbandonAsked,
    Approved,
    MoveAsked,
    PauseAsked,
    Rejected,
    ResetAsked,
    ResumeAsked,
    RollbackAsked,
)
from penstock.domain.moves_asked import ALIASES, meant, workstream_state
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Run
from penstock.domain.states import LEGAL_RUN_MOVES, LEGAL_WORKSTREAM_MOVES, RunState, WorkstreamState

OF_RUN = {
    ("running", "paused"): PauseAsked(),
    ("paused", "running"): ResumeAsked(),
    **{(state.value, "abandoned"): AbandonAsked() for state in RunState if state is not RunState.ABANDONED},
}
OF_WORKSTREAM = {
    ("failed", "ready"): ResetAsked(workstream="ws-a"),
    ("done", "abandoned"): RollbackAsked(workstream="ws-a"),
    ("reviewing", "integrating"): Approved(workstream="ws-a"),
    ("reviewing", "fixing"): Rejected(workstream="ws-a"),
    ("reviewing", "failed"): Rejected(workstream="ws-a", final=True),
}


def story() -> Story:
    return Story(one("ws-a"), review=True)


def run_in(state: RunState) -> Run:
    return replace(story().run, state=state)


def workstream_in(state: WorkstreamState) -> Run:
    run = story().run
    return replace(run, rows=run.rows.with_row(0, replace(run.rows[0], state=state)))


@pytest.mark.parametrize(("now", "target"), list(product(RunState, RunState)), ids=lambda state: state.value)
def test_every_pair_of_run_states_is_its_event_or_refused(now: RunState, target: RunState) -> None:
    run, asked = run_in(now), MoveAsked(to=target.value)
    if now is target:
        assert meant(run, asked) is None
    elif target not in LEGAL_RUN_MOVES.get(now, ()):
        with pytest.raises(IllegalMove):
            meant(run, asked)
    elif (now, target) == (RunState.PENDING, RunState.RUNNING):
        assert type(meant(run, asked)).__name__ == "RunStarted"
    elif (now.value, target.value) in OF_RUN:
        assert meant(run, asked) == OF_RUN[now.value, target.value]
    else:
        with pytest.raises(EventRefused, match="by what its steps find"):
            meant(run, asked)


@pytest.mark.parametrize(
    ("now", "target"), list(product(WorkstreamState, WorkstreamState)), ids=lambda state: state.value
)
def test_every_pair_of_workstream_states_is_its_event_or_refused(now: WorkstreamState, target: WorkstreamState) -> None:
    run, asked = workstream_in(now), MoveAsked(to=target.value, workstream="ws-a")
    if now is target:
        assert meant(run, asked) is None
    elif target not in LEGAL_WORKSTREAM_MOVES.get(now, ()):
        with pytest.raises(IllegalMove):
            meant(run, asked)
    elif (now.value, target.value) in OF_WORKSTREAM:
        assert meant(run, asked) == OF_WORKSTREAM[now.value, target.value]
    else:
        with pytest.raises(EventRefused, match="by what its steps find"):
            meant(run, asked)


def test_a_run_begins_pauses_and_goes_on_by_the_names_of_its_states() -> None:
    told = story()
    for state in ("running", "paused", "running", "running"):
        told.feed(MoveAsked(to=state))
        assert told.run.state.value == state
    assert told.steps() == {"ws-a": "edit-1"}


def test_a_review_is_answered_by_the_name_of_the_state_that_it_leads_to() -> None:
    told = story().begin()
    told.edit("ws-a")
    told.passes("ws-a")
    told.passes("ws-a")
    told.feed(MoveAsked(to="fixing", workstream="ws-a"))
    assert told.state("ws-a") == "fixing"


def test_a_run_without_a_workstream_is_not_begun() -> None:
    with pytest.raises(EventRefused, match="no workstream yet"):
        Story().feed(MoveAsked(to="running"))


def test_a_source_that_is_not_the_present_state_moves_nothing() -> None:
    with pytest.raises(EventRefused, match="it is pending, not running"):
        story().feed(MoveAsked(to="paused", source="running"))


def test_an_illegal_pair_is_illegal_wherever_the_run_is() -> None:
    with pytest.raises(IllegalMove) as caught:
        story().feed(MoveAsked(to="pending", source="completed"))
    assert (caught.value.entity, caught.value.source, caught.value.target) == ("run", "completed", "pending")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (MoveAsked(to="finished"), "no state 'finished'; possible are pending, running"),
        (MoveAsked(to="finished", workstream="ws-a"), "no state 'finished'; possible are pending, ready"),
        (MoveAsked(to="ready", workstream="ws-x"), "no workstream 'ws-x'"),
    ],
)
def test_a_name_that_is_none_is_refused_with_what_is_possible(asked: MoveAsked, sentence: str) -> None:
    with pytest.raises(EventRefused, match=sentence):
        story().feed(asked)


@pytest.mark.parametrize("name", [*ALIASES, "S_RUNNING"])
def test_names_of_older_systems_are_states(name: str) -> None:
    assert workstream_state(name) is ALIASES[name.lower()]
