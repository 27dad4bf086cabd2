"""The machine's room, shared by every process of Penstock: memory and disk by their floors, slots as locked files.

Slot 2 for agents is the file `agent.2`, held by `flock`: the kernel frees it when the process dies. The first of a
process that waits has a ticket, a file that it touches as it asks; nobody takes a slot that an older ticket could have.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from penstock.adapters.processes.floors import lacking
from penstock.domain.errors import WorldError
from penstock.ports import Clock, Need, User

PATIENCE = 1.0
"""A shorter wait is not worth a word."""
WAIT_FOR_MEMORY = 600.0
WAIT_FOR_DISK = 5.0
"""Memory comes back when another process ends; a disk is mostly full until somebody does something about it."""
LAST_BREATH = 1.0
"""So long an agent may outlive an owner that was killed."""
SOONEST, LATEST = 0.01, 0.25
"""How often other processes' slots are asked for; one that this process frees wakes who waits for it at once."""
FRESH = 2.0
"""A ticket that was not touched for so long belongs to a process that is dead or stopped, and counts no more."""
FORGOTTEN = 600.0


class NoRoom(WorldError):
    """Memory or disk stayed below their floor."""


@dataclass(slots=True)
class _Line:
    """Those of this process who need the same. Only the first of them asks, so none overtakes another."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    length: int = 0
    lacking_since: float | None = None
    lack: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    descriptor: int
    was_left_by: str
    """The run whose process died while it used this slot."""


class FileSlots:
    """Slots as files below one folder; one object for a whole process."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        wait_for_memory: float = WAIT_FOR_MEMORY,
        wait_for_disk: float = WAIT_FOR_DISK,
        patience: float = PATIENCE,
    ) -> None:
        self._folder, self._tickets = folder, folder / "waiting"
        self._clock = clock
        self._wait_for_memory, self._wait_for_disk = wait_for_memory, wait_for_disk
        self._patience = patience
        self._lines: dict[Need, _Line] = {}

    @asynccontextmanager
    async def taken(self, need: Need, user: User, delayed: Callable[[str], None]) -> AsyncIterator[None]:
        """Wait for room, then hold a slot."""
        slot = await self._wait(need, delayed)
        try:
            if slot.was_left_by not in ("", user.run):  # of our own run everything that was left has been reaped
                await asyncio.sleep(LAST_BREATH)
            with _signed(slot.descriptor, user):
                yield
        finally:
            os.close(slot.descriptor)
            for other, line in self._lines.items():
                if other.resource == need.resource:
                    line.freed.set()

    async def _wait(self, need: Need, delayed: Callable[[str], None]) -> _Slot:
        line = self._lines.setdefault(need, _Line())
        line.length += 1
        timer = asyncio.get_running_loop().call_later(self._patience, lambda: delayed(line.lack or self._in_use(need)))
        try:
            async with line.turn:
                return self._at_once(need, line) or await self._in_turn(need, line)
        finally:
            timer.cancel()
            line.length -= 1
            if line.length == 0:
                self._lines.pop(need)

    def _at_once(self, need: Need, line: _Line) -> _Slot | None:
        return self._slot(need, "~") if self._has_room(need, line) else None

    async def _in_turn(self, need: Need, line: _Line) -> _Slot:
        """Ask again and again, and soon after somebody of this process has freed a slot."""
        name = f"{need.resource} {round(self._clock.monotonic() * 1e9):020d} {need.limit} {os.getpid()}-{id(line)}"
        pause = SOONEST
        with self._ticket(name) as touch:
            while True:
                if self._has_room(need, line):
                    touch()
                    if (slot := self._slot(need, name)) is not None:
                        return slot
                line.freed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(line.freed.wait(), pause)
                pause = min(2 * pause, LATEST)

    def _has_room(self, need: Need, line: _Line) -> bool:
        """Whether memory and disk are above their floors; NoRoom once they have been below them for too long."""
        line.lack = lacking(need.memory_mb, need.min_free_gb, self._folder) or ""
        if not line.lack:
            line.lacking_since = None
            return True
        now = self._clock.monotonic()
        line.lacking_since = now if line.lacking_since is None else line.lacking_since
        is_disk = lacking(0, need.min_free_gb, self._folder) is not None
        if now - line.lacking_since >= (self._wait_for_disk if is_disk else self._wait_for_memory):
            raise NoRoom(line.lack, hint="make room, then `penstock resume` the run")
        return False

    # tickets

    @contextmanager
    def _ticket(self, name: str) -> Iterator[Callable[[], None]]:
        """A ticket that counts from its first touch on; while there is no room for us we stand in nobody's way."""
        path = self._tickets / name
        try:
            yield lambda: path.touch(mode=0o600)
        finally:
            path.unlink(missing_ok=True)

    def _reserved(self, need: Need, ticket: str) -> int:
        """The highest slot that somebody could have whose ticket is older."""
        now, highest = time.time(), 0
        for path in self._tickets.iterdir():
            resource, _, rest = path.name.partition(" ")
            if resource != need.resource or path.name >= ticket:
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                age = abs(now - path.stat().st_mtime)
                if age < FRESH:
                    highest = max(highest, int(rest.split()[1]))
                elif age > FORGOTTEN:
                    path.unlink()
        return highest

    # slots

    def _slot(self, need: Need, ticket: str) -> _Slot | None:
        """A free slot, from the highest down: the lowest are all that a process with a smaller limit knows."""
        self._tickets.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(need.limit, self._reserved(need, ticket), -1):
            descriptor = os.open(self._path(need, number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                return _Slot(descriptor=descriptor, was_left_by=_signature(descriptor).get("run", ""))
        return None

    def _path(self, need: Need, number: int) -> Path:
        return self._folder / f"{need.resource}.{number}"

    def _in_use(self, need: Need) -> str:
        slots = "the only slot" if need.limit == 1 else f"every one of the {need.limit} slots"
        users = [f"{one['command']} of run {one['run']} (process {one['process']})" for one in self._users(need)]
        return f"{slots} for {need.resource}s on this machine is in use: {'; '.join(users) or 'others came before'}"

    def _users(self, need: Need) -> Iterator[dict[str, str]]:
        for number in range(1, need.limit + 1):
            with contextlib.suppress(OSError):
                descriptor = os.open(self._path(need, number), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if found := _signature(descriptor):
                        yield found
                finally:
                    os.close(descriptor)


@contextmanager
def _signed(descriptor: int, user: User) -> Iterator[None]:
    """Say who uses a slot, for people and for who finds it left behind. A full disk is no reason not to use it."""
    text = json.dumps({"run": user.run, "command": user.command, "process": str(os.getpid())})
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)


def _signature(descriptor: int) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(os.pread(descriptor, 4096, 0))
        if isinstance(found, dict) and {"run", "command", "process"} <= found.keys():
            return {str(name): str(value) for name, value in found.items()}
    return {}
