"""Two frozen shapes that keep `step` flat from 200 to 10,000 workstreams: sets of ranks, and rows cheap to change.

A workstream's *rank* is its place in the order of the plan. A set of ranks is one integer; rows are a tuple of chunks
of about the square root of their number, so that a changed row copies two short tuples instead of one long one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Generic, TypeVar

from penstock.domain.copies import quickly_made

Row = TypeVar("Row")


@quickly_made
@dataclass(frozen=True, slots=True)
class RankSet:
    """A frozen set of ranks."""

    bits: int = 0

    @classmethod
    def of(cls, ranks: Iterable[int]) -> RankSet:
        """The set of these ranks."""
        bits = 0
        for rank in ranks:
            bits |= 1 << rank
        return cls(bits)

    @classmethod
    def first_n(cls, count: int) -> RankSet:
        """All ranks below `count`."""
        return cls((1 << count) - 1)

    def __contains__(self, rank: int) -> bool:
        return bool(self.bits >> rank & 1)

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __bool__(self) -> bool:
        return self.bits != 0

    def __iter__(self) -> Iterator[int]:
        bits = self.bits
        while bits:
            lowest = bits & -bits
            yield lowest.bit_length() - 1
            bits ^= lowest

    def __or__(self, other: RankSet) -> RankSet:
        return RankSet(self.bits | other.bits)

    def __and__(self, other: RankSet) -> RankSet:
        return RankSet(self.bits & other.bits)

    def __sub__(self, other: RankSet) -> RankSet:
        return RankSet(self.bits & ~other.bits)

    def with_rank(self, rank: int) -> RankSet:
        """This set and one rank."""
        return RankSet(self.bits | 1 << rank)

    def without_rank(self, rank: int) -> RankSet:
        """This set but for one rank."""
        return RankSet(self.bits & ~(1 << rank))

    def first(self) -> int | None:
        """The lowest rank, or None."""
        return (self.bits & -self.bits).bit_length() - 1 if self.bits else None


NO_RANKS = RankSet()


@quickly_made
@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """A frozen sequence, one row per rank."""

    chunks: tuple[tuple[Row, ...], ...]
    width: int

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows[Row]:
        """These rows, in chunks of the square root of their number."""
        everything = tuple(rows)
        width = max(1, isqrt(len(everything)))
        return cls(tuple(everything[at : at + width] for at in range(0, len(everything), width)), width)

    def __getitem__(self, rank: int) -> Row:
        chunk, place = divmod(rank, self.width)
        return self.chunks[chunk][place]

    def __iter__(self) -> Iterator[Row]:
        for chunk in self.chunks:
            yield from chunk

    def __len__(self) -> int:
        return 0 if not self.chunks else (len(self.chunks) - 1) * self.width + len(self.chunks[-1])

    def with_row(self, rank: int, row: Row) -> Rows[Row]:
        """These rows with one replaced."""
        at, place = divmod(rank, self.width)
        chunk = self.chunks[at]
        changed = (*chunk[:place], row, *chunk[place + 1 :])
        return Rows((*self.chunks[:at], changed, *self.chunks[at + 1 :]), self.width)
