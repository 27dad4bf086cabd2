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
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
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
GOOD_FOR = 0.25
"""So long it is believed that there is room; that there is none is asked anew each time."""


class NoRoom(WorldError):
    """Memory or disk stayed below their floor."""


@dataclass(slots=True)
class _Line:
    """Those of this process who need the same. Only the first of them asks, so none overtakes another."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    refused: asyncio.Event = field(default_factory=asyncio.Event)
    length: int = 0
    lacking_since: float | None = None
    sentence: str = ""
    """What the first of them waits for."""
    has_ticket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    descriptor: int
    was_left_by: str
    """The run whose process died while it used this slot."""


class FileSlots:
    """Slots as files below one folder; one object for a whole process.

    Files are touched in a thread of its own only: making one can take a second while another process syncs the disk.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        wait_for_memory: float = WAIT_FOR_MEMORY,
        wait_for_disk: float = WAIT_FOR_DISK,
        patience: float = PATIENCE,
        lack: Callable[[float, float, Path], str | None] = lacking,
    ) -> None:
        self._folder, self._tickets = folder, folder / "waiting"
        self._clock = clock
        self._wait_for_memory, self._wait_for_disk = wait_for_memory, wait_for_disk
        self._patience, self._lack = patience, lack
        self._roomy: dict[tuple[float, float], float] = {}
        """When there was memory and disk last, by the floors that were asked for."""
        self._lines: dict[Need, _Line] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slots")

    @asynccontextmanager
    async def taken(self, need: Need, user: User, delayed: Callable[[str], None]) -> AsyncIterator[None]:
        """Wait for room, then hold a slot."""
        slot = await self._wait(need, user, delayed)
        may_be_in_use = slot.was_left_by not in ("", user.run)  # of our own run everything that was left is reaped
        try:
            if may_be_in_use:
                await asyncio.sleep(LAST_BREATH)
                may_be_in_use = False
            yield
        finally:
            self._let_go(slot, need.resource, sign_off=not may_be_in_use)

    def _let_go(self, slot: _Slot, resource: str, *, sign_off: bool) -> None:
        self._thread.submit(_close, slot, sign_off=sign_off)
        for need, line in self._lines.items():
            if need.resource == resource:
                line.freed.set()

    async def _wait(self, need: Need, user: User, delayed: Callable[[str], None]) -> _Slot:
        line = self._lines.setdefault(need, _Line())
        line.length += 1
        telling = asyncio.create_task(self._tell(line, delayed))
        try:
            async with line.turn:
                return await self._in_turn(need, user, line)
        finally:
            telling.cancel()
            line.length -= 1
            if line.length == 0:
                self._lines.pop(need)

    async def _tell(self, line: _Line, delayed: Callable[[str], None]) -> None:
        await asyncio.sleep(self._patience)
        await line.refused.wait()
        delayed(line.sentence)

    async def _in_turn(self, need: Need, user: User, line: _Line) -> _Slot:
        """Ask again and again, and soon after somebody of this process has freed a slot."""
        since = round(self._clock.monotonic() * 1e9)
        ticket = self._tickets / f"{need.resource} {since:020d} {need.limit} {os.getpid()}-{id(line)}"
        pause = SOONEST
        try:
            while True:
                line.freed.clear()
                slot = await self._asked(need, user, line, ticket)
                if slot is not None:
                    return slot
                line.refused.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await line.freed.wait()
                pause = min(2 * pause, LATEST)
        finally:
            self._thread.submit(_hand_in, line, ticket)

    async def _asked(self, need: Need, user: User, line: _Line, ticket: Path) -> _Slot | None:
        asking = self._thread.submit(self._look, need, user, line, ticket)
        try:
            return await asyncio.wrap_future(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(_close_unused)
            raise

    # in the thread

    def _look(self, need: Need, user: User, line: _Line, ticket: Path) -> _Slot | None:
        """A slot, if there is room now; a ticket only where a slot is all that is wanting."""
        if not self._has_room(need, line):
            return None
        if not self._tickets.is_dir():
            self._tickets.mkdir(parents=True, exist_ok=True, mode=0o700)
        users: list[str] = []
        for number in range(need.limit, self._reserved(need, ticket.name), -1):
            slot = self._lock(self._folder / f"{need.resource}.{number}", user, users)
            if slot is not None:
                return slot
        slots = "the only slot" if need.limit == 1 else f"every one of the {need.limit} slots"
        by = "; ".join(users[::-1]) or "others came before"
        line.sentence = f"{slots} for {need.resource}s on this machine is in use: {by}"
        line.has_ticket = True
        ticket.touch(mode=0o600)
        return None

    def _has_room(self, need: Need, line: _Line) -> bool:
        """Whether memory and disk are above their floors; NoRoom once they have been below them for too long."""
        floors, now = (need.memory_mb, need.min_free_gb), self._clock.monotonic()
        is_known = now - self._roomy.get(floors, -GOOD_FOR) < GOOD_FOR
        lack = None if is_known else self._lack(*floors, self._folder)
        if lack is None:
            line.lacking_since = None
            if not is_known:
                self._roomy[floors] = now
            return True
        line.sentence = lack
        line.lacking_since = now if line.lacking_since is None else line.lacking_since
        is_disk = self._lack(0, need.min_free_gb, self._folder) is not None
        if now - line.lacking_since >= (self._wait_for_disk if is_disk else self._wait_for_memory):
            raise NoRoom(lack, hint="make room, then `penstock resume` the run")
        return False

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

    def _lock(self, path: Path, user: User, users: list[str]) -> _Slot | None:
        """The slot, signed; or None and one more among its users."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if signature := _signature(descriptor):
                users.append("{command} of run {run} (process {process})".format_map(signature))
            os.close(descriptor)
            return None
        slot = _Slot(descriptor=descriptor, was_left_by=_signature(descriptor).get("run", ""))
        _sign(descriptor, json.dumps({"run": user.run, "command": user.command, "process": str(os.getpid())}))
        return slot


def _hand_in(line: _Line, ticket: Path) -> None:
    if line.has_ticket:
        line.has_ticket = False
        ticket.unlink(missing_ok=True)


def _close(slot: _Slot, *, sign_off: bool) -> None:
    if sign_off:
        _sign(slot.descriptor, "")
    os.close(slot.descriptor)


def _close_unused(asking: Future[_Slot | None]) -> None:
    """What was asked for by somebody who is gone; whoever left it before may be in use still, so no sign-off."""
    if not asking.cancelled() and asking.exception() is None and (slot := asking.result()) is not None:
        _close(slot, sign_off=not slot.was_left_by)


def _sign(descriptor: int, text: str) -> None:
    """Say who uses a slot, for people and for who finds it left behind. A full disk is no reason not to use it."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _signature(descriptor: int) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(os.pread(descriptor, 4096, 0))
        if isinstance(found, dict) and {"run", "command", "process"} <= found.keys():
            return {str(name): str(value) for name, value in found.items()}
    return {}
