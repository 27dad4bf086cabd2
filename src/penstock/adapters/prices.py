"""What models cost: as the upstream's own settings say, else by the list of genai-prices, else at assumed rates.

The list is imported with the first question. It is never updated over the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from penstock.domain.errors import Bug, UserError
from penstock.ports import Rate

if TYPE_CHECKING:
    from datetime import datetime

    from genai_prices.types import ModelInfo, ModelPrice

    from penstock.domain.usage import Tokens

LISTED = {"anthropic": "anthropic", "openai": "openai"}
"""Whose prices hold for a protocol, unless the upstream's address is known to be another's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Dollars for a million tokens of each kind, which is millionths of a dollar for one."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    cache_write_long: Decimal

    def cost(self, tokens: Tokens) -> int:
        """Millionths of a dollar, rounded up once, at the end."""
        return _up(sum((getattr(self, kind) * getattr(tokens, kind) for kind in KINDS), Decimal(0)))

    def worst(self, tokens: Tokens) -> int:
        """The same where nobody knows yet what of the input a cache will have a part in: the dearest kind for all.

        To be kept for an hour is asked for, never done unasked: only what is given so may cost so.
        """
        dearest = max(self.input, self.cache_read, self.cache_write)
        long = tokens.cache_write_long
        return _up(
            dearest * (tokens.all_input - long)
            + max(dearest, self.cache_write_long) * long
            + self.output * tokens.output
        )

    def dearer(self, other: Rates) -> Rates:
        """The higher rate of both, kind by kind."""
        return Rates(**{kind: max(getattr(self, kind), getattr(other, kind)) for kind in KINDS})

    @property
    def told(self) -> dict[str, str]:
        """For the record."""
        return {kind: f"{getattr(self, kind).normalize():f}" for kind in KINDS}


