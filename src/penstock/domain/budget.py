"""Caps on tokens and money, and the one rule by which a call is let through, waits its turn, or is refused.

A call reserves its worst case before it leaves and is settled after. It is refused only if what is settled and its own
worst case exceed a cap; where only others' reservations stand in its way, it waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeAlias

MILLION = 1_000_000
MOST_TOKENS = 10**15
MOST_DOLLARS = 1e9
"""No cap is larger: what is counted must fit into what it is stored in."""


class Level(StrEnum):
    """What a cap is on, from the widest to the narrowest."""

    PROJECT = "project"
    PIPELINE = "pipeline"
    RUN = "run"
    WORKSTREAM = "workstream"

    @property
    def ends_the_run(self) -> bool:
        """Whether a spent cap ends the whole run at once, not one workstream."""
        return self is not Level.WORKSTREAM


class Kind(StrEnum):
    """What a cap limits."""

    TOKENS = "tokens"
    MICROS = "micros"


KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Tokens, and money in millionths of a dollar."""

    tokens: int = 0
    micros: int = 0

    def __add__(self, other: Amount) -> Self:
        return type(self)(tokens=self.tokens + other.tokens, micros=self.micros + other.micros)

    def __sub__(self, other: Amount) -> Self:
        return type(self)(tokens=self.tokens - other.tokens, micros=self.micros - other.micros)


NOTHING = Amount()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most that may be spent; None is no limit."""

    tokens: int | None = None
    micros: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether it limits anything."""
        return bool(self.kinds)

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it limits."""
        return frozenset(kind for kind in KINDS if getattr(self, kind) is not None)

    def changed(self, other: Cap, kinds: Collection[Kind]) -> Cap:
        """The cap with these kinds as the other has them."""
        return replace(self, **{kind.value: getattr(other, kind) for kind in kinds})

    def allows(self, amount: Amount) -> bool:
        """Whether so much is within the cap."""
        return (self.tokens is None or amount.tokens <= self.tokens) and (
            self.micros is None or amount.micros <= self.micros
        )

    def lowered(self, other: Cap) -> Cap:
        """The stricter of both, each kind by itself."""
        return Cap(tokens=_least(self.tokens, other.tokens), micros=_least(self.micros, other.micros))


NO_CAP = Cap()


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was spent under one cap."""

    level: Level
    key: str
    """Which project, pipeline, run or workstream (`RUN/WORKSTREAM`)."""
    cap: Cap = NO_CAP
    settled: Amount = NOTHING
    reserved: Amount = NOTHING
    told: int = 0
    """The highest mark of this cap that was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The call may leave; its worst case is reserved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustWait:
    """Only what others have reserved stands in the way."""

    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What is spent and the call's worst case are more than a cap allows."""

    account: Account
    worst: Amount

    @property
    def sentence(self) -> str:
        """Why, in words."""
        account, left = self.account, []
        if account.cap.tokens is not None and account.settled.tokens + self.worst.tokens > account.cap.tokens:
            left.append(f"{account.settled.tokens:,} of {account.cap.tokens:,} tokens are spent")
        if account.cap.micros is not None and account.settled.micros + self.worst.micros > account.cap.micros:
            left.append(f"{dollars(account.settled.micros)} of {dollars(account.cap.micros)} are spent")
        asked = f"the next call may take {self.worst.tokens:,} tokens ({dollars(self.worst.micros)})"
        return f"the budget of {account.level.value} {account.key} does not allow it: {', '.join(left)}, and {asked}"


Leave: TypeAlias = Granted | MustWait | Refused


def leave_of(accounts: Iterable[Account], worst: Amount) -> Leave:
    """Whether a call that may take so much may leave. A refusal weighs more than a wait; the narrowest one is named."""
    waits: Leave = Granted()
    refusal: Refused | None = None
    for account in accounts:
        if not account.cap.allows(account.settled + worst):
            refusal = Refused(account=account, worst=worst)
        elif not account.cap.allows(account.settled + account.reserved + worst):
            waits = MustWait(account=account)
    return refusal or waits


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkReached:
    """So much of a cap is spent that people wanted to be told."""

    account: Account
    mark: int
    """Percent."""

    @property
    def sentence(self) -> str:
        """What is to be told."""
        account, parts = self.account, []
        if account.cap.tokens is not None:
            parts.append(f"{account.settled.tokens:,} of {account.cap.tokens:,} tokens")
        if account.cap.micros is not None:
            parts.append(f"{dollars(account.settled.micros)} of {dollars(account.cap.micros)}")
        return f"{self.mark} % of the budget of {account.level.value} {account.key} is spent: {', '.join(parts)}"


def marks_reached(account: Account, marks: Sequence[int]) -> tuple[MarkReached, ...]:
    """The marks that are reached and were not told, however they were reached."""
    untold = (mark for mark in sorted(marks) if account.told < mark <= _share(account))
    return tuple(MarkReached(account=account, mark=mark) for mark in untold)


def _share(account: Account) -> float:
    """How many percent of the cap are settled, by whichever of tokens and money has more; of a cap of nothing none."""
    kinds = ((account.settled.tokens, account.cap.tokens), (account.settled.micros, account.cap.micros))
    shares = [100 * used / cap for used, cap in kinds if cap]
    return max(shares, default=0.0)


def micros_of(usd: float | None) -> int | None:
    """Dollars as they are reckoned with: in whole millionths."""
    return None if usd is None else round(usd * MILLION)


def dollars(micros: int) -> str:
    """Money as people read it."""
    return f"${micros / MILLION:,.2f}" if micros % 10_000 == 0 else f"${micros / MILLION:,.6f}".rstrip("0")
