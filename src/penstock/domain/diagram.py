"""docs/state_machine.md, printed from the tables: `python -m penstock.domain.diagram > docs/state_machine.md`.

Says nothing that the tables don't say, but for one sentence per move: what makes it happen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TypeVar

from penstock.domain.states import (
    ENDED,
    PIPELINE_TABLE,
    RUN_TABLE,
    TERMINAL_PIPELINE,
    TERMINAL_RUN,
    WORKSTREAM_TABLE,
    Move,
    PipelineMove,
    PipelineStatus,
    RunMove,
    RunState,
    WorkstreamState,
)

State = TypeVar("State", WorkstreamState, RunState, PipelineStatus)
AnyMove = TypeVar("AnyMove", Move, RunMove, PipelineMove)

WORKSTREAM_TRIGGERS: Mapping[Move, str] = MappingProxyType(
    {
        Move.DEPENDENCIES_MET: "everything in `depends_on` is done, and everything that it comes after has ended",
        Move.DEPENDENCY_FAILED: "something that it depends on, near or far, has failed",
        Move.STARTED: "its gate is open, nothing that it conflicts with is in flight, and there is room",
        Move.SKIPPED: "it was found to be done already",
        Move.EDITED: "the agent ended, and its change is within scope",
        Move.CHECKED: "the static checks passed, or only repeat what the base does, or there are none",
        Move.CHECK_RED: "a check failed, and the breaker leaves another try",
        Move.ACCEPTED: "the acceptance commands passed; after a review: it was approved",
        Move.REVIEW_ASKED: "the acceptance commands passed, and a person is to look at it",
        Move.REVISION_ASKED: "the reviewer rejected it, not finally",
        Move.MERGE_REFUSED: "merging conflicts, or the merged tree fails a check",
        Move.MERGED: "the branch moved to a tree with a verdict that names it",
        Move.NOTHING_TO_MERGE: "there is nothing to integrate: no change was needed",
        Move.GAVE_UP: "breaker tripped, out of scope, finally rejected, or lost too often",
        Move.RESET: "a person resets it: its attempts start at 1 again",
        Move.ABANDONED: "the run was cancelled or abandoned, or its merge was taken back",
    }
)

RUN_TRIGGERS: Mapping[RunMove, str] = MappingProxyType(
    {
        RunMove.STARTED: "an owner knows the base and begins",
        RunMove.PAUSED: "a person pauses it, or the machine does not let it work",
        RunMove.RESUMED: "a person resumes it",
        RunMove.REOPENED: "a failed workstream was reset",
        RunMove.ALL_DONE: "every workstream is done",
        RunMove.SOME_DONE: "nothing can go on; some workstreams are done, not all",
        RunMove.NONE_DONE: "nothing can go on, and no workstream is done",
        RunMove.ABANDONED: "a person cancels or abandons it, and its steps have stopped",
    }
)

PIPELINE_TRIGGERS: Mapping[PipelineMove, str] = MappingProxyType(
    {
        PipelineMove.APPROVAL_ASKED: "its phase is asked for, and a person must approve it first",
        PipelineMove.APPROVED: "a person approves its phase",
        PipelineMove.PASSED: "its phase was performed: it goes on to the next",
        PipelineMove.RETURNED: "what its run made did not pass: it goes back, a bounded number of times",
        PipelineMove.REPLANNED: "its run did not complete, and there is another plan",
        PipelineMove.FINISHED: "its last phase was performed",
        PipelineMove.GAVE_UP: "sent back too often, its run failed with no plan left, or a person rejected it",
    }
)

_HEAD = """\
# States and moves

Printed from the tables in `src/penstock/domain/states.py`: change those, then run

    python -m penstock.domain.diagram > docs/state_machine.md

A pair of states that no table holds is an illegal move: it raises `IllegalMove`, changes nothing, and is recorded as
the event `illegal_transition`. To stay in a state is always allowed.
"""


_TAIL = """\
In which phase an active pipeline is, and what follows it, is data: the phase configurations. As they are shipped:
`pm_phase` → `arch_phase` → `ba_phase` → `dev_phase` → `qa_phase` → `commit_phase`, and from `qa_phase` back to
`dev_phase`. Its `state` is the name of its phase, then `complete` or `failed`.
"""


def document() -> str:
    """The whole page."""
    workstreams = _section("Workstreams", WorkstreamState, WORKSTREAM_TABLE, WORKSTREAM_TRIGGERS, ENDED)
    runs = _section("Runs", RunState, RUN_TABLE, RUN_TRIGGERS, TERMINAL_RUN)
    pipelines = _section("Pipelines", PipelineStatus, PIPELINE_TABLE, PIPELINE_TRIGGERS, TERMINAL_PIPELINE)
    return "\n".join((_HEAD, *workstreams, *runs, *pipelines, _TAIL))


def _section(
    title: str,
    states: type[State],
    table: Mapping[tuple[State, AnyMove], State],
    triggers: Mapping[AnyMove, str],
    ends: frozenset[State],
) -> Iterator[str]:
    yield f"## {title}\n"
    yield from _listed(states, table, ends)
    yield "\n```mermaid\nstateDiagram-v2"
    yield from _drawn(states, table, ends)
    yield "```\n"
    yield "| from | to | move | trigger |\n|---|---|---|---|"
    for (source, move), target in sorted(table.items(), key=lambda row: _places(states, triggers, row[0])):
        yield f"| `{source.value}` | `{target.value}` | {move.value} | {triggers[move]} |"
    yield ""


def _listed(states: type[State], table: Mapping[tuple[State, AnyMove], State], ends: frozenset[State]) -> Iterator[str]:
    for state in states:
        targets = [
            target for target in states if target in {to for (source, _), to in table.items() if source is state}
        ]
        onward = ", ".join(f"`{target.value}`" for target in targets) or "nothing"
        yield f"* `{state.value}`{' (an end)' if state in ends else ''} leads to {onward}."


def _drawn(states: type[State], table: Mapping[tuple[State, AnyMove], State], ends: frozenset[State]) -> Iterator[str]:
    yield f"    [*] --> {next(iter(states)).value}"
    order = list(states)
    arrows: dict[tuple[State, State], list[str]] = {}
    for (source, move), target in table.items():
        arrows.setdefault((source, target), []).append(move.value)
    for source, target in sorted(arrows, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))):
        yield f"    {source.value} --> {target.value}: {' / '.join(arrows[source, target])}"
    for state in order:
        if state in ends:
            yield f"    {state.value} --> [*]"


def _places(states: type[State], triggers: Mapping[AnyMove, str], key: tuple[State, AnyMove]) -> tuple[int, int]:
    return list(states).index(key[0]), list(triggers).index(key[1])


if __name__ == "__main__":
    sys.stdout.write(document())
