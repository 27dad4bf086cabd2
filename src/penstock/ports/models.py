"""Models: the door through which every call goes, what it costs, and the account that is kept of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from penstock.domain.budget import KINDS, Account, Cap, Kind, Leave, Level, MarkReached
from penstock.domain.usage import CallEnd, Caller, ModelCall, Tokens


class Ledger(Protocol):
    """Usage and budgets: one record per call, one account per project, pipeline, run and workstream."""

    async def reserve(self, call: ModelCall) -> Leave:
        """Reserve a call's worst case with every account above it, in one transaction; nothing is kept unless it is
        granted.
        """
        ...

    async def settle(self, call: ModelCall, end: CallEnd) -> tuple[MarkReached, ...]:
        """Write the one record of a call that was granted and give back what it reserved; twice is the same as once."""
        ...

    async def record(self, call: ModelCall, end: CallEnd) -> None:
        """Write the one record of a call that was never granted."""
        ...

    async def settle_lost(self, run: str) -> int:
        """Settle, at their worst case and flagged as estimated, the calls of a run whose maker died; how many."""
        ...

    async def settle_lost_of_pipeline(self, pipeline: str) -> int:
        """The same for the calls that a pipeline made itself; those of its runs are settled by their owners."""
        ...

    async def set_cap(self, level: Level, key: str, cap: Cap, kinds: Collection[Kind] = KINDS) -> Account:
        """Set these kinds of an account's cap as a person says, from now on and for what is spent already; the account
        as it is then.
        """
        ...

    async def give_cap(self, level: Level, key: str, cap: Cap) -> None:
        """The same as the settings say: for the kinds that this cap limits and that no person has set."""
        ...

    async def account(self, level: Level, key: str) -> Account:
        """One account as it stands; an empty one where nothing is known."""
        ...


class UsageViews(Protocol):
    """Read-only questions about usage and budgets, answered as plain values in the shapes of `/api/v1`."""

    def usage(
        self, *, run: str | None = None, project: str | None = None, limit: int = 1000, offset: int = 0
    ) -> list[dict[str, Any]]:
        """The record of each call, oldest first."""
        ...

    def usage_totals(self, run: str) -> dict[str, dict[str, Any]]:
        """What a run used, by workstream."""
        ...

    def budgets(self) -> list[dict[str, Any]]:
        """Every account with its cap and what was spent, the widest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What a model's tokens cost, in dollars per million, as far as it is one number; for people and for the record."""

    unit_prices: Mapping[str, str]
    is_known: bool = True


class Prices(Protocol):
    """What models cost."""

    def cost(self, upstream: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> tuple[int | None, Rate]:
        """Millionths of a dollar for so many tokens, rounded up; None where no price is known."""
        ...

    def worst(self, upstream: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> int:
        """The same for a reservation: an unknown model is taken at the dearest known one of its protocol."""
        ...


class StopKind(StrEnum):
    """Why an attempt's calls are answered no more."""

    BUDGET = "budget"
    REQUESTS = "requests"
    """It has made as many calls as one attempt may."""
    RATE_LIMITED = "rate_limited"
    """The upstream's usage limit is reached, or it has waited too long for others' reservations."""
    UNREACHABLE = "unreachable"
    """The upstream refuses the key, or can't be reached: nobody's attempt can succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What ends an attempt from the side of the models."""

    kind: StopKind
    sentence: str
    level: Level | None = None
    """Whose cap is spent."""
    until: datetime | None = None
    """When the limit is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What an agent is told: where its models are and with which short-lived key. Never a provider's."""

    base_url: str
    """Without a path; Anthropic's clients add `/v1/messages`, OpenAI's want `/v1` added."""
    key: str
    model: str
    """The name to ask for."""
    protocol: str
    """anthropic or openai: what the model's upstream speaks."""
    alias: str = ""
    """What the user calls the model."""
    max_output: int = 0
    """The most tokens that one answer may have, whatever limit is asked for; 0: nobody knows."""


SHIPPED = "shipped:"
"""What the name of a recording begins with that the package brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """What is to be known of an attempt besides who it is."""

    places: Mapping[str, Path] = field(default_factory=dict)
    """Its folders by name: what a recording writes as placeholders."""
    protocols: tuple[str, ...] = ()
    """What its agent speaks, the best first."""
    replay_of: str = ""
    """The run whose recording answers its calls instead of any model; `shipped:NAME` is one that the package brings."""
    calls_before: int = 0
    """So many of its calls were answered in an earlier stay that was broken off: they are not made again."""
    is_lenient: bool = False
    """A replayed call that differs is answered all the same, and the difference told."""


ANY_STAY = Stay()


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What was played again for one attempt."""

    workstream: str
    attempt: str
    differences: tuple[str, ...]
    """What was asked otherwise than it was recorded, in words."""
    has_equal_tool_outputs: bool
    unasked: int
    """Recorded calls that nobody asked for."""


class Visit(Protocol):
    """One attempt's stay at the door."""

    @property
    def access(self) -> Access:
        """What the agent is told."""
        ...

    @property
    def stop(self) -> Future[Stop]:
        """Done as soon as the attempt must end; it may be waited for from any loop."""
        ...

    @property
    def quiet_since(self) -> float:
        """The monotonic time of the last byte that went through; for ever now while a call waits its turn."""
        ...

    @property
    def calls(self) -> int:
        """How many calls it has made."""
        ...

    def close(self) -> None:
        """The key opens nothing from now on; what is still under way is cut."""
        ...


class Models(Protocol):
    """The one door to every model."""

    @property
    def is_replay(self) -> bool:
        """Whether recordings answer, whatever model is asked for."""
        ...

    @property
    def recording(self) -> str:
        """The one recording that the user's settings have answer; empty for that of whatever is asked."""
        ...

    def check(self, model: str, protocols: Sequence[str]) -> None:
        """Raise an error that says what to do unless this model is configured, has its key, and speaks one of these."""
        ...

    def admit(self, caller: Caller, model: str, *, max_calls: int, stay: Stay = ANY_STAY) -> Visit:
        """A key of its own for one attempt, good for one model, until it is closed."""
        ...

    def played(self, run: str) -> tuple[Played, ...]:
        """What was played again for the attempts of a run, in the order in which they began."""
        ...
