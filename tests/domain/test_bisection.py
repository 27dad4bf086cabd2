"""Bisection: everybody is judged, nobody green is blamed, and a batch is asked far less often than its members."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.domain import bisection
from penstock.domain.bisection import Suspects
from penstock.domain.ranks import RankSet


def judged(candidates, is_green):
    """The queue by itself: who is merged, who is blamed, and how many verifications that took."""
    waiting, stack, width = list(candidates), (), 1
    merged, blamed, verifications = [], [], 0
    while waiting or stack:
        if stack:
            members, stack = bisection.take(stack)
        else:
            members, waiting = tuple(waiting[:width]), waiting[width:]
        verifications += 1
        assert verifications <= 3 * len(candidates), "the queue does not come to an end"
        assert 0 < len(members) <= bisection.WIDEST
        if is_green(merged, members):
            merged.extend(members)
            stack, width = bisection.after_green(stack), bisection.wider(width)
        else:
            stack, width = bisection.after_red(stack, members), bisection.narrower(width)
            if len(members) == 1:
                blamed.extend(members)
    return merged, blamed, verifications


@given(st.integers(0, 200), st.sets(st.integers(0, 199)))
def test_exactly_who_is_bad_is_blamed_and_all_others_are_merged_in_order(count, bad):
    merged, blamed, _ = judged(range(count), lambda _merged, members: bad.isdisjoint(members))
    assert merged == [one for one in range(count) if one not in bad]
    assert blamed == [one for one in range(count) if one in bad]


@given(st.integers(2, 100), st.data())
def test_of_two_that_break_each_other_one_is_merged_and_one_is_blamed(count, data):
    pair = set(data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
    merged, blamed, _ = judged(range(count), lambda merged, members: not pair <= {*merged, *members})
    assert blamed == [max(pair)]
    assert sorted((*merged, *blamed)) == list(range(count))


def test_how_often_two_hundred_are_verified():
    def asked(bad):
        return judged(range(200), lambda _merged, members: bad.isdisjoint(members))[2]

    assert asked(set()) == 11
    assert asked({50, 150}) < 40
    assert asked(set(range(7, 200, 20))) < 100


def test_the_second_half_of_a_red_batch_is_not_asked_as_a_whole_when_the_first_was_green():
    stack = bisection.after_red((), (0, 1, 2, 3))
    first, stack = bisection.take(stack)
    assert first == (0, 1)
    stack = bisection.after_green(stack)
    assert stack == (Suspects(members=(2, 3), is_red=True),)
    assert bisection.take(stack) == ((2,), (Suspects(members=(3,), follows=True),))


def test_when_the_first_half_is_red_nothing_is_known_of_the_second():
    _, stack = bisection.take(bisection.after_red((), (0, 1, 2, 3)))
    stack = bisection.after_red(stack, (0, 1))
    assert stack[0] == Suspects(members=(2, 3))
    assert bisection.take(stack)[0] == (0,)


def test_a_batch_that_was_lost_is_asked_in_halves_and_says_nothing_of_the_rest():
    stack = bisection.after_loss((Suspects(members=(7,), follows=True),), (1, 2, 3))
    assert stack == (Suspects(members=(7,)), Suspects(members=(2, 3)), Suspects(members=(1,)))
    assert bisection.after_loss((), (1,)) == (Suspects(members=(1,)),)


def test_who_is_no_candidate_any_more_is_not_asked():
    stack = (Suspects(members=(5,), follows=True), Suspects(members=(1, 2)))
    assert bisection.only(stack, RankSet.of([2])) == (Suspects(members=(2,)),)
