"""The states of runs and workstreams, and the tables that lead from one to the next. What changes a state is in here.

A pair that no table holds is an illegal move; nothing else in Penstock decides where a state may go.
`python -m penstock.domain.diagram` prints these tables as docs/state_machine.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from penstock.domain.errors import IllegalMove


class WorkstreamState(StrEnum):
    """Where a workstream is on its way."""

    PENDING = "pending"
    READY = "ready"
    BLOCKED = "blocked"
    EDITING = "editing"
    STATIC_CHECK = "static_check"
    FIXING = "fixing"
    RUNTIME_CHECK = "runtime_check"
    REVIEWING = "reviewing"
    INTEGRATING = "integrating"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


class RunState(StrEnum):
    """Where a run is."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    ABANDONED = "abandoned"


class PipelineStatus(StrEnum):
    """How an epic's way through the phases stands; in which phase it is, its configuration says."""

    ACTIVE = "active"
    WAITING = "waiting"
    """A person must approve the phase before it is performed."""
    COMPLETE = "complete"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a run, a workstream or a pipeline did not complete."""

    BUDGET_EXHAUSTED = "budget_exhausted"
    POLICY_VIOLATION = "policy_violation"
    REQUIRES_HUMAN_REVIEW = "requires_human_review"
    ENVIRONMENT = "environment"
    DEPENDENCY_FAILED = "dependency_failed"
    CHECKS_FAILED = "checks_failed"
    CANCELLED = "cancelled"
    ERROR = "error"


class Move(StrEnum):
    """What makes a workstream change its state."""

    DEPENDENCIES_MET = "dependencies met"
    DEPENDENCY_FAILED = "dependency failed"
    STARTED = "started"
    SKIPPED = "skipped"
    EDITED = "edited"
    CHECKED = "checked"
    CHECK_RED = "check red"
    ACCEPTED = "accepted"
    REVIEW_ASKED = "review asked"
    REVISION_ASKED = "revision asked"
    MERGE_REFUSED = "merge refused"
    MERGED = "merged"
    NOTHING_TO_MERGE = "nothing to merge"
    GAVE_UP = "gave up"
    RESET = "reset"
    ABANDONED = "abandoned"


class RunMove(StrEnum):
    """What makes a run change its state."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    REOPENED = "reopened"
    ALL_DONE = "all done"
    SOME_DONE = "some done"
    NONE_DONE = "none done"
    ABANDONED = "abandoned"


class PipelineMove(StrEnum):
    """What makes a pipeline change its status or its phase."""

    APPROVAL_ASKED = "approval asked"
    APPROVED = "approved"
    PASSED = "passed"
    RETURNED = "returned"
    REPLANNED = "replanned"
    FINISHED = "finished"
    GAVE_UP = "gave up"


def _workstream_table() -> dict[tuple[WorkstreamState, Move], WorkstreamState]:
    S, M = WorkstreamState, Move  # noqa: N806 - short names keep the table a table
    table = {
        (S.PENDING, M.DEPENDENCIES_MET): S.READY,
        (S.PENDING, M.DEPENDENCY_FAILED): S.BLOCKED,
        (S.READY, M.DEPENDENCY_FAILED): S.BLOCKED,
        (S.READY, M.STARTED): S.EDITING,
        (S.READY, M.SKIPPED): S.DONE,
        (S.BLOCKED, M.DEPENDENCIES_MET): S.READY,
        (S.EDITING, M.EDITED): S.STATIC_CHECK,
        (S.STATIC_CHECK, M.CHECKED): S.RUNTIME_CHECK,
        (S.STATIC_CHECK, M.CHECK_RED): S.FIXING,
        (S.FIXING, M.EDITED): S.STATIC_CHECK,
        (S.RUNTIME_CHECK, M.ACCEPTED): S.INTEGRATING,
        (S.RUNTIME_CHECK, M.REVIEW_ASKED): S.REVIEWING,
        (S.RUNTIME_CHECK, M.CHECK_RED): S.FIXING,
        (S.RUNTIME_CHECK, M.NOTHING_TO_MERGE): S.DONE,
        (S.REVIEWING, M.ACCEPTED): S.INTEGRATING,
        (S.REVIEWING, M.REVISION_ASKED): S.FIXING,
        (S.REVIEWING, M.NOTHING_TO_MERGE): S.DONE,
        (S.INTEGRATING, M.MERGED): S.DONE,
        (S.INTEGRATING, M.NOTHING_TO_MERGE): S.DONE,
        (S.INTEGRATING, M.MERGE_REFUSED): S.FIXING,
        (S.FAILED, M.RESET): S.READY,
    }
    may_give_up = set(S) - {S.BLOCKED, S.DONE, S.FAILED, S.ABANDONED}
    table |= {(state, M.GAVE_UP): S.FAILED for state in S if state in may_give_up}
    table |= {(state, M.ABANDONED): S.ABANDONED for state in S if state is not S.ABANDONED}
    return table


