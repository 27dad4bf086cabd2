"""Where the demo speaks, as it wants it: the command line hands one over. It holds no words of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from penstock.domain.decision import Note
    from penstock.domain.run import Run


class Watching(Protocol):
    """What shows a run as it comes on."""

    def watch(self, run: Run, notes: Sequence[Note]) -> None:
        """Take the run as it is now, and what was noted."""
        ...


class Console(Protocol):
    """Where the demo speaks."""

    def line(self, text: str = "", tone: str = "") -> None:
        """Print a line."""
        ...

    def progress(self) -> AbstractContextManager[Watching]:
        """Show a run for as long as it is worked on."""
        ...
