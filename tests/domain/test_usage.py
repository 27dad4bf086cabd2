"""Tokens add up, counts that are told twice are not added, and a call is charged by one rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.budget import Amount, Level
from penstock.domain.usage import (
    BELIEVABLE,
    NO_TOKENS,
    CallEnd,
    Caller,
    CallStatus,
    ModelCall,
    Tokens,
    believed,
    charge,
    lost,
    reservation,
)

AT = datetime(2026, 11, 20, tzinfo=UTC)
few = st.integers(0, 10**6)
any_tokens = st.builds(Tokens, input=few, output=few, cache_read=few, cache_write=few, cache_write_long=few)


def a_call(worst: Amount) -> ModelCall:
    return ModelCall(
        id="ppu_1",
        caller=Caller(project="p"),
        ordinal=1,
        protocol="openai",
        upstream="u",
        model="m",
        at=AT,
        worst=worst,
    )


def an_end(tokens: Tokens = NO_TOKENS, micros: int | None = 0) -> CallEnd:
    return CallEnd(status=CallStatus.OK, at=AT, tokens=tokens, micros=micros)


def test_all_input_is_what_was_read_with_and_without_a_cache() -> None:
    tokens = Tokens(input=1, output=10, cache_read=100, cache_write=1000, cache_write_long=10_000)
    assert (tokens.all_input, tokens.total) == (11_101, 11_111)
    assert NO_TOKENS.total == 0


@given(any_tokens, any_tokens)
def test_of_counts_that_are_told_more_than_once_the_larger_one_of_each_kind_holds(one: Tokens, two: Tokens) -> None:
    both = one.at_least(two)
    assert both == two.at_least(one) == both.at_least(one)
    assert both.at_least(NO_TOKENS) == both
    assert max(one.total, two.total) <= both.total <= one.total + two.total
    assert both.output == max(one.output, two.output)


def test_a_caller_has_the_accounts_of_what_applies_from_the_widest_to_the_narrowest() -> None:
    caller = Caller(project="p", pipeline="e", run="r", workstream="ws-a")
    assert caller.accounts == (
        (Level.PROJECT, "p"), (Level.PIPELINE, "e"), (Level.RUN, "r"), (Level.WORKSTREAM, "r/ws-a"),
    )  # fmt: skip
    assert Caller(project="p").accounts == ((Level.PROJECT, "p"),)
    assert Caller(project="p", pipeline="e", workstream="ws-a").accounts == (
        (Level.PROJECT, "p"),
        (Level.PIPELINE, "e"),
    )


def test_a_call_is_charged_what_it_used_and_its_reserved_money_where_no_price_is_known() -> None:
    reserved = Amount(tokens=100, micros=1000)
    tokens = Tokens(input=30, output=5, cache_read=10)
    assert charge(reserved, an_end(tokens, 7)) == Amount(tokens=45, micros=7)
    assert charge(reserved, an_end(tokens, 0)) == Amount(tokens=45)
    assert charge(reserved, an_end(tokens, None)) == Amount(tokens=45, micros=1000)
    assert charge(reserved, replace(an_end(tokens, None), least_micros=900)) == Amount(tokens=45, micros=1000)
    assert charge(reserved, replace(an_end(tokens, None), least_micros=1100)) == Amount(tokens=45, micros=1100)


def test_a_lost_call_is_taken_at_its_worst_and_flagged() -> None:
    worst = Amount(tokens=100, micros=1000)
    end = lost(a_call(worst))
    assert (end.status, end.estimated, end.tokens.total, end.micros) == (CallStatus.LOST, True, 100, 1000)
    assert charge(worst, end) == worst
    assert "ended before it knew" in end.error


@pytest.mark.parametrize(
    ("told", "kept"),
    [(-1, 0), (0, 0), (7, 7), (BELIEVABLE, BELIEVABLE), (BELIEVABLE + 1, BELIEVABLE), (10**40, BELIEVABLE)],
)
def test_counts_that_can_not_be_are_bounded_and_others_kept(told: int, kept: int) -> None:
    end = believed(replace(an_end(Tokens(input=told, output=told), told), least_micros=told))
    assert end.least_micros == end.micros
    assert end.tokens == Tokens(input=kept, output=kept)
    assert end.micros == min(max(told, 0), BELIEVABLE * 1000)
    assert reservation(a_call(Amount(tokens=told, micros=told))) == Amount(tokens=kept, micros=end.micros)


def test_an_unknown_price_stays_unknown() -> None:
    assert believed(an_end(Tokens(input=1), None)).micros is None
