"""What was meant to become of the demo and what did, in the same fields, so that nothing is taken for granted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from penstock.demo.plan import GAUGE, MERGED, PIECES, REFUSED_PATH, ROUNDING, TOGETHER

View = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The facts that decide whether the demo succeeded. Each is looked at, none is concluded from another."""

    run: str
    endings: Mapping[str, str]
    """Each workstream's state, with its outcome or its reason."""
    fix_rounds: tuple[str, ...]
    """The workstreams that were sent to a fix, once for each time."""
    violations: tuple[tuple[str, str], ...]
    """Who left its scope, and with which path."""
    merges: tuple[str, ...]
    """The workstreams that a merge with two parents on the branch names."""
    parallel: bool
    """Agents of several workstreams worked at the same time, from the same commit, and yet all are in the branch."""
    together: tuple[tuple[str, ...], ...]
    """The batches of several workstreams that one verdict is for."""
    pushed: bool
    """The branch in the sample repository is at the commit that the run ended with."""
    refused_is_kept: bool
    """The refused change is a patch file, and a snapshot in Penstock's own repository."""
    tests_pass: bool
    """The tests of the branch pass in a clean clone."""
    files_are_right: bool
    """The branch has the files of what was merged and nothing of what was refused or blocked."""
    main_is_unchanged: bool
    """The sample's own branch, its HEAD and its files are as they were."""


MEANT = Outcome(
    run="partial",
    endings={piece.id: piece.ending for piece in PIECES},
    fix_rounds=(GAUGE.id,),
    violations=((ROUNDING.id, REFUSED_PATH),),
    merges=tuple(sorted(piece.id for piece in MERGED)),
    parallel=True,
    together=(tuple(piece.id for piece in TOGETHER),),
    pushed=True,
    refused_is_kept=True,
    tests_pass=True,
    files_are_right=True,
    main_is_unchanged=True,
)


def differences(found: Outcome, meant: Outcome = MEANT) -> list[str]:
    """Each field that is not as it was meant to be, in words."""
    pairs = [
        (field.name.replace("_", " "), getattr(meant, field.name), getattr(found, field.name))
        for field in fields(found)
    ]
    return [f"{name}: meant was {wanted}, found was {there}" for name, wanted, there in pairs if wanted != there]


def ending(workstream: View) -> str:
    """A workstream's state with what says more about it."""
    more = workstream["outcome"] or workstream["reason"]
    return f"{workstream['status']} ({more})" if more else str(workstream["status"])


def together(events: Sequence[View]) -> tuple[tuple[str, ...], ...]:
    """The members of each verdict that is for several."""
    told = [event["payload"] for event in events if event["event_type"] == "verdict_given"]
    batches = [tuple(payload["verdict"]["members"]) for payload in told]
    return tuple(batch for batch in batches if len(batch) > 1)


def fix_rounds(events: Sequence[View]) -> tuple[str, ...]:
    """The workstreams of the fix rounds, in order."""
    return tuple(event["ws_id"] for event in events if event["event_type"] == "fix_attempt")


def violations(events: Sequence[View]) -> Iterator[tuple[str, str, str]]:
    """Who left its scope: workstream, path and rule."""
    for event in events:
        if event["event_type"] == "scope_violation":
            for one in event["payload"]["violations"]:
                yield event["ws_id"], one["path"], one["rule"]
