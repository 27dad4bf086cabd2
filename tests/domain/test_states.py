import itertools

import pytest

from penstock.domain.errors import IllegalMove
from penstock.domain.states import (
    ACTIVE,
    ENDED,
    IN_FLIGHT,
    RUN_TABLE,
    TERMINAL_RUN,
    WORKSTREAM_TABLE,
    Move,
    RunMove,
    RunState,
    WorkstreamState,
    moved,
    run_moved,
    validate_state_transition,
)

WORKSTREAM_MOVES = {
    "pending": "ready blocked failed abandoned",
    "ready": "editing blocked failed abandoned done",
    "blocked": "ready abandoned",
    "editing": "static_check failed abandoned",
    "static_check": "fixing runtime_check failed abandoned",
    "fixing": "static_check failed abandoned",
    "runtime_check": "done failed abandoned fixing reviewing integrating",
    "reviewing": "integrating fixing done failed abandoned",
    "integrating": "done fixing failed abandoned",
    "done": "abandoned",
    "failed": "abandoned ready",
    "abandoned": "",
}
RUN_MOVES = {
    "pending": "running failed abandoned",
    "running": "completed failed partial abandoned paused",
    "paused": "running completed partial failed abandoned",
    "completed": "abandoned",
    "failed": "running abandoned",
    "partial": "running abandoned",
    "abandoned": "",
}
WORKSTREAM_PAIRS = list(itertools.product(WorkstreamState, WorkstreamState))
RUN_PAIRS = list(itertools.product(RunState, RunState))


def test_the_promised_tables_name_every_state():
    assert set(WORKSTREAM_MOVES) == {state.value for state in WorkstreamState}
    assert set(RUN_MOVES) == {state.value for state in RunState}


@pytest.mark.parametrize(("source", "target"), WORKSTREAM_PAIRS)
def test_a_workstream_moves_exactly_where_the_promised_table_leads(source, target):
    if source is target or target.value in WORKSTREAM_MOVES[source.value].split():
        validate_state_transition(source, target)
        return
    with pytest.raises(ValueError, match=f"workstream can't go from {source} to {target}") as caught:
        validate_state_transition(source, target)
    assert isinstance(caught.value, IllegalMove)
    assert (caught.value.source, caught.value.target) == (source, target)


@pytest.mark.parametrize(("source", "target"), RUN_PAIRS)
def test_a_run_moves_exactly_where_the_promised_table_leads(source, target):
    if source is target or target.value in RUN_MOVES[source.value].split():
        validate_state_transition(source, target)
        return
    with pytest.raises(ValueError, match=f"run can't go from {source} to {target}") as caught:
        validate_state_transition(source, target)
    assert isinstance(caught.value, IllegalMove)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (WorkstreamState.FAILED, RunState.FAILED),
        (RunState.PENDING, WorkstreamState.PENDING),
        (RunState.RUNNING, WorkstreamState.FAILED),
    ],
)
def test_a_state_of_one_machine_never_leads_to_one_of_the_other(source, target):
    with pytest.raises(IllegalMove):
        validate_state_transition(source, target)


@pytest.mark.parametrize(("state", "move"), list(itertools.product(WorkstreamState, Move)))
def test_every_cell_of_the_workstream_table(state, move):
    if (state, move) in WORKSTREAM_TABLE:
        target = moved(state, move)
        assert target.value in WORKSTREAM_MOVES[state.value].split()
    else:
        with pytest.raises(IllegalMove, match=f"workstream can't go from {state} to {move}"):
            moved(state, move)


@pytest.mark.parametrize(("state", "move"), list(itertools.product(RunState, RunMove)))
def test_every_cell_of_the_run_table(state, move):
    if (state, move) in RUN_TABLE:
        assert run_moved(state, move).value in RUN_MOVES[state.value].split()
    else:
        with pytest.raises(IllegalMove, match=f"run can't go from {state} to {move}"):
            run_moved(state, move)


@pytest.mark.parametrize("move", Move)
def test_a_move_of_a_workstream_leads_to_one_state_only(move):
    targets = {target for (_, made), target in WORKSTREAM_TABLE.items() if made is move}
    assert len(targets) == 1


def test_an_illegal_move_is_the_users_to_mend_and_a_value_error():
    with pytest.raises(ValueError, match="run can't go from completed to resumed"):
        run_moved(RunState.COMPLETED, RunMove.RESUMED)


def test_every_state_is_before_in_flight_or_ended():
    before = {WorkstreamState.PENDING, WorkstreamState.READY}
    assert before | IN_FLIGHT | ENDED == set(WorkstreamState)
    assert len(before) + len(IN_FLIGHT) + len(ENDED) == len(WorkstreamState)
    assert ACTIVE | {WorkstreamState.REVIEWING} == IN_FLIGHT


def test_failed_is_reached_from_whatever_has_not_ended_and_from_nothing_else():
    sources = {source for (source, _), target in WORKSTREAM_TABLE.items() if target is WorkstreamState.FAILED}
    assert sources == set(WorkstreamState) - ENDED


def test_no_run_that_ended_moves_but_to_running_or_abandoned():
    targets = {target for (source, _), target in RUN_TABLE.items() if source in TERMINAL_RUN}
    assert targets == {RunState.RUNNING, RunState.ABANDONED}


def test_the_tables_can_not_be_written_to():
    with pytest.raises(TypeError):
        WORKSTREAM_TABLE[WorkstreamState.DONE, Move.RESET] = WorkstreamState.READY  # type: ignore[index] # the claim
