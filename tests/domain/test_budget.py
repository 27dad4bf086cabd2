"""The one rule by which a call leaves, waits or is refused, and what follows from it whatever is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.budget import (
    NOTHING,
    Account,
    Amount,
    Cap,
    Granted,
    Level,
    MarkReached,
    MustWait,
    Refused,
    dollars,
    leave_of,
    marks_reached,
)

few = st.integers(0, 50)
amounts = st.builds(Amount, tokens=few, micros=few)
perhaps = st.none() | st.integers(0, 120)
caps = st.builds(Cap, tokens=perhaps, micros=perhaps)
accounts = st.builds(
    Account, level=st.sampled_from(Level), key=st.sampled_from("ab"), cap=caps, settled=amounts, reserved=amounts
)


def an_account(level: Level = Level.RUN, tokens: int | None = None, *, settled: int = 0, reserved: int = 0) -> Account:
    return Account(
        level=level, key="k", cap=Cap(tokens=tokens), settled=Amount(tokens=settled), reserved=Amount(tokens=reserved)
    )


WORST = Amount(tokens=10)


def test_without_a_cap_every_call_is_granted() -> None:
    assert leave_of([an_account(settled=10**9, reserved=10**9)], WORST) == leave_of([], WORST) == Granted()


@pytest.mark.parametrize(
    ("settled", "reserved", "expected"),
    [(0, 0, Granted), (90, 0, Granted), (91, 0, Refused), (90, 1, MustWait), (0, 91, MustWait), (91, 50, Refused)],
)
def test_a_call_is_refused_only_by_what_is_settled_and_waits_for_what_is_reserved(
    settled: int, reserved: int, expected: type
) -> None:
    account = an_account(tokens=100, settled=settled, reserved=reserved)
    assert isinstance(leave_of([account], WORST), expected)


@given(st.lists(accounts, max_size=4), amounts)
def test_a_call_is_refused_if_and_only_if_its_own_worst_does_not_fit_and_waits_if_only_others_are_in_its_way(
    above: list[Account], worst: Amount
) -> None:
    def exceeds(amount: Amount, cap: Cap) -> bool:
        return (cap.tokens is not None and amount.tokens > cap.tokens) or (
            cap.micros is not None and amount.micros > cap.micros
        )

    leave = leave_of(above, worst)
    must_refuse = [one for one in above if exceeds(one.settled + worst, one.cap)]
    must_wait = [one for one in above if exceeds(one.settled + one.reserved + worst, one.cap)]
    if must_refuse:
        assert leave == Refused(account=must_refuse[-1], worst=worst)
        assert f"of {must_refuse[-1].level.value} {must_refuse[-1].key} does not allow it" in leave.sentence
    elif must_wait:
        assert leave == MustWait(account=must_wait[-1])
    else:
        assert leave == Granted()


asked = st.lists(st.tuples(st.booleans(), amounts, st.floats(0, 1)), max_size=60)


@given(caps, caps, asked)
def test_spend_never_exceeds_a_cap_if_no_call_uses_more_than_its_worst(
    of_run: Cap, of_workstream: Cap, asked: list[tuple[bool, Amount, float]]
) -> None:
    above = [Account(level=Level.RUN, key="r", cap=of_run), Account(level=Level.WORKSTREAM, key="w", cap=of_workstream)]
    under_way: list[tuple[Amount, float]] = []

    def end(worst: Amount, share: float) -> None:
        used = Amount(tokens=int(worst.tokens * share), micros=int(worst.micros * share))
        above[:] = [replace(one, settled=one.settled + used, reserved=one.reserved - worst) for one in above]

    for asks, worst, share in asked:
        if asks and leave_of(above, worst) == Granted():
            above = [replace(one, reserved=one.reserved + worst) for one in above]
            under_way.append((worst, share))
        elif under_way:
            end(*under_way.pop(0))
        assert all(one.cap.allows(one.settled + one.reserved) for one in above)
    for call in under_way:
        end(*call)
    assert all(one.reserved == NOTHING and one.cap.allows(one.settled) for one in above)


@given(accounts, amounts)
def test_who_waits_is_not_refused_once_nothing_is_reserved(account: Account, worst: Amount) -> None:
    if isinstance(leave_of([account], worst), MustWait):
        assert leave_of([replace(account, reserved=NOTHING)], worst) == Granted()


def test_a_refusal_says_what_is_spent_of_what_and_what_was_asked() -> None:
    account = Account(
        level=Level.WORKSTREAM, key="r/ws-a", cap=Cap(tokens=5000, micros=2_000_000),
        settled=Amount(tokens=4500, micros=1_500_000),
    )  # fmt: skip
    both = Refused(account=account, worst=Amount(tokens=1200, micros=750_001))
    assert both.sentence == (
        "the budget of workstream r/ws-a does not allow it: 4,500 of 5,000 tokens are spent, $1.50 of $2.00 are spent,"
        " and the next call may take 1,200 tokens ($0.750001)"
    )
    money = replace(both, worst=Amount(tokens=1, micros=750_001))
    assert "4,500" not in money.sentence
    assert "$1.50 of $2.00 are spent" in money.sentence


@given(caps, caps, amounts)
def test_a_lowered_cap_allows_what_both_allow(one: Cap, two: Cap, amount: Amount) -> None:
    assert one.lowered(two).allows(amount) == (one.allows(amount) and two.allows(amount))
    assert one.lowered(two) == two.lowered(one)
    assert one.lowered(Cap()) == one


def test_only_a_cap_that_limits_something_is_set() -> None:
    assert not Cap().is_set
    assert Cap(tokens=0).is_set
    assert Cap(micros=0).is_set


def test_a_spent_cap_ends_the_run_unless_it_is_a_workstreams() -> None:
    assert [level.ends_the_run for level in Level] == [True, True, True, False]


@given(few, few)
def test_what_is_added_to_an_amount_can_be_taken_away(tokens: int, micros: int) -> None:
    one, two = Amount(tokens=tokens, micros=7), Amount(tokens=3, micros=micros)
    assert one + two - two == one
    assert one + NOTHING == one


def test_a_mark_is_told_by_whichever_of_tokens_and_money_has_more_spent() -> None:
    account = Account(level=Level.RUN, key="r", cap=Cap(tokens=100, micros=1000), settled=Amount(tokens=10, micros=800))
    marks = marks_reached(account, [95, 80, 50])
    assert [one.mark for one in marks] == [50, 80]
    assert marks[1] == MarkReached(account=account, mark=80)
    assert marks[1].sentence == "80 % of the budget of run r is spent: 10 of 100 tokens, $0.0008 of $0.001"
    assert [one.mark for one in marks_reached(replace(account, told=50), [50, 80])] == [80]
    assert marks_reached(replace(account, told=80), [50, 80]) == ()


@given(caps, st.lists(amounts, min_size=1, max_size=20), st.sets(st.integers(1, 100), max_size=4))
def test_each_mark_is_told_at_most_once_however_spend_grows(cap: Cap, spent: list[Amount], marks: set[int]) -> None:
    account, told = Account(level=Level.RUN, key="r", cap=cap), []
    for amount in spent:
        account = replace(account, settled=account.settled + amount)
        now = [one.mark for one in marks_reached(account, sorted(marks))]
        account = replace(account, told=max(now, default=account.told))
        told += now
    assert told == sorted(set(told))
    assert told == [one.mark for one in marks_reached(replace(account, told=0), sorted(marks))]


def test_an_account_without_a_cap_or_with_a_cap_of_nothing_has_no_marks() -> None:
    for cap in (Cap(), Cap(tokens=0)):
        account = Account(level=Level.RUN, key="r", cap=cap, settled=Amount(tokens=5))
        assert marks_reached(account, [50, 100]) == ()


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (10_000, "$0.01"),
        (1_500_000, "$1.50"),
        (1_234_567_890_000, "$1,234,567.89"),
        (2_095, "$0.002095"),
        (123_000, "$0.123"),
    ],
)
def test_money_is_told_with_cents_or_as_exactly_as_need_be(micros: int, text: str) -> None:
    assert dollars(micros) == text
