"""The person of the demo: looks when nothing else is left to do, and then approves all that waits, at one stroke.

So the first is merged alone, and what waits meanwhile is verified together: on a slow machine as on a fast one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from penstock.domain.events import Approved, Event
from penstock.domain.states import IN_FLIGHT, WorkstreamState

if TYPE_CHECKING:
    from penstock.domain.decision import Note
    from penstock.domain.run import Run

NAME = "the demo"


class Desk(Protocol):
    """Where a person's decisions are put."""

    def feed(self, event: Event) -> None:
        """Put one before the run."""
        ...


class Reviewer:
    """Approves what the demo's agents made."""

    def __init__(self, show: Callable[[Run, Sequence[Note]], None]) -> None:
        self._show = show
        self._desk: Desk | None = None

    def attach(self, desk: Desk) -> None:
        """From now on decisions go there."""
        self._desk = desk

    def watch(self, run: Run, notes: Sequence[Note]) -> None:
        """Show what happened; once all that is under way waits for a person, decide."""
        self._show(run, notes)
        waiting = run.in_state(WorkstreamState.REVIEWING)
        if self._desk is None or any(run.in_state(state) - waiting for state in IN_FLIGHT):
            return
        for rank in waiting:
            self._desk.feed(Approved(workstream=run.plan.order[rank].id, by=NAME))
