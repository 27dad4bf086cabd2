from dataclasses import replace

import pytest
from domain_stories import NOW, Story, one

from penstock.domain.admission import gate_to_approve, next_to_start
from penstock.domain.draft import Draft
from penstock.domain.events import OutOfScope
from penstock.domain.run import Ending, derive
from penstock.domain.states import RunState, WorkstreamState


def draft_of(*workstreams, states, run_state=RunState.RUNNING, **policy):
    """A run with its workstreams put into these states by hand."""
    run = Story(*workstreams, **policy).run
    for name, state in states.items():
        place = run.plan.rank_of(name)
        run = replace(run, rows=run.rows.with_row(place, replace(run.rows[place], state=WorkstreamState(state))))
    return Draft(replace(derive(run), state=run_state), NOW)


def next_name(draft):
    found = next_to_start(draft)
    return None if found is None else draft.id_of(found)


def test_the_first_ready_one_starts():
    assert next_name(draft_of(one("a"), one("b"), states={"a": "ready", "b": "ready"})) == "a"


@pytest.mark.parametrize("state", [RunState.PENDING, RunState.PAUSED, RunState.COMPLETED, RunState.ABANDONED])
def test_nobody_starts_in_a_run_that_does_not_run(state):
    assert next_name(draft_of(one("a"), states={"a": "ready"}, run_state=state)) is None


def test_nobody_starts_in_a_run_that_is_being_ended():
    draft = draft_of(one("a"), states={"a": "ready"})
    draft.set(ending=Ending.CANCELLED)
    assert next_name(draft) is None


@pytest.mark.parametrize("state", [state for state in WorkstreamState if state is not WorkstreamState.READY])
def test_only_what_is_ready_starts(state):
    assert next_name(draft_of(one("a"), states={"a": state})) is None


@pytest.mark.parametrize(
    ("state", "leaves_room"),
    [
        ("editing", False),
        ("static_check", False),
        ("fixing", False),
        ("runtime_check", False),
        ("integrating", False),
        ("reviewing", True),
        ("done", True),
        ("failed", True),
    ],
)
def test_what_takes_a_place_and_what_does_not(state, leaves_room):
    draft = draft_of(one("a"), one("b"), states={"a": state, "b": "ready"}, max_parallel=1)
    assert next_name(draft) == ("b" if leaves_room else None)


@pytest.mark.parametrize("state", ["editing", "fixing", "reviewing", "integrating"])
@pytest.mark.parametrize("fields", [{"files": ["a.py"]}, {"conflict_group": "g"}, {"parallel_ok": False}])
def test_what_may_not_run_beside_another_waits_and_the_next_goes(state, fields):
    draft = draft_of(
        one("a", conflict_group="g"), one("b", **fields), one("c"), states={"a": state, "b": "ready", "c": "ready"}
    )
    assert next_name(draft) == "c"


@pytest.mark.parametrize("state", ["pending", "ready", "blocked", "done", "failed", "abandoned"])
def test_what_is_not_in_flight_is_in_nobodys_way(state):
    draft = draft_of(one("b", parallel_ok=False), one("c", files=["b.py"]), states={"b": state, "c": "ready"})
    expected = "b" if state == "ready" else "c"
    assert next_name(draft) == expected


def test_a_higher_gate_is_closed_while_a_lower_one_is_open():
    workstreams = (one("a"), one("b", gate=2))
    assert next_name(draft_of(*workstreams, states={"a": "editing", "b": "ready"})) is None
    assert next_name(draft_of(*workstreams, states={"a": "failed", "b": "ready"})) == "b"


@pytest.mark.parametrize(("approved", "waits_for"), [(0, 2), (2, None), (3, None)])
def test_a_gate_waits_for_its_approval(approved, waits_for):
    draft = draft_of(one("a"), one("b", gate=2), states={"a": "done", "b": "ready"}, gate_approvals=True)
    draft.set(approved_gate=approved)
    assert gate_to_approve(draft) == waits_for
    assert next_name(draft) == (None if waits_for else "b")


def test_the_first_gate_needs_no_approval_whatever_its_number():
    draft = draft_of(one("a", gate=7), states={"a": "ready"}, gate_approvals=True)
    assert gate_to_approve(draft) is None
    assert next_name(draft) == "a"


def test_an_empty_plan_starts_nobody():
    assert next_name(draft_of(states={})) is None
    assert gate_to_approve(draft_of(states={}, gate_approvals=True)) is None


def test_a_ready_one_whose_forerunner_begins_again_waits_for_it():
    draft = draft_of(one("a"), one("b", after=("a",)), one("c"), states={"a": "fixing", "b": "ready", "c": "ready"})
    assert next_name(draft) == "c"


def test_a_failure_gives_its_place_to_the_next():
    story = Story(one("a"), one("b", files=["a.py"]), max_parallel=1).begin()
    story.finish("a", OutOfScope(violations=()))
    assert story.state("b") == "editing"
