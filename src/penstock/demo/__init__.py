"""`penstock demo`: takes a sample project to merged, tested code with scripted agents, and checks what became of it.

All of it lies in one folder, its state too: the user's own state and configuration are neither read nor written.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from penstock.demo import report
from penstock.demo.observing import Found, observe, standing
from penstock.demo.outcome import Outcome, differences
from penstock.demo.reviewing import Reviewer
from penstock.demo.sample import Sample, make_sample

if TYPE_CHECKING:
    from penstock.domain.decision import Note
    from penstock.domain.run import Run

__all__ = ["Console", "Demonstrated", "Watching", "run_demo"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstrated:
    """Where the demo took place, what became of it, and what of that was not meant."""

    folder: Path
    outcome: Outcome
    wrong: tuple[str, ...]


def run_demo(folder: Path | None, *, keep: bool, console: Console) -> Demonstrated:
    """Run the demo in a new folder; nothing is wrong exactly when what was meant to happen happened.

    The folder stays in any case; with `keep` the clone in which the branch was tested stays in it too.
    """
    sample = make_sample(folder, os.environ)
    for line in report.beginning(sample):
        console.line(line)
    found = asyncio.run(_worked(sample, console))
    if not keep:
        shutil.rmtree(sample.clone, ignore_errors=True)
    for line in report.ending(sample, found):
        console.line(line)
    console.line()
    wrong = differences(found.outcome)
    for line in wrong:
        console.line(f"not as it was meant to be: {line}", "bad")
    if not wrong:
        console.line("All of this is as it was meant to be.", "good")
    return Demonstrated(folder=sample.folder, outcome=found.outcome, wrong=tuple(wrong))


async def _worked(sample: Sample, console: Console) -> Found:
    from penstock.bootstrap import build  # noqa: PLC0415 - slow to import, and nothing before needs it
    from penstock.submission import Submission  # noqa: PLC0415 - as above

    before = standing(sample)
    penstock = build(folder=sample.project, environ=sample.environ)
    try:
        penstock.projects.trust_here(penstock.projects.current())
        submitted = await penstock.service.submit(Submission())
        with console.progress() as progress:
            reviewer = Reviewer(progress.watch)
            await penstock.service.work(submitted.run_id, watch=reviewer.watch, control=reviewer.attach)
        return await asyncio.to_thread(observe, sample, penstock.parts.views, submitted.run_id, before)
    finally:
        await penstock.close()
