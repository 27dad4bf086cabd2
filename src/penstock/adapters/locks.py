"""One owner per run on one machine: `flock` on a file in the state folder.

The kernel frees it when the owner and its git children have ended: those inherit the descriptor on purpose, so that a
killed owner's last git call is over before anyone takes the run; agents never get it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from datetime import datetime
from pathlib import Path

from penstock.ports import Clock, Held, Holder

LAST_GIT_CALL = 30.0
"""How long the git children of a killed owner are waited for."""
LOOK_AGAIN = 0.02


class HeldFile:
    """A lock file that this process holds."""

    def __init__(self, path: Path, descriptor: int, locks: FileLocks) -> None:
        self._path = path
        self._locks = locks
        self.descriptor = descriptor

    def release(self) -> None:
        """Let it go; a second time changes nothing."""
        if self.descriptor >= 0:
            self._locks.forget(self)
            os.close(self.descriptor)
            self.descriptor = -1


class FileLocks:
    """Locks as files below one folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._held: list[HeldFile] = []

    def descriptors(self) -> tuple[int, ...]:
        """What git children inherit, so that a run is free only when they have ended too."""
        return tuple(held.descriptor for held in self._held)

    def forget(self, held: HeldFile) -> None:
        """Called by a lock that is let go."""
        self._held.remove(held)

    def acquire(self, run_id: str) -> Held | Holder:
        """The lock of a run, or who has it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(run_id)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        patience = self._clock.monotonic() + LAST_GIT_CALL
        while not _locked(descriptor):
            holder = _read(path)
            if (not _is_only_looked_at(descriptor) and _is_alive(holder)) or self._clock.monotonic() > patience:
                os.close(descriptor)
                return holder
            time.sleep(LOOK_AGAIN)  # its owner is dead and only a last git child holds it, or somebody just looks
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": _shown(self._clock.now())})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
        held = HeldFile(path, descriptor, self)
        self._held.append(held)
        return held

    def holder(self, run_id: str) -> Holder | None:
        """Who has a run's lock now; asking takes it for an instant where nobody does."""
        path = self._path(run_id)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(path)
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
