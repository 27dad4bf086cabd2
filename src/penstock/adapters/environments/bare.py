"""No environments at all: for projects in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from penstock.domain.setup import Setup, identity_of
from penstock.ports import Environment, Furnishing, Proof, Site, UserFile


class NoEnvironments:
    """Checkouts get nothing, and nothing is proven of them."""

    async def identity(self, setup: Setup, inputs: Mapping[str, bytes]) -> str:
        """See `Environments`."""
        return identity_of(setup, inputs, "")

    async def find(self, identity: str) -> Environment | None:
        """See `Environments`."""
        return None

    @asynccontextmanager
    async def construct(self, identity: str, source: Path) -> AsyncIterator[Site | Environment]:
        """See `Environments`: nothing has to be made."""
        yield Environment(identity=identity, folder=source)

    async def furnish(
        self, checkout: Path, environment: Environment | None, *, copies: Sequence[UserFile] = (), record: Path
    ) -> Furnishing:
        """See `Environments`."""
        return Furnishing()

    async def withdraw(self, checkout: Path, record: Path) -> None:
        """See `Environments`."""

    async def proofs(self, checkout: Path) -> tuple[Proof, ...]:
        """See `Environments`."""
        return ()
