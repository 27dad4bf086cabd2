"""A run while one event is being stepped: the only mutable thing in the domain, gone when that call of `step` ends.

It keeps the derived sets true with every row that it changes, and collects what the decision will say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from penstock.domain.bisection import WIDEST
from penstock.domain.commands import Command
from penstock.domain.copies import changed
from penstock.domain.decision import Decision, Note, Record
from penstock.domain.ranks import RankSet
from penstock.domain.refusals import EventRefused
from penstock.domain.run import STATE_ORDER, Progress, Run, first_open_gate
from penstock.domain.states import (
    ACTIVE,
    ENDED,
    IN_FLIGHT,
    TERMINAL_RUN,
    Move,
    RunMove,
    RunState,
    WorkstreamState,
    moved,
    run_moved,
)

MOST_WAITING = 2 * WIDEST
"""With more candidates than this waiting to be merged nothing new begins: they would only grow old."""

WORKING = ACTIVE - {WorkstreamState.INTEGRATING}
"""A workstream in one of these has a step of its own running, or about to run."""

_WORKING_PLACES = tuple(STATE_ORDER[state] for state in WORKING)
_WAITING_PLACE = STATE_ORDER[WorkstreamState.INTEGRATING]

_AS_IN_RUN = object()
"""Stands for a field of the run that nobody has changed."""


class Draft:
    """A run, the changes made to it so far, and what shall be done and noted."""

    def __init__(self, run: Run, now: datetime) -> None:
        self.run = run
        self.now = now
        self.plan = run.plan
        self.policy = run.policy
        self._members = list(run.members)
        self._rows: dict[int, Progress] = {}
        """Those that were looked at, as they are now."""
        self._changed: dict[int, None] = {}
        self._waiting: dict[int, int] = {}
        self._fields: dict[str, Any] = {}
        self.held = run.held
        self.queue = run.queue
        self.commands: list[Command] = []
        self.notes: list[Note] = []
        self.records: list[Record] = []
        self.is_working = self._works()
        """Whether new steps may begin: asked again and again, so kept."""

    # rows

    def __getitem__(self, rank: int) -> Progress:
        found = self._rows.get(rank)
        if found is None:
            found = self._rows[rank] = self.run.rows[rank]
        return found

    def put(self, rank: int, **changes: Any) -> None:
        """Change a row in anything but its state."""
        self._write(rank, changed(self[rank], changes))

    def _write(self, rank: int, row: Progress) -> None:
        self._rows[rank] = row
        self._changed[rank] = None

    def move(self, rank: int, move: Move, **changes: Any) -> None:
        """Move a workstream by its table, and change its row."""
        before = self[rank]
        state = moved(before.state, move)
        changes["state"] = state
        self._write(rank, changed(before, changes))
        old, new = STATE_ORDER[before.state], STATE_ORDER[state]
        self._members[old] = self._members[old].without_rank(rank)
        self._members[new] = self._members[new].with_rank(rank)
        if state not in IN_FLIGHT:
            self.let_go(rank)
        payload = _said_of(before.state, state, move)
        self.notes.append(Note(type="workstream_status_changed", workstream=self.id_of(rank), payload=payload))

    def hold(self, rank: int) -> None:
        """Say that an active workstream has nothing running."""
        self.put(rank, held=True, delay="")
        self.held = self.held.with_rank(rank)

    def let_go(self, rank: int) -> None:
        """Say that it is held no more."""
        if rank in self.held:
            self.put(rank, held=False)
            self.held = self.held.without_rank(rank)

    # sets

    def in_state(self, *states: WorkstreamState) -> RankSet:
        """The ranks that are in one of these states."""
        bits = 0
        for state in states:
            bits |= self._members[STATE_ORDER[state]].bits
        return RankSet(bits)

    @property
    def occupied(self) -> int:
        """How many count against how many may run at once. Waiting to be merged holds nobody up, but where one runs at
        a time: there each begins with what the one before has come to.
        """
        count = 0
        for place in _WORKING_PLACES:
            count += self._members[place].bits.bit_count()
        waiting = self._members[_WAITING_PLACE].bits.bit_count()
        all_count = self.policy.max_parallel == 1 or waiting > MOST_WAITING
        return count + waiting if all_count else count

    @property
    def in_flight(self) -> RankSet:
        """Who has begun and not ended."""
        return self.in_state(*IN_FLIGHT)

    @property
    def ended(self) -> RankSet:
        """Who is done, failed, blocked or abandoned."""
        return self.in_state(*ENDED)

    @property
    def busy(self) -> RankSet:
        """Who has a step running, the integration queue aside."""
        return self.in_state(*WORKING) - self.held

    # counters of what a workstream waits for

    def one_less(self, rank: int) -> bool:
        """One thing less to wait for; True if nothing is left."""
        self._waiting[rank] = self._waiting.get(rank, self.run.waiting[rank]) - 1
        return self._waiting[rank] == 0

    def one_more(self, rank: int) -> None:
        """One thing more to wait for: something that had ended begins again."""
        self._waiting[rank] = self._waiting.get(rank, self.run.waiting[rank]) + 1

    def is_free(self, rank: int) -> bool:
        """Whether a workstream waits for nothing."""
        return self._waiting.get(rank, self.run.waiting[rank]) == 0

    # the run itself

    def get(self, name: str) -> Any:
        """A field of the run as it is now."""
        found = self._fields.get(name, _AS_IN_RUN)
        return getattr(self.run, name) if found is _AS_IN_RUN else found

    def set(self, **fields: Any) -> None:
        """Change fields of the run in anything but its state."""
        self._fields.update(fields)
        if "state" in fields or "ending" in fields:
            self.is_working = self._works()

    @property
    def state(self) -> RunState:
        """The state of the run as it is now."""
        state: RunState = self.get("state")
        return state

    def move_run(self, move: RunMove, **fields: Any) -> None:
        """Move the run by its table, and change its fields."""
        before = self.state
        self.set(state=run_moved(before, move), **fields)
        self.notes.append(Note(type="run_status_changed", payload=_said_of(before, self.state, move)))

    def _works(self) -> bool:
        return self.state is RunState.RUNNING and self.get("ending") is None

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.state in TERMINAL_RUN

    def next_order(self) -> int:
        """The number of the next numbered command."""
        number: int = self.get("orders") + 1
        self.set(orders=number)
        return number

    @property
    def gate(self) -> int:
        """The place of the gate that is open."""
        at: int = self.get("gate")
        is_last = at >= len(self.plan.gates) - 1  # then nobody need ask who has ended
        return at if is_last else first_open_gate(self.plan, self.ended, at)

    # what the decision says

    def id_of(self, rank: int) -> str:
        """The id of a workstream."""
        return self.plan.order[rank].id

    def rank_of(self, workstream: str) -> int:
        """The rank of a workstream that an event names, or EventRefused."""
        try:
            return self.plan.rank_of(workstream)
        except KeyError:
            raise EventRefused(f"the run has no workstream {workstream!r}") from None

    def note(self, type_: str, rank: int | None = None, **payload: Any) -> None:
        """Add an entry to the audit."""
        self.notes.append(Note(type=type_, workstream="" if rank is None else self.id_of(rank), payload=payload))

    def decision(self) -> Decision:
        """The frozen result."""
        rows, waiting = self.run.rows, self.run.waiting
        for rank in self._changed:
            rows = rows.with_row(rank, self._rows[rank])
        for rank, count in self._waiting.items():
            waiting = waiting.with_row(rank, count)
        kept = {"rows": rows, "waiting": waiting, "members": tuple(self._members), "held": self.held}
        run = changed(self.run, {**self._fields, **kept, "gate": self.gate, "queue": self.queue})
        return Decision(
            run=run,
            changed=tuple(self._changed),
            run_changed=bool(self._fields),
            commands=tuple(self.commands),
            notes=tuple(self.notes),
            records=tuple(self.records),
        )


@cache
def _said_of(
    before: WorkstreamState | RunState, after: WorkstreamState | RunState, move: Move | RunMove
) -> Mapping[str, str]:
    """What the audit says of a move: one value for all that are alike."""
    return {"from": before.value, "to": after.value, "by": move.value}
