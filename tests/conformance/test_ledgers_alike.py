"""Whatever is asked of a ledger on a database, it answers and keeps what one in memory does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_driving import MARKS, Kept, a_call, an_end, redact, someone

from penstock.adapters.store.memory_ledger import MemoryLedger
from penstock.domain.budget import Cap, Kind, Level
from penstock.domain.usage import CallStatus, Tokens

if TYPE_CHECKING:
    from penstock.domain.budget import Account
    from penstock.domain.usage import ModelCall
    from penstock.ports import Ledger

PLACES = st.integers(0, 4)
few = st.integers(0, 120)
perhaps = st.none() | st.integers(0, 400)
tokens = st.builds(Tokens, input=few, output=few, cache_read=few, cache_write=few, cache_write_long=few)
steps = st.one_of(
    st.tuples(st.just("reserve"), PLACES, few, few),
    st.tuples(st.just("settle"), st.integers(0, 40), tokens, st.none() | few, st.sampled_from(CallStatus)),
    st.tuples(st.just("record"), PLACES, tokens, st.none() | few),
    st.tuples(st.just("cap"), PLACES, st.sampled_from(Level), perhaps, perhaps, st.sets(st.sampled_from(Kind))),
    st.tuples(st.just("give"), PLACES, st.sampled_from(Level), perhaps, perhaps),
    st.tuples(st.just("lost"), st.booleans()),
    st.tuples(st.just("lost of pipeline")),
)


class Both:
    """The same questions to two ledgers, and whether they answer alike."""

    def __init__(self, kept: Kept) -> None:
        self.memory = MemoryLedger(redact=redact, marks=MARKS)
        self.kept = kept
        first = someone()
        # Two workstreams of one run, another run of the same pipeline, the pipeline itself, and the project alone.
        self.callers = [
            first,
            replace(first, workstream="ws-b"),
            replace(first, run=f"{first.run}-2"),
            replace(first, run="", workstream="", prompt="rp_1"),
            replace(first, run="", workstream="", pipeline=""),
        ]
        self.calls: list[ModelCall] = []

    async def ask(self, step: tuple[Any, ...]) -> None:
        """One step, on both."""
        match step:
            case ("reserve", place, amount, micros):
                call = a_call(self.callers[place], tokens=amount, micros=micros)
                self.calls.append(call)
                await self._alike("reserve", call)
            case ("settle", place, used, micros, status) if self.calls:
                end = an_end(tokens=used, micros=micros, status=status)
                await self._alike("settle", self.calls[place % len(self.calls)], end)
            case ("record", place, used, micros):
                await self._alike("record", a_call(self.callers[place]), an_end(tokens=used, micros=micros))
            case ("cap", place, level, amount, micros, kinds):
                key = dict(self.callers[place].accounts).get(level)
                if key is not None:
                    await self._alike("set_cap", level, key, Cap(tokens=amount, micros=micros), kinds)
            case ("give", place, level, amount, micros):
                key = dict(self.callers[place].accounts).get(level)
                if key is not None:
                    await self._alike("give_cap", level, key, Cap(tokens=amount, micros=micros))
            case ("lost", second):
                await self._alike("settle_lost", self.callers[2 if second else 0].run)
            case ("lost of pipeline",):
                await self._alike("settle_lost_of_pipeline", self.callers[0].pipeline)
        assert await self._accounts(self.memory) == await self._accounts(self.kept.ledger)

    async def _alike(self, method: str, *given: Any) -> None:
        answers = [await getattr(ledger, method)(*given) for ledger in (self.memory, self.kept.ledger)]
        assert answers[0] == answers[1]

    async def _accounts(self, ledger: Ledger) -> list[Account]:
        return [await ledger.account(*which) for caller in self.callers for which in caller.accounts]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(steps, max_size=25))
def test_a_ledger_on_a_database_does_what_one_in_memory_does(stored: Kept, asked: list[tuple[Any, ...]]) -> None:
    both = Both(stored)

    async def main() -> None:
        for step in asked:
            await both.ask(step)

    asyncio.run(main())
    assert in_one_order(stored.records(both.callers[0].project)) == in_one_order(both.memory.usage())


def in_one_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All were made at one instant: databases tell those in any order."""
    return sorted(rows, key=lambda row: repr(sorted(row.items())))
