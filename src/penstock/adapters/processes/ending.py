"""How a process can end, in words that the keeper (a bare interpreter) and its owner share."""

from __future__ import annotations

from enum import StrEnum


class Ending(StrEnum):
    """Why there is no process any more; the first cause wins."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    LOST = "lost"  # the owner or the keeper was gone before the end: what it would have been is unknown
    NOT_FOUND = "not_found"
    NOT_STARTED = "not_started"