KINDS = tuple(one.name for one in fields(Rates))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Priced:
    rates: Rates
    source: str
    is_assumed: bool = False

    @property
    def rate(self) -> Rate:
        flags = {"price_assumed": "true"} if self.is_assumed else {}
        return Rate(unit_prices={**self.rates.told, "source": self.source, **flags})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrices:
    """Prices by upstream and model.

    `stated`: upstream → kind → dollars for a million tokens; input and output must be given, a cache's kinds else cost
    what the kind before them costs. `assumed_…`: for models that the list lacks; both or none. `addresses`: upstream →
    base URL, by which the list knows other providers of a protocol.
    """

    stated: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    assumed_input: Decimal | None = None
    assumed_output: Decimal | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for upstream, prices in self.stated.items():
            _rates_of(prices, f"the price of the upstream {upstream}")
        if (self.assumed_input is None) != (self.assumed_output is None):
            raise UserError(
                "only one of the two assumed prices is set", hint="set the price of input and that of output, or none"
            )
        self._assumed()

    def cost(self, upstream: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> tuple[int | None, Rate]:
        """Millionths of a dollar for so many tokens, rounded up; None where no price is known."""
        priced = self._priced(upstream, protocol, model, tokens, at)
        if priced is None:
            return None, Rate(unit_prices={}, is_known=False)
        return priced.rates.cost(tokens), priced.rate

    def worst(self, upstream: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> int:
        """The same for a reservation: input at its dearest kind, an unknown model as its protocol's dearest one."""
        priced = self._priced(upstream, protocol, model, tokens, at)
        return (_dearest(protocol) if priced is None else priced.rates).worst(tokens)

    def load(self) -> None:
        """Import the list, which takes a moment, before the first call waits for it."""
        for protocol in LISTED:
            _dearest(protocol)

    def _priced(self, upstream: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> _Priced | None:
        if (stated := self.stated.get(upstream)) is not None:
            return _Priced(rates=_rates_of(stated, upstream), source="stated")
        return _listed(self.addresses.get(upstream, ""), protocol, model, tokens, at) or self._assumed()

    def _assumed(self) -> _Priced | None:
        if self.assumed_input is None or self.assumed_output is None:
            return None
        given = {"input": self.assumed_input, "output": self.assumed_output}
        return _Priced(rates=_rates_of(given, "the assumed price"), source="assumed", is_assumed=True)


def _rates_of(prices: Mapping[str, Decimal], whose: str) -> Rates:
    """The rates that somebody has set."""
    for kind, price in prices.items():
        if kind not in KINDS:
            raise UserError(f"{whose} names {kind!r}", hint=f"the kinds of tokens are {', '.join(KINDS)}")
        if not price.is_finite() or price < 0:
            raise UserError(f"{whose} for {kind} is {price}", hint="give dollars for a million tokens, 0 or more")
    for kind in ("input", "output"):
        if kind not in prices:
            raise UserError(f"{whose} says nothing of {kind}", hint="give the prices of input and output; 0 is allowed")
    return _filled(prices["input"], prices["output"], *(prices.get(kind) for kind in KINDS[2:]))


def _filled(
    input_: Decimal, output: Decimal, read: Decimal | None, write: Decimal | None, long: Decimal | None
) -> Rates:
    """A kind without a price of its own costs what the wider kind costs that it is part of."""
    written = input_ if write is None else write
    return Rates(
        input=input_,
        output=output,
        cache_read=input_ if read is None else read,
        cache_write=written,
        cache_write_long=written if long is None else long,
    )


def _listed(address: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> _Priced | None:
    found = _found(address, protocol, model)
    if found is None:
        return None
    provider, info = found
    rates = _at(info.get_prices(at), tokens.all_input)
    return None if rates is None else _Priced(rates=rates, source=f"{provider}/{info.id} of {_list_name()}")


@lru_cache(maxsize=256)
def _found(address: str, protocol: str, model: str) -> tuple[str, ModelInfo] | None:
    """The model in the list of whom the address belongs to, or else of the protocol's maker."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - a quarter of a second, and rarely needed

    snapshot = get_snapshot()
    try:
        provider = snapshot.find_provider(None, None, address or None)
    except LookupError:
        provider = snapshot.find_provider(None, _maker(protocol), None)
    info = provider.find_model(model, all_providers=snapshot.providers)
    return None if info is None else (provider.id, info)


@lru_cache(maxsize=1)
def _list_name() -> str:
    import genai_prices  # noqa: PLC0415

    return f"genai-prices {genai_prices.__version__}"


@lru_cache(maxsize=8)
def _dearest(protocol: str) -> Rates:
    """The highest rate of each kind that any model of a protocol's maker has, at any time and length."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    dearest: Rates | None = None
    for info in get_snapshot().find_provider(None, _maker(protocol), None).models:
        for price in _all_prices(info):
            for start in _starts(price):
                rates = _at(price, start + 1)
                if rates is not None:
                    dearest = rates if dearest is None else dearest.dearer(rates)
    if dearest is None:
        raise Bug(f"the price list knows no model of {protocol}")
    return dearest


def _maker(protocol: str) -> str:
    maker = LISTED.get(protocol)
    if maker is None:
        raise Bug(f"there is no protocol {protocol!r}")
    return maker


def _all_prices(info: ModelInfo) -> Iterable[ModelPrice]:
    return [one.prices for one in info.prices] if isinstance(info.prices, list) else [info.prices]


def _starts(price: ModelPrice) -> set[int]:
    """The lengths of input above which something costs more or less."""
    tiered = (getattr(value, "tiers", ()) for value in vars(price).values())
    return {0, *(tier.start for tiers in tiered for tier in tiers)}


def _at(price: ModelPrice, length: int) -> Rates | None:
    """The rates for so much input; None for a model that is not paid by tokens read and written."""
    found = [_step(getattr(price, f"{name}_mtok"), length) for name in LISTED_KINDS]
    if found[0] is None or found[1] is None:
        return None
    return _filled(found[0], found[1], *found[2:])


LISTED_KINDS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


def _step(price: Any, length: int) -> Decimal | None:
    """A price, or of several by length the one that holds; it holds for all tokens, not for those beyond."""
    reached = [tier.price for tier in getattr(price, "tiers", ()) if length > tier.start]
    step: Decimal | None = reached[-1] if reached else getattr(price, "base", price)
    return step


def _up(micros: Decimal) -> int:
    return int(micros.to_integral_value(rounding=ROUND_CEILING))
