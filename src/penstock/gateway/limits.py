"""What an upstream's answer says of its usage limits: whether one is reached, and when it is over. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST = 7 * 24 * 3600.0
"""No limit is believed to last longer."""
_RESET = re.compile(r"(?:anthropic-ratelimit-(?P<first>[a-z-]+)-reset|x-ratelimit-reset-(?P<second>[a-z-]+))$")
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNTOLD = 1e-15
"""Taken for what is left of a window that does not say: only one that is known to be used up is more likely meant."""
_OUT_OF_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLimit:
    """A limit that is reached."""

    seconds: float | None = None
    """How long it lasts; None where nothing is said."""
    is_quota: bool = False
    """The account has nothing left: only its owner can change that."""


def usage_limit(headers: Mapping[str, str], body: bytes, *, now: datetime) -> UsageLimit:
    """What an answer with status 429 says. `headers` are in lower case."""
    if _error_names(body) & _OUT_OF_QUOTA:
        return UsageLimit(is_quota=True)
    seconds = retry_after(headers, now=now)
    return UsageLimit(seconds=_reset(headers, now=now) if seconds is None else seconds)


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The seconds that `retry-after` asks for, in any of its spellings."""
    spellings = (("retry-after-ms", 0.001), ("retry-after", 1.0))
    for name, unit in spellings:
        if (found := _seconds(headers.get(name, ""), now=now)) is not None:
            return _believed(found * unit if headers[name].strip()[:1].isdigit() else found)
    return None


def _reset(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The last reset of the windows of which the least is left: into a little that is left a request need not fit."""
    resets: dict[float, list[float]] = {}
    for name, value in headers.items():
        match = _RESET.match(name)
        seconds = _seconds(value, now=now) if match else None
        if match is not None and seconds is not None:
            resets.setdefault(_share_left(headers, match), []).append(_believed(seconds))
    return max(resets[min(resets)]) if resets else None


def _share_left(headers: Mapping[str, str], match: re.Match[str]) -> float:
    first, second = match["first"], match["second"]
    left, most = (
        _whole(headers.get(f"anthropic-ratelimit-{first}-{word}" if first else f"x-ratelimit-{word}-{second}", ""))
        for word in ("remaining", "limit")
    )
    return 0.0 if left == 0 else left / most if left and most else _UNTOLD


def _whole(value: str) -> int | None:
    return int(value) if re.fullmatch(r"\s*\d{1,15}\s*", value, re.ASCII) else None


def _seconds(value: str, *, now: datetime) -> float | None:
    value = value.strip()[:64]
    if re.fullmatch(r"\d{1,12}(?:\.\d{1,9})?", value, re.ASCII):
        number = float(value)
        return number - now.timestamp() if number > 1_000_000_000 else number  # a moment, not a span
    if value and not _SPAN.sub("", value):
        return sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(value))
    moment = _moment(value)
    return None if moment is None else (moment - now).total_seconds()


def _moment(value: str) -> datetime | None:
    for reader in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = reader(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _believed(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST)


def _error_names(body: bytes) -> frozenset[str]:
    return frozenset(_names(body))


def _names(body: bytes) -> Iterator[str]:
    error = error_of(body)
    yield from (value for name in ("code", "type") if isinstance(value := error.get(name), str))


def error_of(body: bytes) -> dict[str, Any]:
    """The error that a body tells of, in the shape of any of the protocols; empty if there is none."""
    try:
        told = json.loads(body[:65536])
    except (ValueError, RecursionError):
        return {}
    error = told.get("error") if isinstance(told, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}
