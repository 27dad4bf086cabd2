"""A plan made ready to run: workstreams in rank order, and every relation between them as ranks. Made once per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.domain import dag
from penstock.domain.plan import Plan, Priority, Workstream
from penstock.domain.ranks import RankSet
from penstock.domain.scope import overlap_sets


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedPlan:
    """The plan, with a workstream's rank as the one name that `step` uses for it."""

    plan: Plan
    order: tuple[Workstream, ...]
    ranks: Mapping[str, int]
    dependencies: tuple[tuple[int, ...], ...]
    dependents: tuple[tuple[int, ...], ...]
    predecessors: tuple[tuple[int, ...], ...]
    successors: tuple[tuple[int, ...], ...]
    conflicts: tuple[RankSet, ...]
    """Whom each may not run beside: overlapping scopes, or the same conflict group."""
    conflicting: RankSet
    """Who has such conflicts at all."""
    solo: RankSet
    """Who runs alone."""
    accepting: RankSet
    """Who brings acceptance that can be run."""
    gates: tuple[tuple[int, RankSet], ...]
    """The gates in ascending order, each with its members."""

    def __len__(self) -> int:
        return len(self.order)

    def rank_of(self, workstream: str) -> int:
        """The rank of a workstream; KeyError if the plan has none of that id."""
        return self.ranks[workstream]

    def gate_of(self, rank: int) -> int:
        """The number of the gate in which it really runs: not below that of anything it waits for."""
        return next(number for number, members in self.gates if rank in members)


def rank(plan: Plan) -> RankedPlan:
    """Order a plan: foreground first, then the longest chain behind, then id. Cycles and missing ids raise."""
    edges = {one.id: (*one.depends_on, *one.after) for one in plan.workstreams}
    behind = dag.chains_behind(edges)
    order = tuple(
        sorted(plan.workstreams, key=lambda one: (one.priority is Priority.BACKGROUND, -behind[one.id], one.id))
    )
    ranks = {workstream.id: place for place, workstream in enumerate(order)}
    dependencies = tuple(tuple(ranks[other] for other in dict.fromkeys(one.depends_on)) for one in order)
    predecessors = tuple(
        tuple(ranks[other] for other in dict.fromkeys(one.after) if other not in one.depends_on) for one in order
    )
    conflicts = _conflicts(order)
    return RankedPlan(
        plan=plan,
        order=order,
        ranks=ranks,
        dependencies=dependencies,
        dependents=_reversed(dependencies),
        predecessors=predecessors,
        successors=_reversed(predecessors),
        conflicts=conflicts,
        conflicting=RankSet.of(place for place, others in enumerate(conflicts) if others),
        solo=RankSet.of(place for place, one in enumerate(order) if not one.parallel_ok),
        accepting=RankSet.of(
            place for place, one in enumerate(order) if any(line.is_checkable for line in one.acceptance)
        ),
        gates=_gates(order, dag.effective_gates({one.id: one.gate for one in order}, edges)),
    )


def _reversed(relation: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    other_way: list[list[int]] = [[] for _ in relation]
    for place, others in enumerate(relation):
        for other in others:
            other_way[other].append(place)
    return tuple(map(tuple, other_way))


def _conflicts(order: Sequence[Workstream]) -> tuple[RankSet, ...]:
    sets = overlap_sets([workstream.scope for workstream in order])
    groups: dict[str, int] = {}
    for place, workstream in enumerate(order):
        if workstream.conflict_group is not None:
            groups[workstream.conflict_group] = groups.get(workstream.conflict_group, 0) | 1 << place
    for place, workstream in enumerate(order):
        if workstream.conflict_group is not None:
            sets[place] |= groups[workstream.conflict_group] & ~(1 << place)
    return tuple(map(RankSet, sets))


def _gates(order: Sequence[Workstream], gates: Mapping[str, int]) -> tuple[tuple[int, RankSet], ...]:
    members: dict[int, int] = {}
    for place, workstream in enumerate(order):
        members[gates[workstream.id]] = members.get(gates[workstream.id], 0) | 1 << place
    return tuple((gate, RankSet(bits)) for gate, bits in sorted(members.items()))
