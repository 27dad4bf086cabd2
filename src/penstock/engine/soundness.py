"""What a stored run needs of the project's own repository before anyone works on it. Looks, and mends nothing."""

from __future__ import annotations

from penstock.domain.errors import WorldError
from penstock.domain.run import Run
from penstock.domain.states import IN_FLIGHT
from penstock.upkeep import Commits, Mending


class RunIsUnsound(WorldError):
    """What a run rests on is not there."""

    retryable = False


def needed(run: Run) -> dict[str, str]:
    """The commits without which a run can't go on, each with what it is."""
    found = {run.base: "the commit that the run began from"}
    if run.head:
        found.setdefault(run.head, "the last merge")
    for workstream, row in zip(run.plan.order, run.rows, strict=True):
        if row.state in IN_FLIGHT:
            candidate = row.candidate.commit if row.candidate is not None else ""
            parts = ((candidate, "the candidate"), (row.start, "the start"), (row.base, "the base"))
            for commit, words in parts:
                if commit:
                    found.setdefault(commit, f"{words} of {workstream.id}")
    return {commit: words for commit, words in found.items() if commit}


async def refuse_unsound(run: Run, mending: Mending, commits: Commits) -> None:
    """Raise RunIsUnsound where a run that has begun could not go on, before anything is started."""
    hint = (
        f"take a run up where it was begun; if that was here, `penstock recover-run {run.id}` mends what can be mended "
        "and names what is lost"
    )
    if not mending.has_repository():
        raise RunIsUnsound(f"run {run.id} can't go on: Penstock's own repository of the project is gone", hint=hint)
    wanted = needed(run)
    there = await commits.trees(wanted)
    missing = [f"{words} ({commit[:12]})" for commit, words in wanted.items() if commit not in there]
    if missing:
        named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise RunIsUnsound(f"run {run.id} can't go on: not in Penstock's own repository any more: {named}", hint=hint)
