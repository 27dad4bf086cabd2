"""What the scope says of a capture or a merge: the domain's rules over facts that git tells."""

from __future__ import annotations

import asyncio
from pathlib import Path

from penstock.domain import scope
from penstock.domain.changes import Candidate, Change, Violation
from penstock.domain.plan import Scope, Workstream
from penstock.domain.run import AttemptId
from penstock.engine.context import Context
from penstock.engine.redacting import Redact
from penstock.ports import Capture

PROTECTED = scope.ProtectedPaths()
MOST_TOLD = 200
"""As many ways out of a scope are stored of one attempt: an agent can make a million files. The patch has them all."""


async def violations(context: Context, workstream: Workstream, base: str, capture: Capture) -> tuple[Violation, ...]:
    """Everything by which an attempt left its scope: tampering, changed files, protected litter."""
    changed = await of_changes(context, workstream.scope, base, capture.changes)
    return (*capture.tampering, *changed, *scope.judge_litter(capture.litter, workstream.scope, PROTECTED))


def told(found: tuple[Violation, ...]) -> tuple[Violation, ...]:
    """So many of these as are stored, and how many more there are."""
    more = len(found) - MOST_TOLD
    if more <= 0:
        return found
    return (*found[:MOST_TOLD], Violation(path="[...]", rule=f"{more} more ways out of the scope are left out here"))


async def of_changes(context: Context, own: Scope, base: str, changes: tuple[Change, ...]) -> tuple[Violation, ...]:
    """What of these changes is not within a scope."""
    base_paths = await context.history.paths(base) if any(change.is_created for change in changes) else frozenset()
    return scope.judge(changes, own, base_paths, PROTECTED)


async def keep(context: Context, workstream: str, attempt: AttemptId, base: str, capture: Capture) -> str:
    """Write what was refused as a patch into the attempt's folder; where it is."""
    patch = (await context.folder(workstream, attempt.key)) / "out_of_scope.patch"
    await context.history.patch(capture, base, patch)
    await asyncio.to_thread(_redact_file, patch, context.redact)
    return str(patch)


async def keep_merge(context: Context, workstream: str, attempt: AttemptId, head: str, merged: Candidate) -> str:
    """The same for a merged tree that was refused: what it would have changed of the branch."""
    return await keep(context, workstream, attempt, head, Capture(candidate=merged, ref="", changes=()))


def _redact_file(path: Path, redact: Redact) -> None:
    if path.is_file():  # nothing is written where the project is only in memory
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if (clean := redact(text)) != text:
            path.write_bytes(clean.encode("utf-8", "surrogateescape"))


async def missing(context: Context, workstream: Workstream, commit: str) -> tuple[str, ...]:
    """The files that a workstream declares by name and a commit does not have."""
    named = [scope.normalise(pattern) for pattern in workstream.scope.patterns if scope.is_literal(pattern)]
    paths = await context.history.paths(commit) if named else frozenset()
    return tuple(path for path in named if path not in paths and not any(one.startswith(f"{path}/") for one in paths))
