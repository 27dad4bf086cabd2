"""Time, and the hook by which a test stops the world at an outward effect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

Effect = Callable[[str], None]
"""Called before and after every outward effect with its name, so that a test can kill the owner there."""


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Wall time, UTC and aware: for records, never for deadlines."""
        ...

    def monotonic(self) -> float:
        """Engine time in seconds: for deadlines."""
        ...
