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
    return UsageLimit(seconds=retry_after(headers, now=now) if _says_when(headers) else _reset(headers, now=now))


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The seconds that `retry-after` asks for, in any of its spellings."""
    spellings = (("retry-after-ms", 0.001), ("retry-after", 1.0))
    for name, unit in spellings:
        if (found := _seconds(headers.get(name, ""), now=now)) is not None:
            return _believed(found * unit if headers[name].strip()[:1].isdigit() else found)
    return None


def _says_when(headers: Mapping[str, str]) -> bool:
    return "retry-after" in headers or "retry-after-ms" in headers


def _reset(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The last reset of the windows that are used up, else of all."""
    used_up, others = list[float](), list[float]()
    for name, value in headers.items():
        match = _RESET.match(name)
        seconds = _seconds(value, now=now) if match else None
        if match is not None and seconds is not None:
            (used_up if _is_used_up(headers, match) else others).append(_believed(seconds))
    return max(used_up or others, default=None)


def _is_used_up(headers: Mapping[str, str], match: re.Match[str]) -> bool:
    first, second = match["first"], match["second"]
    name = f"anthropic-ratelimit-{first}-remaining" if first else f"x-ratelimit-remaining-{second}"
    return headers.get(name, "").strip() == "0"


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
