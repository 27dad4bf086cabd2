"""What may be asked about usage and budgets: plain values, in fixed shapes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from journal_driving import START, run_of, workstream
from ledger_driving import a_call, an_end

from penstock.domain.budget import Cap, Level
from penstock.domain.errors import UserError
from penstock.domain.usage import CallEnd, Caller, ModelCall, Tokens

if TYPE_CHECKING:
    from penstock.adapters.store.ledger import SqlLedger
    from penstock.adapters.store.opening import Database

IN_RUN = Caller(project="demo", run="run-1", workstream="ws-a", role="edit", phase="edit")


async def used(ledger: SqlLedger, call: ModelCall, end: CallEnd) -> None:
    await ledger.reserve(call)
    await ledger.settle(call, end)


@pytest.fixture
def ledger(database: Database) -> SqlLedger:
    asyncio.run(database.journal.create(run_of(workstream("a"), name="run-1")))
    asyncio.run(database.journal.create(run_of(workstream("a"), name="run-2")))
    return database.ledger(redact=str)


def test_the_calls_of_a_run_are_told_oldest_first_and_in_pages(database: Database, ledger: SqlLedger) -> None:
    async def main() -> None:
        for second in (3, 1, 2):
            call = a_call(IN_RUN, at=START + timedelta(seconds=second), ordinal=second)
            await used(ledger, call, an_end())
        await used(ledger, a_call(replace(IN_RUN, run="run-2")), an_end())

    asyncio.run(main())
    ask = database.views.usage
    told = ask(run="run-1")
    assert json.loads(json.dumps(told)) == told
    assert [row["ordinal"] for row in told] == [1, 2, 3]
    assert [row["ordinal"] for row in ask(run="run-1", limit=1, offset=1)] == [2]
    assert (len(ask(project="demo")), len(ask(project="another")), len(ask())) == (4, 0, 4)


def test_what_a_run_used_is_added_up_by_workstream(database: Database, ledger: SqlLedger) -> None:
    async def main() -> None:
        end = an_end(tokens=Tokens(input=10, output=5, cache_read=100), micros=1)
        await used(ledger, a_call(IN_RUN), end)
        await used(ledger, a_call(IN_RUN), replace(end, micros=2_000_000))
        await used(ledger, a_call(IN_RUN), replace(end, micros=None, estimated=True))
        await used(ledger, a_call(replace(IN_RUN, workstream="ws-b")), replace(end, micros=None))
        await used(ledger, a_call(replace(IN_RUN, workstream="")), end)
        await used(ledger, a_call(replace(IN_RUN, run="run-2")), end)

    asyncio.run(main())
    told = database.views.usage_totals("run-1")
    assert json.loads(json.dumps(told)) == told
    assert told["ws-a"] == {
        "calls": 3,
        "input_tokens": 330,
        "output_tokens": 15,
        "cost_usd": 2.000001,
        "price_unknown": 1,
        "estimated": 1,
    }
    assert (told["ws-b"]["cost_usd"], told["ws-b"]["price_unknown"]) == (None, 1)
    assert (told[""]["calls"], told[""]["cost_usd"]) == (1, 0.000001)
    assert set(told) == {"ws-a", "ws-b", ""}


def test_a_call_that_cost_nothing_makes_no_unknown_price_of_a_run_a_known_one(
    database: Database, ledger: SqlLedger
) -> None:
    async def main() -> None:
        for micros, place in ((None, "ws-a"), (0, "ws-a"), (0, "ws-b")):
            await used(ledger, a_call(replace(IN_RUN, workstream=place)), an_end(micros=micros))

    asyncio.run(main())
    told = database.views.usage_totals("run-1")
    assert [(told[name]["cost_usd"], told[name]["price_unknown"]) for name in ("ws-a", "ws-b")] == [(None, 1), (0, 0)]
    assert database.views.run("run-1")["usage"]["cost_usd"] is None


def test_an_unknown_run_has_no_usage_but_an_error(database: Database, ledger: SqlLedger) -> None:
    assert database.views.usage(run="run-1") == []
    assert database.views.usage_totals("run-1") == {}
    for ask in (lambda: database.views.usage(run="run-x"), lambda: database.views.usage_totals("run-x")):
        with pytest.raises(UserError, match="there is no run 'run-x'"):
            ask()


def test_the_accounts_are_told_the_widest_first(database: Database, ledger: SqlLedger) -> None:
    async def main() -> None:
        await ledger.set_cap(Level.PROJECT, "zoo", Cap(tokens=5, micros=1_500_000))
        await used(ledger, a_call(IN_RUN), an_end())
        await ledger.reserve(a_call(IN_RUN))

    asyncio.run(main())
    told = database.views.budgets()
    assert json.loads(json.dumps(told)) == told
    assert [(one["level"], one["key"]) for one in told] == [
        ("project", "demo"), ("project", "zoo"), ("run", "run-1"), ("workstream", "run-1/ws-a"),
    ]  # fmt: skip
    assert told[2] == {
        "level": "run",
        "key": "run-1",
        "cap_tokens": None,
        "cap_usd": None,
        "settled_tokens": 60,
        "settled_usd": 0.0006,
        "reserved_tokens": 100,
        "reserved_usd": 0.001,
    }
    assert (told[1]["cap_tokens"], told[1]["cap_usd"]) == (5, 1.5)
