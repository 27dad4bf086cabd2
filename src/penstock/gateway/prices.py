"""The table `price` of an upstream: what the user says that tokens cost there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

_ZERO = {"minimum": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSettings:
    """Dollars per million tokens. Where input or output is given both must be; what else is left out costs as input."""

    input: float | None = field(default=None, metadata=_ZERO)
    """What the model reads."""
    output: float | None = field(default=None, metadata=_ZERO)
    """What it writes."""
    cache_read: float | None = field(default=None, metadata=_ZERO)
    """What it reads from a cache."""
    cache_write: float | None = field(default=None, metadata=_ZERO)
    """What it writes into a cache."""
    cache_write_long: float | None = field(default=None, metadata=_ZERO)
    """What it writes into a cache to be kept for an hour; else as cache_write."""

    def __post_init__(self) -> None:
        given = any(getattr(self, name) is not None for name in PriceSettings.__slots__)
        if given and (self.input is None or self.output is None):
            raise ValueError("needs both input and output (0 where it is free)")

    @property
    def table(self) -> Mapping[str, Decimal] | None:
        """Every kind of token with its price; None where the list of prices is to be asked."""
        if self.input is None or self.output is None:
            return None
        write = self.input if self.cache_write is None else self.cache_write
        found = {
            "input": self.input,
            "output": self.output,
            "cache_read": self.input if self.cache_read is None else self.cache_read,
            "cache_write": write,
            "cache_write_long": write if self.cache_write_long is None else self.cache_write_long,
        }
        return {name: Decimal(str(value)) for name, value in found.items()}
