"""What is going on in a pipeline and in its runs, line by line, while somebody waits for it."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.reports import listing
from penstock.reports import pipelines as report
from penstock.reports.notes import line

if TYPE_CHECKING:
    from penstock.cli.terminal import Terminal
    from penstock.domain.pipelines import PipelineNote
    from penstock.ports import Views

LOOK_EVERY = 0.25
AT_ONCE = 500

Answer = TypeVar("Answer")


class Watching:
    """Prints what a pipeline is told, and the events of the run that it has begun."""

    def __init__(self, views: "Views", terminal: "Terminal") -> None:
        self._views = views
        self._terminal = terminal
        self._run = ""
        self._after = 0

    async def through(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Look again and again until the work has ended."""
        performing = asyncio.ensure_future(work)
        try:
            while not performing.done():
                await asyncio.wait({performing}, timeout=LOOK_EVERY)
                self._look()
        finally:
            performing.cancel()
        return performing.result()

    def hear(self, note: "PipelineNote") -> None:
        """Print one note."""
        if note.type == "run_started":
            self._run, self._after = str(note.payload.get("run_id")), 0
        words = report.spoken(note.type, note.payload)
        if words is not None:
            self._terminal.line(line(f"{datetime.now(UTC).astimezone():%H:%M:%S}", "", words), words.tone)

    def _look(self) -> None:
        if not self._run:
            return
        events = self._views.events(self._run, after=self._after, limit=AT_ONCE)
        for event in events:
            self._after = event["id"]
            shown = listing.event_line(event)
            if shown is not None:
                self._terminal.line(*shown)
