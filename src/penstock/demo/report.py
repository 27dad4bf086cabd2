"""What the demo says: at its beginning, and of what became of it. Text only."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from penstock.demo.observing import Found, own_repository
from penstock.demo.plan import PIECES
from penstock.demo.sample import MAIN, Sample

LAST_LINES = 6


def beginning(sample: Sample) -> list[str]:
    """What is about to happen, and what of it is not real."""
    return [
        f"Penstock demo in {sample.folder}",
        "",
        f"A small Python project, {len(PIECES)} workstreams, several at once. The agents are scripted: they play edits",
        "that were written down beforehand, and no model is called; the demo also plays the person who approves.",
        "All else is real: git, worktrees, checks, merges, and the state.",
        "",
        *(f"  {piece.id:<12} {piece.title}{_waits(piece.depends_on)}" for piece in PIECES),
        "",
    ]


def _waits(names: tuple[str, ...]) -> str:
    return f" (after {', '.join(names)})" if names else ""


def ending(sample: Sample, found: Found) -> list[str]:
    """What became of it, and where to look further."""
    return [line for part in (_states, _fixes, _refusals, _branch, _look) for line in ("", *part(sample, found))]


def _states(_: Sample, found: Found) -> Iterator[str]:
    run = found.run
    yield f"What became of the run {run['run_id']}: {run['status']}"
    for one in run["workstreams"]:
        yield f"  {one['ws_id']:<12} {found.outcome.endings[one['ws_id']]}"


def _fixes(_: Sample, found: Found) -> Iterator[str]:
    yield "What a check found and an agent mended"
    for name, message in found.mended:
        yield f"  {name}, first try:"
        yield from (f"    {line}" for line in _last_lines(message))
    if not found.mended:
        yield "  nothing"


def _last_lines(message: str) -> list[str]:
    lines = [line for line in message.splitlines() if line.strip(" -=")]
    telling = [line for line in lines if "Error" in line or line.startswith(("FAIL", "ERROR"))]
    return (telling or lines)[-LAST_LINES:]


def _refusals(sample: Sample, found: Found) -> Iterator[str]:
    yield "What was refused"
    for name, path, rule in found.refusals:
        yield f"  {name} touched {path}: {rule}"
    if found.patch is not None:
        yield f"  kept as a patch     {found.patch}"
    if found.snapshot:
        yield f"  kept as a snapshot  {found.snapshot} in {own_repository(sample, found.run)}"


def _branch(_: Sample, found: Found) -> Iterator[str]:
    yield f"What was merged: the branch {found.run['branch']} of the sample repository"
    yield from (f"  {line}".rstrip() for line in found.graph.splitlines())
    for batch in found.outcome.together:
        yield f"  verified together, by one verdict for the tree of all: {', '.join(batch)}"
    yield f"  its tests, run in a clean clone: {found.tests}"
    yield f"  {MAIN} is {'as it was' if found.outcome.main_is_unchanged else 'NOT as it was'}"


def _look(sample: Sample, found: Found) -> Iterator[str]:
    branch, run_id = found.run["branch"], found.run["run_id"]
    git = f"git -C {shlex.quote(str(sample.project))}"
    yield "Look further"
    yield f"  {git} log --graph --stat {MAIN}..{branch}"
    yield f"  {git} diff {MAIN}...{branch}"
    if found.patch is not None:
        yield f"  cat {shlex.quote(str(found.patch))}"
    yield f"  {sample.penstock} show-run {run_id}"
    yield f"  {sample.penstock} show-events --run {run_id}"
    yield f"Remove it all with: rm -r {shlex.quote(str(sample.folder))}"
