"""Which ready workstream may start next. A question to a few sets; it never walks the workstreams."""

from __future__ import annotations

from penstock.domain.draft import Draft
from penstock.domain.ranks import RankSet
from penstock.domain.states import WorkstreamState


def next_to_start(draft: Draft) -> int | None:
    """The lowest rank that is ready, in an open gate, beside nothing it conflicts with, within the limit; or None."""
    if not draft.is_working or draft.occupied >= draft.policy.max_parallel:
        return None
    ready = draft.in_state(WorkstreamState.READY) & _open_members(draft)
    if not ready:
        return None
    return next((rank for rank in ready - _excluded(draft) if draft.is_free(rank)), None)


def gate_to_approve(draft: Draft) -> int | None:
    """The number of the gate that waits for a person, or None."""
    if not draft.policy.gate_approvals or draft.gate == 0 or not draft.plan.gates:
        return None
    number = draft.plan.gates[draft.gate][0]
    return number if number > draft.get("approved_gate") else None


def _open_members(draft: Draft) -> RankSet:
    if len(draft.plan.gates) == 0 or gate_to_approve(draft) is not None:
        return RankSet()
    return draft.plan.gates[draft.gate][1]


def _excluded(draft: Draft) -> RankSet:
    in_flight = draft.in_flight
    if not in_flight:
        return RankSet()
    if in_flight & draft.plan.solo:
        return RankSet.first_n(len(draft.plan))
    bits = draft.plan.solo.bits
    for rank in in_flight & draft.plan.conflicting:
        bits |= draft.plan.conflicts[rank].bits
    return RankSet(bits)
