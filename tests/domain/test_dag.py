"""The graph of a plan."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain import dag

NAMES = [f"n{number}" for number in range(8)]
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4), min_size=1)


def test_missing_names_are_told_with_who_misses_them() -> None:
    edges = {"a": ["b", "x"], "b": ["x", "x"]}
    assert dag.missing(edges) == (("a", "x"), ("b", "x"))
    with pytest.raises(dag.MissingDependency, match="a -> x, b -> x"):
        dag.order(edges)


def test_cycles_are_named_path_by_path() -> None:
    assert dag.cycles({"b": ["a"], "a": ["b"]}) == (("a", "b", "a"),)
    assert dag.cycles({"a": ["a"]}) == (("a", "a"),)
    assert set(dag.cycles({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["e"], "e": ["c"], "f": ["a"]})) == {
        ("a", "b", "a"),
        ("c", "d", "e", "c"),
    }
    with pytest.raises(dag.PlanHasCycle, match="a -> b -> a"):
        dag.order({"b": ["a"], "a": ["b"]})


@given(GRAPHS)
def test_every_cycle_named_is_one_and_without_any_there_is_an_order(edges: dict[str, list[str]]) -> None:
    known = {name: [other for other in others if other in edges] for name, others in edges.items()}
    found = dag.cycles(edges)
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(after in edges[before] for before, after in pairwise(cycle))
    if found:
        with pytest.raises(dag.PlanHasCycle):
            dag.order(known)
    else:
        ordered = dag.order(known)
        assert sorted(ordered) == sorted(edges)
        assert all(ordered.index(other) < ordered.index(name) for name, others in known.items() for other in others)


@given(GRAPHS)
def test_ancestry_is_what_walking_the_edges_finds(edges: dict[str, list[str]]) -> None:
    ordered = sorted(edges)
    forward = {name: [other for other in edges[name] if other in edges and other < name] for name in ordered}

    def above(name: str) -> set[str]:
        return set().union(*({other} | above(other) for other in forward[name]))

    ancestry = dag.Ancestry.of(forward)
    for name in ordered:
        for other in ordered:
            assert ancestry.is_ancestor(other, name) == (other in above(name))
            assert ancestry.is_ordered(other, name) == (other in above(name) or name in above(other))
            bit = bool(ancestry.ordered_with()[ancestry.places[name]] >> ancestry.places[other] & 1)
            assert bit == ancestry.is_ordered(name, other)


def test_the_order_keeps_the_plans_order_where_nothing_else_says_so() -> None:
    assert dag.order({"c": [], "a": ["b"], "b": [], "d": []}) == ("c", "b", "a", "d")


def test_the_longest_chain_behind_each_counts_who_waits() -> None:
    assert dag.chains_behind({"a": [], "b": ["a"], "c": ["b"], "d": ["a"], "e": []}) == {
        "a": 2,
        "b": 1,
        "c": 0,
        "d": 0,
        "e": 0,
    }


def test_a_gate_is_at_least_the_highest_of_what_comes_before() -> None:
    gates = dag.effective_gates({"a": 3, "b": 1, "c": 2, "d": 5}, {"c": ["b"], "b": ["a"], "a": [], "d": ["a"]})
    assert gates == {"c": 3, "b": 3, "a": 3, "d": 5}


def test_a_chain_of_ten_thousand_is_quick_and_not_deep() -> None:
    edges = {f"n{number}": [f"n{number - 1}"] if number else [] for number in range(10_000)}
    start = time.process_time()
    ancestry = dag.Ancestry.of(edges)
    assert ancestry.is_ancestor("n0", "n9999")
    assert not ancestry.is_ancestor("n9999", "n0")
    assert dag.chains_behind(edges)["n0"] == 9_999
    edges["n0"] = ["n9999"]
    assert len(dag.cycles(edges)[0]) == 10_001
    assert time.process_time() - start < 5
