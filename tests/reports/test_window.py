"""Days and moments as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from penstock.domain.errors import UserError
from penstock.reports import window


def test_a_day_is_meant_whole_and_a_moment_as_it_is() -> None:
    assert window.beginning("since", "2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert window.end("until", "2026-01-31") == datetime(2026, 2, 1, tzinfo=UTC)
    for moment in ("2026-01-31T00:00", "2026-01-31t00:00:00z", "2026-01-31 02:00:00+02:00", "2026-01-30T19:00-05:00"):
        assert window.beginning("since", moment) == window.end("until", moment) == datetime(2026, 1, 31, tzinfo=UTC)
    for day in ("20260131", "2026-W05-6", "2026-w05-6"):
        assert window.end("until", day) == datetime(2026, 2, 1, tzinfo=UTC)
    assert window.beginning("since", "") is window.end("until", "") is None


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "2026-02-30", "2026-01-31T25:00", "0001-01-01T00:00+05:00", "1969-12-31", "9999-12-31"),
        *("9999-12-31T23:59-05:00", "0001-01-01", " ", "ß"),
    ],
)
def test_what_is_no_time_of_usage_is_refused_in_words(text: str) -> None:
    for ask in (window.beginning, window.end):
        with pytest.raises(UserError, match=r"since is .*; possible are a day .* from 1970 to 9000"):
            ask("since", text)
