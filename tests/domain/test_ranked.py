from dataclasses import replace

import pytest
from domain_stories import one

from penstock.domain.dag import MissingDependency, PlanHasCycle
from penstock.domain.plan import Plan, Priority, Scope
from penstock.domain.ranked import rank


def ranked(*workstreams):
    return rank(Plan(workstreams=workstreams))


def names(plan, ranks):
    return {plan.order[place].id for place in ranks}


def test_the_order_is_priority_then_the_longest_chain_behind_then_the_id():
    plan = ranked(
        one("b"),
        one("a"),
        one("z"),
        one("y", depends_on=("z",)),
        one("x", after=("y",)),
        one("first-but-background", priority=Priority.BACKGROUND),
    )
    assert [workstream.id for workstream in plan.order] == ["z", "y", "a", "b", "x", "first-but-background"]
    assert all(plan.rank_of(workstream.id) == place for place, workstream in enumerate(plan.order))


def test_the_order_does_not_hang_on_the_order_in_the_plan():
    workstreams = [one("a"), one("b", depends_on=("a",)), one("c")]
    assert ranked(*workstreams).order == ranked(*reversed(workstreams)).order


def test_relations_are_known_both_ways():
    plan = ranked(one("a"), one("b", depends_on=("a", "a")), one("c", after=("b", "b")))
    a, b, c = (plan.rank_of(name) for name in "abc")
    assert (plan.dependencies[b], plan.dependents[a]) == ((a,), (b,))
    assert (plan.predecessors[c], plan.successors[b]) == ((b,), (c,))
    assert plan.predecessors[b] == plan.dependencies[c] == ()


def test_who_depends_on_another_needs_not_come_after_it_too():
    plan = ranked(one("a"), one("b", depends_on=("a",), after=("a",)))
    assert plan.predecessors[plan.rank_of("b")] == ()


def test_overlapping_scopes_and_groups_conflict_both_ways():
    plan = ranked(
        one("a", files=["src/"]),
        one("b", files=["src/x.py"], conflict_group="g"),
        one("c", conflict_group="g"),
        one("d"),
    )
    conflicts = {workstream.id: names(plan, plan.conflicts[place]) for place, workstream in enumerate(plan.order)}
    assert conflicts == {"a": {"b"}, "b": {"a", "c"}, "c": {"b"}, "d": set()}
    assert names(plan, plan.conflicting) == {"a", "b", "c"}


def test_a_file_to_be_created_conflicts_too():
    creator = replace(one("a"), scope=Scope(files=("a.py",), create=("new.py",)))
    plan = ranked(creator, one("b", files=["new.py"]))
    assert names(plan, plan.conflicts[plan.rank_of("a")]) == {"b"}


def test_who_runs_alone_is_known():
    plan = ranked(one("a", parallel_ok=False), one("b"))
    assert names(plan, plan.solo) == {"a"}


def test_gates_come_in_ascending_order_and_nobody_is_in_a_lower_one_than_what_it_waits_for():
    plan = ranked(one("a", gate=3), one("b", depends_on=("a",)), one("c", after=("b",), gate=2), one("d"))
    assert [(number, names(plan, members)) for number, members in plan.gates] == [(1, {"d"}), (3, {"a", "b", "c"})]
    assert {one.id: plan.gate_of(place) for place, one in enumerate(plan.order)} == {"a": 3, "b": 3, "c": 3, "d": 1}


def test_an_empty_plan_has_no_gates():
    assert (len(ranked()), ranked().gates) == (0, ())


@pytest.mark.parametrize(
    ("workstreams", "error"),
    [
        ([one("a", depends_on=("b",)), one("b", after=("a",))], PlanHasCycle),
        ([one("a", depends_on=("a",))], PlanHasCycle),
        ([one("a", depends_on=("nobody",))], MissingDependency),
        ([one("a", after=("nobody",))], MissingDependency),
    ],
)
def test_a_plan_that_can_not_be_run_is_not_ranked(workstreams, error):
    with pytest.raises(error):
        ranked(*workstreams)


def test_nobody_else_has_a_rank():
    with pytest.raises(KeyError):
        ranked(one("a")).rank_of("b")


@pytest.mark.slow
def test_ten_thousand_are_ranked_in_seconds():
    plan = ranked(
        *(one(f"w{number}", depends_on=(f"w{number - 100}",) if number >= 100 else ()) for number in range(10_000))
    )
    assert len(plan) == 10_000
