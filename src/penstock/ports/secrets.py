"""The gate that no secret passes on its way into a commit or to the user's repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedLines:
    """Lines of a file by their numbers."""

    path: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFound:
    """Where something that must not be there stands, and of what kind it is; never what it is."""

    path: str
    line: int
    kind: str


class SecretGate(Protocol):
    """Knows secrets when it sees them."""

    async def find(self, added: Sequence[AddedLines]) -> tuple[SecretFound, ...]:
        """The lines that hold secrets."""
        ...
