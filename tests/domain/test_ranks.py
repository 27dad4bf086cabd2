import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.ranks import NO_RANKS, RankSet, Rows

RANKS = st.frozensets(st.integers(0, 300), max_size=40)


@given(RANKS, RANKS)
def test_a_rank_set_is_a_set(left, right):
    one, other = RankSet.of(left), RankSet.of(right)
    assert frozenset(one | other) == left | right
    assert frozenset(one & other) == left & right
    assert frozenset(one - other) == left - right
    assert len(one) == len(left)
    assert bool(one) == bool(left)
    assert (one == other) == (left == right)


@given(RANKS, st.integers(0, 300))
def test_one_rank_more_or_less(ranks, rank):
    one = RankSet.of(ranks)
    assert frozenset(one.with_rank(rank)) == ranks | {rank}
    assert frozenset(one.without_rank(rank)) == ranks - {rank}
    assert (rank in one) == (rank in ranks)


@given(RANKS)
def test_ranks_come_in_ascending_order(ranks):
    assert list(RankSet.of(ranks)) == sorted(ranks)
    assert RankSet.of(ranks).first() == (min(ranks) if ranks else None)


def test_the_first_n():
    assert list(RankSet.first_n(3)) == [0, 1, 2]
    assert RankSet.first_n(0) == NO_RANKS


@given(st.lists(st.integers(), max_size=200))
def test_rows_are_a_sequence(values):
    rows = Rows.of(values)
    assert list(rows) == values
    assert len(rows) == len(values)
    assert [rows[rank] for rank in range(len(values))] == values


@given(st.lists(st.integers(), min_size=1, max_size=200), st.data())
def test_a_replaced_row_changes_nothing_else_and_not_the_old_rows(values, data):
    rank = data.draw(st.integers(0, len(values) - 1))
    rows = Rows.of(values)
    changed = rows.with_row(rank, 7)
    assert list(changed) == [*values[:rank], 7, *values[rank + 1 :]]
    assert list(rows) == values
    assert changed == Rows.of(list(changed))


@pytest.mark.parametrize("count", [1, 100, 10_000])
def test_a_replaced_row_copies_about_two_square_roots(count):
    rows = Rows.of(range(count))
    assert len(rows.chunks) + rows.width <= 2 * count**0.5 + 2
