"""One owner per run on one machine: `flock` on a file in the state folder.

The kernel frees it when the owner and its git children have ended: those inherit a copy of the descriptor on purpose,
so that a killed owner's last git call is over before anyone takes the run. A git child gets the locks under which the
task works that starts it, and no others: one process may own many runs. Agents never get any.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

from penstock.ports import Clock, Held, Holder

LAST_GIT_CALL = 30.0
"""How long the git children of a killed owner are waited for."""
LOOK_AGAIN = 0.02


class HeldFile:
    """A lock file that this process holds."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._guard = threading.Lock()
        """Nobody copies a descriptor that is being closed: its number may be another file's at once."""

    def release(self) -> None:
        """Let it go; a second time changes nothing."""
        with self._guard:
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1
        _WORKED_UNDER.set(tuple(held for held in _WORKED_UNDER.get() if held is not self))

    def copied(self) -> int | None:
        """Another descriptor of the same lock; None once it is let go."""
        with self._guard:
            return os.dup(self.descriptor) if self.descriptor >= 0 else None


_WORKED_UNDER: ContextVar[tuple[HeldFile, ...]] = ContextVar("locks", default=())
"""The locks that the present task has taken, or the one that began it: tasks and threads have their starter's."""


@contextmanager
def lent() -> Iterator[Sequence[int]]:
    """What a git child that is started within keeps until its end: copies of the locks that its work is done under."""
    copies = [copy for held in _WORKED_UNDER.get() if (copy := held.copied()) is not None]
    try:
        yield copies
    finally:
        for copy in copies:
            os.close(copy)


class FileLocks:
    """Locks as files below one folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    async def acquire(self, run_id: str) -> Held | Holder:
        """The lock of a run, or who has it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(run_id)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        patience = self._clock.monotonic() + LAST_GIT_CALL
        try:
            while not _locked(descriptor):
                holder = _read(path)
                if (not _is_only_looked_at(descriptor) and _is_alive(holder)) or self._clock.monotonic() > patience:
                    os.close(descriptor)
                    return holder
                await asyncio.sleep(LOOK_AGAIN)  # only a dead owner's last git child holds it, or somebody just looks
            text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": _shown(self._clock.now())})
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text.encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        held = HeldFile(descriptor)
        _WORKED_UNDER.set((*_WORKED_UNDER.get(), held))
        return held

    def holder(self, run_id: str) -> Holder | None:
        """Who has a run's lock now; asking takes it for an instant where nobody does.

        A dead owner whose last git call still holds it has it no more: whoever takes it waits for that call.
        """
        path = self._path(run_id)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read(path)
            return found if _is_alive(found) else None
        finally:
            os.close(descriptor)
        return None

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.lock"


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_only_looked_at(descriptor: int) -> bool:
    """Whether those who keep us from the lock only ask who has it: an owner would not share it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _is_alive(holder: Holder) -> bool:
    """Whether the holder may be at work: one on another machine, or one that did not say who it is, counts as alive."""
    if holder.host != socket.gethostname() or holder.pid <= 0:
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _read(path: Path) -> Holder:
    try:
        found = json.loads(path.read_text("utf-8"))
        return Holder(pid=int(found["pid"]), host=str(found["host"]), since=str(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(pid=0, host="unknown", since="just now")