def _run_table() -> dict[tuple[RunState, RunMove], RunState]:
    S, M = RunState, RunMove  # noqa: N806 - short names keep the table a table
    table = {
        (S.PENDING, M.STARTED): S.RUNNING,
        (S.PENDING, M.NONE_DONE): S.FAILED,
        (S.RUNNING, M.PAUSED): S.PAUSED,
        (S.PAUSED, M.RESUMED): S.RUNNING,
        (S.FAILED, M.REOPENED): S.RUNNING,
        (S.PARTIAL, M.REOPENED): S.RUNNING,
    }
    for state in (S.RUNNING, S.PAUSED):
        table |= {
            (state, M.ALL_DONE): S.COMPLETED,
            (state, M.SOME_DONE): S.PARTIAL,
            (state, M.NONE_DONE): S.FAILED,
        }
    table |= {(state, M.ABANDONED): S.ABANDONED for state in S if state is not S.ABANDONED}
    return table


def _pipeline_table() -> dict[tuple[PipelineStatus, PipelineMove], PipelineStatus]:
    S, M = PipelineStatus, PipelineMove  # noqa: N806 - short names keep the table a table
    return {
        (S.ACTIVE, M.APPROVAL_ASKED): S.WAITING,
        (S.WAITING, M.APPROVED): S.ACTIVE,
        (S.ACTIVE, M.APPROVED): S.ACTIVE,
        (S.ACTIVE, M.PASSED): S.ACTIVE,
        (S.ACTIVE, M.RETURNED): S.ACTIVE,
        (S.ACTIVE, M.REPLANNED): S.ACTIVE,
        (S.ACTIVE, M.FINISHED): S.COMPLETE,
        (S.ACTIVE, M.GAVE_UP): S.FAILED,
        (S.WAITING, M.GAVE_UP): S.FAILED,
    }


WORKSTREAM_TABLE: Mapping[tuple[WorkstreamState, Move], WorkstreamState] = MappingProxyType(_workstream_table())
RUN_TABLE: Mapping[tuple[RunState, RunMove], RunState] = MappingProxyType(_run_table())
PIPELINE_TABLE: Mapping[tuple[PipelineStatus, PipelineMove], PipelineStatus] = MappingProxyType(_pipeline_table())

ACTIVE = frozenset(
    {
        WorkstreamState.EDITING,
        WorkstreamState.STATIC_CHECK,
        WorkstreamState.FIXING,
        WorkstreamState.RUNTIME_CHECK,
        WorkstreamState.INTEGRATING,
    }
)
"""A workstream in one of these has something running or about to run."""

IN_FLIGHT = ACTIVE | {WorkstreamState.REVIEWING}
"""A workstream in one of these has begun and not ended: nothing that overlaps it may run."""

ENDED = frozenset({WorkstreamState.DONE, WorkstreamState.FAILED, WorkstreamState.BLOCKED, WorkstreamState.ABANDONED})
TERMINAL_RUN = frozenset({RunState.COMPLETED, RunState.PARTIAL, RunState.FAILED, RunState.ABANDONED})

TERMINAL_PIPELINE = frozenset({PipelineStatus.COMPLETE, PipelineStatus.FAILED})

AnyState = TypeVar("AnyState", WorkstreamState, RunState)
AnyMove = TypeVar("AnyMove", Move, RunMove)


def moved(state: WorkstreamState, move: Move) -> WorkstreamState:
    """The state that a move leads to, or IllegalMove."""
    try:
        return WORKSTREAM_TABLE[state, move]
    except KeyError:
        raise IllegalMove(entity="workstream", source=state, target=move) from None


def run_moved(state: RunState, move: RunMove) -> RunState:
    """The state that a move of a run leads to, or IllegalMove."""
    try:
        return RUN_TABLE[state, move]
    except KeyError:
        raise IllegalMove(entity="run", source=state, target=move) from None


def pipeline_moved(status: PipelineStatus, move: PipelineMove) -> PipelineStatus:
    """The status that a move of a pipeline leads to, or IllegalMove."""
    try:
        return PIPELINE_TABLE[status, move]
    except KeyError:
        raise IllegalMove(entity="pipeline", source=status, target=move) from None


def _legal(table: Mapping[tuple[AnyState, AnyMove], AnyState]) -> Mapping[AnyState, frozenset[AnyState]]:
    targets: dict[AnyState, set[AnyState]] = {}
    for (source, _), target in table.items():
        targets.setdefault(source, set()).add(target)
    return MappingProxyType({source: frozenset(reached) for source, reached in targets.items()})


LEGAL_WORKSTREAM_MOVES = _legal(WORKSTREAM_TABLE)
LEGAL_RUN_MOVES = _legal(RUN_TABLE)


def validate_state_transition(source: WorkstreamState | RunState, target: WorkstreamState | RunState) -> None:
    """Raise IllegalMove (a ValueError) unless the tables lead from one state to the other; staying is allowed."""
    legal: frozenset[WorkstreamState] | frozenset[RunState]
    if isinstance(source, WorkstreamState):
        entity, legal = "workstream", LEGAL_WORKSTREAM_MOVES.get(source, frozenset())
    else:
        entity, legal = "run", LEGAL_RUN_MOVES.get(source, frozenset())
    if type(source) is type(target) and (source is target or target in legal):
        return
    raise IllegalMove(entity=entity, source=source, target=target)
