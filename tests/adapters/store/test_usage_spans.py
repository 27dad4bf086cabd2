"""A span of time is its whole days and the pieces of days at its ends: all of it, and nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.store.usage_spans import A_DAY, Span, beginning, span_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
moments = st.builds(
    lambda quarters, micro, zone: (NOON + timedelta(hours=6 * quarters, microseconds=micro)).astimezone(
        timezone(timedelta(hours=zone))
    ),
    st.integers(-20, 20), st.sampled_from([-1, 0, 0, 1]), st.integers(-11, 11),
)  # fmt: skip


def times_within(span: Span, at: datetime) -> int:
    """How often a moment is in a span."""
    day = at.astimezone(UTC).date()
    in_days = span.has_days and (span.first is None or day >= span.first) and (span.end is None or day < span.end)
    return in_days + sum(since <= at < until for since, until in span.pieces)


@given(since=st.none() | moments, until=st.none() | moments, at=moments)
def test_each_moment_between_the_borders_is_in_it_once_and_no_other(
    since: datetime | None, until: datetime | None, at: datetime
) -> None:
    is_between = (since is None or since <= at) and (until is None or at < until)
    assert times_within(span_of(since, until), at) == is_between


@given(since=moments, until=moments)
def test_a_piece_is_less_than_a_day_and_never_empty(since: datetime, until: datetime) -> None:
    assert all(timedelta(0) < end - begin < A_DAY for begin, end in span_of(since, until).pieces)


def test_whole_days_need_no_pieces() -> None:
    day = NOON.date()
    assert span_of(beginning(day), beginning(day) + A_DAY) == Span(first=day, end=day + A_DAY)
    assert span_of(None, None) == Span()
