"""Environments: what checkouts need besides their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from penstock.domain.copies import quickly_made
from penstock.domain.errors import WorldError
from penstock.domain.setup import Setup
from penstock.ports.git import UserFile


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Furnishing:
    """What a checkout was given besides its files: for whoever runs something there."""

    variables: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[Path, ...] = ()
    """Folders that stand first on PATH."""
    readable: tuple[Path, ...] = ()
    """Folders outside the checkout that are needed there, and that nobody may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What set-up made, once, of the files that decide it."""

    identity: str
    folder: Path
    outputs: tuple[str, ...] = ()
    homeward: Mapping[str, str] = field(default_factory=dict)
    """Links inside the outputs that mean the project itself, with the path in the project that each means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A command that ends with `STRAY` if a name of the project means files outside the checkout."""

    language: str
    command: str


STRAY = 97


class SetupFailed(WorldError):
    """Set-up did not make what a tree needs; whether the tree or the machine is to blame depends on the tree."""

    def __init__(self, sentence: str, *, command: str = "", output: str = "", exit_code: int | None = None) -> None:
        self.command, self.output, self.exit_code = command, output, exit_code
        self.of_base = False
        super().__init__(
            f"{sentence}\n{output}".rstrip(),
            hint="mend [setup] in penstock.toml, commit and start a new run; or mend the machine and resume this one",
        )


class Site(Protocol):
    """Where one environment is being made."""

    @property
    def folder(self) -> Path:
        """The tree's files, at the place where what is made of them stays."""
        ...

    async def finish(self, outputs: Sequence[str]) -> Environment:
        """Keep the outputs, read-only; from now on the environment is there."""
        ...


class Environments(Protocol):
    """Environments of one project: each made once, lent to checkouts, never written again."""

    async def identity(self, setup: Setup, inputs: Mapping[str, bytes]) -> str:
        """What the environment of these files is called on this machine."""
        ...

    async def find(self, identity: str) -> Environment | None:
        """The environment, if it was finished and nobody has changed it since."""
        ...

    def construct(self, identity: str, source: Path) -> AbstractAsyncContextManager[Site | Environment]:
        """A place to make it from the files at `source`; or the environment, if another process was faster."""
        ...

    async def furnish(
        self, checkout: Path, environment: Environment | None, *, copies: Sequence[UserFile] = (), record: Path
    ) -> Furnishing:
        """Give a checkout its environment and copies of files; `record` keeps what was put there."""
        ...

    async def withdraw(self, checkout: Path, record: Path) -> None:
        """Take out of a checkout what a record says was put there."""
        ...

    async def proofs(self, checkout: Path) -> tuple[Proof, ...]:
        """How to prove that what is imported there is the checkout's own."""
        ...
