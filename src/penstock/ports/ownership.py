"""Who owns a run, what the machine has room for, and what a run's processes did."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from penstock.domain.copies import quickly_made


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a run's lock."""

    pid: int
    host: str
    since: str


class Held(Protocol):
    """A lock that is held until it is released or the process dies."""

    def release(self) -> None:
        """Let it go."""
        ...


class Locks(Protocol):
    """One owner per run, known to the kernel."""

    async def acquire(self, run_id: str) -> Held | Holder:
        """The lock, or who has it; the last git call of an owner that is dead is waited for."""
        ...

    def holder(self, run_id: str) -> Holder | None:
        """Who has it now."""
        ...


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What of the machine must be free before a command may begin."""

    resource: str
    """Whose slots are counted: agent, check or disk."""
    limit: int
    """So many slots there are, for all processes together; with another limit a process knows more or fewer of them."""
    memory_mb: int = 0
    min_free_gb: float = 0.0


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who uses a slot: a command of a run."""

    run: str
    command: str


class Slots(Protocol):
    """The machine's room, shared by every process of Penstock on it."""

    def taken(self, need: Need, user: User, delayed: Callable[[str], None]) -> AbstractAsyncContextManager[None]:
        """Wait for memory, disk and a slot, and hold the slot; freed with the process, however that ends.

        A wait that takes a while is told to `delayed` in words. Raises a WorldError when memory or disk don't come.
        """
        ...


class Supervision(Protocol):
    """The processes and folders of attempts."""

    def marker(self, run: str, workstream: str, attempt: str) -> str:
        """What every process of an attempt carries in its environment."""
        ...

    async def folder(self, run: str, workstream: str, attempt: str) -> Path:
        """The attempt's own folder, made if need be."""
        ...

    def was_started(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether an owner began to perform the attempt."""
        ...

    def has_ended(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether the attempt's agent ended by itself, which its keeper wrote down."""
        ...

    async def reap(self, run: str) -> int:
        """Kill what an earlier owner of this run left behind; how many processes it was."""
        ...
