"""What an answer says of a usage limit, in all the ways in which providers say it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.limits import LONGEST, UsageLimit, error_of, retry_after, usage_limit

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def day_and_minute(*, requests: str, tokens: str) -> dict[str, str]:
    """What is left of the requests of a day and of the tokens of a minute."""
    return {
        "x-ratelimit-limit-requests": "200",
        "x-ratelimit-remaining-requests": requests,
        "x-ratelimit-reset-requests": "24h",
        "x-ratelimit-limit-tokens": "200000",
        "x-ratelimit-remaining-tokens": tokens,
        "x-ratelimit-reset-tokens": "40s",
    }


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sat, 28 Nov 2026 12:02:00 GMT"}, 120.0),
        ({"retry-after": "Sat, 28 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 30}, None),
        ({"retry-after": "99999999"}, LONGEST),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-28T12:05:00Z"}, 300.0),
        (
            {
                "anthropic-ratelimit-requests-reset": "2026-11-28T13:00:00Z",
                "anthropic-ratelimit-requests-remaining": "10",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-28T12:01:00Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
            },
            60.0,
        ),
        ({"anthropic-ratelimit-unified-reset": str(int(NOW.timestamp()) + 3600)}, 3600.0),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s", "x-ratelimit-remaining-tokens": "0"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "250ms"}, 0.25),
        ({"x-ratelimit-reset-tokens": "1s", "x-ratelimit-reset-requests": "8s"}, 8.0),
        ({"x-ratelimit-reset-tokens": "whenever"}, None),
        ({"retry-after": "3", "x-ratelimit-reset-tokens": "1h"}, 3.0),
        ({"retry-after": "soon", "x-ratelimit-reset-tokens": "20s"}, 20.0),
        ({"retry-after-ms": "", "retry-after": "", "x-ratelimit-reset-tokens": "20s"}, 20.0),
        (day_and_minute(requests="199", tokens="120"), 40.0),
        (day_and_minute(requests="1", tokens="120000"), 86400.0),
        (day_and_minute(requests="0", tokens="0"), 86400.0),
        (day_and_minute(requests="199", tokens="0"), 40.0),
        (day_and_minute(requests="many", tokens="120"), 86400.0),
        (
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-11-28T12:59:00Z",
                "anthropic-ratelimit-output-tokens-limit": "8000",
                "anthropic-ratelimit-output-tokens-remaining": "1000",
                "anthropic-ratelimit-output-tokens-reset": "2026-11-28T12:00:52Z",
            },
            52.0,
        ),
    ],
)
def test_how_long_a_limit_lasts(headers: dict[str, str], seconds: float | None) -> None:
    assert usage_limit(headers, b"", now=NOW) == UsageLimit(seconds=seconds)


@pytest.mark.parametrize("name", ["code", "type"])
def test_an_account_without_quota_is_no_limit_that_ends_by_itself(name: str) -> None:
    told = f'{{"error": {{"message": "no", "{name}": "insufficient_quota"}}}}'.encode()
    assert usage_limit({"retry-after": "1"}, told, now=NOW) == UsageLimit(is_quota=True)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "anthropic-ratelimit-x-reset"),
                *("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"),
            ]
        ),
        st.text(max_size=40) | st.integers(0, 10**17).map(str),
    ),
    st.binary(max_size=200),
)
def test_whatever_an_upstream_says_a_limit_is_within_reason(headers: dict[str, str], body: bytes) -> None:
    seconds = usage_limit(headers, body, now=NOW).seconds
    assert seconds is None or 0 <= seconds <= LONGEST
    asked = retry_after(headers, now=NOW)
    assert asked is None or 0 <= asked <= LONGEST


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "m"}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"error": 5}', None),
        (b"[" * 100_000, None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_an_errors_message_is_found_in_any_shape(body: bytes, message: str | None) -> None:
    assert error_of(body).get("message") == message
