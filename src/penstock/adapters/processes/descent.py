"""What the system tells a process about its descendants, and hands down to them. The one place where systems differ.

Without a subreaper (not Linux) orphans go to init: only the main process's group can be killed then.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PR_SET_CHILD_SUBREAPER = 36
_JOIN_SESSION_KEYRING = 1
_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
"""The number of that call, which the C library has no name for."""
RINGS = 4096


def adopt_orphans() -> bool:
    """From now on descendants whose parent dies become our children; False where the system has no such thing."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(_system().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def leave_keyring() -> bool:
    """From now on we and those whom we start have none of the keys that the kernel keeps for the user's session; False
    where that can't be done.
    """
    number = _KEYCTL.get(os.uname().machine) if sys.platform.startswith("linux") else None
    return number is not None and _system().syscall(number, _JOIN_SESSION_KEYRING, None) > 0


@cache
def _system() -> ctypes.CDLL:
    """The C library; the zygote has it already when a keeper, forked from it, asks."""
    return ctypes.CDLL(None, use_errno=True)


def children() -> list[int]:
    """Our children, adopted ones included. May miss some while they fork and end: only ECHILD is a proof."""
    pid = os.getpid()
    try:
        listed = _text(f"/proc/{pid}/task/{pid}/children")
    except OSError:
        listed = b""
    return [int(word) for word in listed.split()] or [child for child, parent, _ in families() if parent == pid]


def families() -> Iterator[tuple[int, int, int]]:
    """Every process of the system by its own number, its parent's and its group's."""
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in brackets may hold anything, so what follows its last bracket is counted.
            words = _text(f"/proc/{name}/stat").rpartition(b")")[2].split()
            yield int(name), int(words[1]), int(words[2])


def _text(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a keeper does without pathlib
        return file.read()


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
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """What to poll."""
        return self._reader

    def clear(self) -> None:
        """Forget the rings so far."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self._reader, RINGS)) == RINGS:
                pass

    def close(self) -> None:
        """Hang the bell off (after a fork: the other process rings its own)."""
        signal.set_wakeup_fd(-1)
        os.close(self._reader)
        os.close(self._writer)
