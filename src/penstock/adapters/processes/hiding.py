"""Hides from other processes what this one holds: its memory, and the keys that it was started with.

Linux keeps the variables that a process was started with where its `environ` file shows them, however often the process
changes its own. They are overwritten there; and a process that is not dumpable lets no other of the same user look.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Collection
from pathlib import Path

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_ENV_START = 50
"""Which field of `/proc/self/stat` says where the initial variables begin; the next one says where they end."""
_FIRST_AFTER_NAME = 3


def hide(names: Collection[str]) -> bool:
    """Overwrite the values of these variables in the initial environment and let nobody look at this process.

    `os.environ` keeps what it holds: its texts are Python's own. False where not all of it was possible; on systems
    other than Linux nothing is changed. To be called early, before another thread may set variables.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        are_overwritten = _overwrite({os.fsencode(name) for name in names})
    except (OSError, ValueError, IndexError):
        are_overwritten = False
    return bool(_system().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) and are_overwritten


def is_dumpable() -> bool:
    """Whether another process of the same user may look at this one."""
    return not sys.platform.startswith("linux") or bool(_system().prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0))


def _system() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _overwrite(names: Collection[bytes]) -> bool:
    start, end = _initial_variables()
    if not 0 < start < end:
        return False
    place = start
    for entry in ctypes.string_at(start, end - start).split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name in names:
            ctypes.memset(place + len(name) + 1, ord("x"), len(value))
        place += len(entry) + 1
    return True


def _initial_variables() -> tuple[int, int]:
    # the name in brackets may hold anything, so what follows its last bracket is counted
    words = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    at = _ENV_START - _FIRST_AFTER_NAME
    return int(words[at]), int(words[at + 1])
