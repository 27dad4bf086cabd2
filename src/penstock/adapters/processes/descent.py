"""What the system tells a process about its descendants. The one place where systems differ.

Without a subreaper (not Linux) orphans go to init: only the main process's group can be killed then.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
from functools import cache
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> bool:
    """From now on descendants whose parent dies become our children; False where the system has no such thing."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(_system().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


@cache
def _system() -> ctypes.CDLL:
    """The C library; the zygote has it already when a keeper, forked from it, asks."""
    return ctypes.CDLL(None, use_errno=True)


def children() -> list[int]:
    """Our children, adopted ones included. May miss some while they fork and end: only ECHILD is a proof."""
    pid = os.getpid()
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_bytes()
    except OSError:
        listed = b""
    return [int(word) for word in listed.split()] or _children_by_walk(pid)


def _children_by_walk(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in brackets may hold anything, so what follows its last bracket is counted.
            if int(entry.read_bytes().rpartition(b")")[2].split()[1]) == parent:
                found.append(int(entry.parent.name))
    return found


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal one process, which may be gone or not ours to signal."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group_signal(group: int, number: signal.Signals) -> None:
    """Signal a process group, which may be gone or not ours to signal."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class ChildBell:
    """Becomes readable when a child has ended, so that a poll needs no deadline for it."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def fileno(self) -> int:
        """What to poll."""
        return self._reader.fileno()

    def clear(self) -> None:
        """Forget the rings so far."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        """Hang the bell off (after a fork: the other process rings its own)."""
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()
