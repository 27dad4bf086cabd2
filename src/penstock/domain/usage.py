"""One model call: who it is for, what it used, how it ended. Every call has one record, failed and refused ones too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from penstock.domain.budget import NOTHING, Amount, Level

BELIEVABLE = 10**12
"""More tokens than any call has, and more thousandths of a dollar than any call costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom a call is for. What does not apply is empty."""

    project: str
    pipeline: str = ""
    run: str = ""
    workstream: str = ""
    attempt: str = ""
    """The key of the attempt, its repetitions told apart."""
    role: str = ""
    """edit, fix, auditor, or a role of the pipeline."""
    phase: str = ""
    """The step of the workstream, or the phase of the pipeline."""
    agent: str = ""
    prompt: str = ""
    """The id of the version of the role's prompt that it asks by."""

    @property
    def accounts(self) -> tuple[tuple[Level, str], ...]:
        """The accounts that its calls are charged to, from the widest to the narrowest."""
        workstream = f"{self.run}/{self.workstream}" if self.run and self.workstream else ""
        keys = zip(Level, (self.project, self.pipeline, self.run, workstream), strict=True)
        return tuple((level, key) for level, key in keys if key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a call used. `input` is what no cache had a part in; the three kinds of input add up."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_long: int = 0
    """Written to be kept for an hour; it has a price of its own and is not part of `cache_write`."""

    @property
    def all_input(self) -> int:
        """Everything that the model read."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_long

    @property
    def total(self) -> int:
        """Read and written."""
        return self.all_input + self.output

    def at_least(self, other: Tokens) -> Self:
        """The larger of both, kind by kind: a stream tells the same count more than once."""
        return type(self)(**{name: max(getattr(self, name), getattr(other, name)) for name in Tokens.__slots__})

    def plus(self, other: Tokens) -> Self:
        """Both together, kind by kind."""
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in Tokens.__slots__})


NO_TOKENS = Tokens()


class CallStatus(StrEnum):
    """How a call ended."""

    OK = "ok"
    FAILED = "failed"
    """The upstream answered with an error, or did not answer."""
    CUT = "cut"
    """The answer broke off, or the one who asked went away."""
    REFUSED = "refused"
    """It never left: a budget, a cap, or a limit of the upstream stood in its way."""
    LOST = "lost"
    """Whoever made it died before it knew the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """A call as it is about to leave."""

    id: str
    caller: Caller
    ordinal: int
    """Which call of its attempt it is, from 1."""
    protocol: str
    upstream: str
    model: str
    """As the upstream calls it."""
    alias: str = ""
    """As it was asked for."""
    streamed: bool = False
    at: datetime
    worst: Amount = NOTHING
    """What it may cost at most: reserved before it leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd:
    """What came of a call."""

    status: CallStatus
    at: datetime
    tokens: Tokens = NO_TOKENS
    micros: int | None = 0
    """Its price in millionths of a dollar; None where no price is known."""
    least_micros: int = 0
    """Where the price is not known: what it comes to at least."""
    unit_prices: str = ""
    """The prices that it was reckoned by, as JSON: dollars per million tokens of each kind."""
    estimated: bool = False
    """The counts are what was seen until it broke off, not what the upstream said at its end."""
    http_status: int | None = None
    stop_reason: str = ""
    error: str = ""
    tries: int = 0
    """How often it was sent."""
    latency_ms: int = 0
    first_byte_ms: int | None = None


def reservation(call: ModelCall) -> Amount:
    """What is reserved for a call: its worst case, within what can be."""
    worst = call.worst
    return Amount(tokens=min(max(worst.tokens, 0), BELIEVABLE), micros=min(max(worst.micros, 0), BELIEVABLE * 1000))


def believed(end: CallEnd) -> CallEnd:
    """An end as it may be kept: an upstream that claims less than nothing or more than can be is not believed."""
    counts = {name: min(max(getattr(end.tokens, name), 0), BELIEVABLE) for name in Tokens.__slots__}
    micros = None if end.micros is None else min(max(end.micros, 0), BELIEVABLE * 1000)
    least = min(max(end.least_micros, 0), BELIEVABLE * 1000)
    return replace(end, tokens=Tokens(**counts), micros=micros, least_micros=least)


def charge(reserved: Amount, end: CallEnd) -> Amount:
    """What a call is charged to its accounts: what it used, and at least the reserved money where no price is known."""
    assumed = max(reserved.micros, end.least_micros)
    return Amount(tokens=end.tokens.total, micros=assumed if end.micros is None else end.micros)


def lost(call: ModelCall) -> CallEnd:
    """The end of a call whose maker died. Nobody knows what it used, so it is taken at its worst."""
    worst = reservation(call)
    return CallEnd(
        status=CallStatus.LOST,
        at=call.at,
        tokens=Tokens(input=worst.tokens),
        micros=worst.micros,
        estimated=True,
        error="the process that made this call ended before it knew what came of it",
    )
