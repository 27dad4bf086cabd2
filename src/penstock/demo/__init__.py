"""`penstock demo`: takes a sample project to merged, tested code, from an epic in words or from a plan of workstreams,
and checks what became of it. All of it lies in one folder, its state too: the user's own state is never touched.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.demo import epic, report
from penstock.demo.console import Console, Watching
from penstock.demo.epic import EpicOutcome
from penstock.demo.observing import Found, observe
from penstock.demo.outcome import Outcome, differences
from penstock.demo.reviewing import Reviewer
from penstock.demo.sample import Sample, bundle_files, make_sample, without_reviews
from penstock.demo.standing import standing

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock

__all__ = ["Console", "Demonstrated", "Watching", "run_demo", "run_epic_demo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstrated:
    """Where the demo took place, what became of it, and what of that was not meant."""

    folder: Path
    outcome: Outcome | EpicOutcome
    wrong: tuple[str, ...]


def run_epic_demo(folder: Path | None, *, keep: bool, is_live: bool, console: Console) -> Demonstrated:
    """Take an epic in words to its end in a new folder; nothing is wrong exactly when what was meant to happen did."""
    sample = make_sample(folder, os.environ, without_reviews(), models=_models(os.environ, is_live=is_live))
    for line in epic.beginning(sample, is_live=is_live):
        console.line(line)
    seen = asyncio.run(_epic(sample, console, is_new=folder is None))
    if not keep:
        shutil.rmtree(sample.clone, ignore_errors=True)
    for line in epic.ending(sample, seen):
        console.line(line)
    return _judged(sample, seen.outcome, epic.differences(seen.outcome, is_live=is_live), console)


def run_demo(folder: Path | None, *, keep: bool, console: Console) -> Demonstrated:
    """Run the plan of workstreams in a new folder; nothing is wrong exactly when what was meant to happen happened.

    The folder stays in any case; with `keep` the clone in which the branch was tested stays in it too.
    """
    sample = make_sample(folder, os.environ, bundle_files())
    for line in report.beginning(sample):
        console.line(line)
    found = asyncio.run(_workstreams(sample, console))
    if not keep:
        shutil.rmtree(sample.clone, ignore_errors=True)
    for line in report.ending(sample, found):
        console.line(line)
    return _judged(sample, found.outcome, differences(found.outcome), console)


def _judged(sample: Sample, outcome: Outcome | EpicOutcome, wrong: list[str], console: Console) -> Demonstrated:
    console.line()
    for line in wrong:
        console.line(f"not as it was meant to be: {line}", "bad")
    if not wrong:
        console.line("All of this is as it was meant to be.", "good")
    return Demonstrated(folder=sample.folder, outcome=outcome, wrong=tuple(wrong))


def _models(environ: Mapping[str, str], *, is_live: bool) -> Mapping[str, str]:
    """What answers: recordings, or whatever the user has configured, with the user's keys."""
    if not is_live:
        return {"PENSTOCK_UPSTREAM": "replay"}
    from penstock.domain.redaction import is_secret_name  # noqa: PLC0415 - only needed live

    own = {name: value for name, value in environ.items() if name.startswith("PENSTOCK_") or is_secret_name(name)}
    own |= {"XDG_CONFIG_HOME": environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")}
    return {name: value for name, value in own.items() if name != "PENSTOCK_HOME"}


def _built(sample: Sample) -> Penstock:
    from penstock.bootstrap import build  # noqa: PLC0415 - slow to import, and nothing before needs it

    return build(folder=sample.project, environ=sample.environ)


async def _epic(sample: Sample, console: Console, *, is_new: bool) -> epic.Seen:
    from penstock.epics.asked import NoUpstream  # noqa: PLC0415 - slow to import, and nothing before needs it

    before, penstock = standing(sample), _built(sample)
    try:
        return await epic.observe(sample, penstock, await epic.work(sample, penstock, console), before)
    except NoUpstream:
        if not penstock.parts.views.usage(limit=1):  # no model was asked, so there is nothing to look at
            sample.discard(is_new=is_new)
        raise
    finally:
        await penstock.close()


async def _workstreams(sample: Sample, console: Console) -> Found:
    from penstock.submission import Submission  # noqa: PLC0415 - slow to import, and nothing before needs it

    before, penstock = standing(sample), _built(sample)
    try:
        penstock.projects.trust_here(penstock.projects.current())
        submitted = await penstock.service.submit(Submission())
        with console.progress() as progress:
            reviewer = Reviewer(progress.watch)
            await penstock.service.work(submitted.run_id, watch=reviewer.watch, control=reviewer.attach)
        return await asyncio.to_thread(observe, sample, penstock.parts.views, submitted.run_id, before)
    finally:
        await penstock.close()
