"""What was spent of which budget, for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.domain.budget import Account, Amount, Cap, Level, dollars
from penstock.reports.plain import columns

Row = Mapping[str, Any]


def as_row(account: Account) -> dict[str, Any]:
    """An account as JSON: money in dollars with six decimals."""
    return {
        "level": account.level.value,
        "key": account.key,
        "cap_tokens": account.cap.tokens,
        "cap_usd": _usd(account.cap.micros),
        "spent_tokens": account.settled.tokens,
        "spent_usd": _usd(account.settled.micros),
        "reserved_tokens": account.reserved.tokens,
        "reserved_usd": _usd(account.reserved.micros),
    }


def from_view(row: Row) -> dict[str, Any]:
    """The same of what the store answers."""
    return as_row(
        Account(
            level=Level(row["level"]),
            key=row["key"],
            cap=Cap(tokens=row["cap_tokens"], micros=row["cap_micros"]),
            settled=Amount(tokens=row["settled_tokens"], micros=row["settled_micros"]),
            reserved=Amount(tokens=row["reserved_tokens"], micros=row["reserved_micros"]),
        )
    )


def _usd(micros: int | None) -> float | None:
    return None if micros is None else micros / 1_000_000


def as_lines(rows: Sequence[Row]) -> list[str]:
    """A table: one line per account."""
    head = ("budget of", "", "spent", "of", "tokens", "of", "reserved")
    return columns([head, *(_line(row) for row in rows)])


def _line(row: Row) -> tuple[str, ...]:
    return (
        row["level"],
        row["key"],
        money(row["spent_usd"]),
        "no limit" if row["cap_usd"] is None else money(row["cap_usd"]),
        f"{row['spent_tokens']:,}",
        "no limit" if row["cap_tokens"] is None else f"{row['cap_tokens']:,}",
        f"{money(row['reserved_usd'])}, {row['reserved_tokens']:,} tokens",
    )


def money(usd: float) -> str:
    """Dollars as people read them."""
    return dollars(round(usd * 1_000_000))
