"""What was spent of which budget, for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.domain.budget import MILLION, Account, dollars
from penstock.reports.plain import columns

Row = Mapping[str, Any]


def as_row(account: Account) -> dict[str, Any]:
    """An account as the views answer it."""
    return {
        "level": account.level.value,
        "key": account.key,
        "cap_tokens": account.cap.tokens,
        "cap_usd": _usd(account.cap.micros),
        "settled_tokens": account.settled.tokens,
        "settled_usd": _usd(account.settled.micros),
        "reserved_tokens": account.reserved.tokens,
        "reserved_usd": _usd(account.reserved.micros),
    }


def _usd(micros: int | None) -> float | None:
    return None if micros is None else micros / MILLION


def as_lines(rows: Sequence[Row]) -> list[str]:
    """A table: one line per account."""
    head = ("budget of", "", "spent", "of", "tokens", "of", "reserved")
    return columns([head, *(_line(row) for row in rows)])


def _line(row: Row) -> tuple[str, ...]:
    return (
        row["level"],
        row["key"],
        money(row["settled_usd"]),
        "no limit" if row["cap_usd"] is None else money(row["cap_usd"]),
        f"{row['settled_tokens']:,}",
        "no limit" if row["cap_tokens"] is None else f"{row['cap_tokens']:,}",
        f"{money(row['reserved_usd'])}, {row['reserved_tokens']:,} tokens",
    )


def money(usd: float) -> str:
    """Dollars as people read them."""
    return dollars(round(usd * MILLION))
