"""The gateway with the ledger and the prices of real life."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from gateway_support import House, ask, caller, house

from model_server import summed
from penstock.adapters.clock import SystemClock
from penstock.adapters.prices import ListedPrices
from penstock.adapters.store.opening import Database, open_database
from penstock.domain.budget import Account, Cap, Level, MustWait
from penstock.domain.errors import WorldError
from penstock.domain.usage import ModelCall
from penstock.gateway.serving import Gateway
from penstock.ports.models import StopKind


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A store."""
    opened = open_database(tmp_path / "penstock.db", SystemClock())
    yield opened
    opened.close()


def with_ledger(home: House, database: Database) -> Gateway:
    """The house's gateway with other books, in real time."""
    ledger = database.ledger(redact=str)
    parts = replace(home.gateway.parts, ledger=ledger, prices=ListedPrices(), clock=SystemClock(), pause=asyncio.sleep)
    return Gateway(parts)


def test_eight_attempts_under_one_cap_spend_what_the_server_says_and_no_more(database: Database) -> None:
    ledger = database.ledger(redact=str)
    asyncio.run(ledger.set_cap(Level.RUN, "run-1", Cap(tokens=3000)))
    with house() as home:
        gateway = with_ledger(home, database)

        def work(number: int) -> StopKind | None:
            protocol = ("anthropic", "openai_chat", "openai_responses")[number % 3]
            model = "claude" if protocol == "anthropic" else "gpt"
            visit = gateway.admit(caller(f"ws-{number}"), model, max_calls=0)
            limit = {"max_output_tokens": 300} if protocol == "openai_responses" else {"max_tokens": 300}
            for turn in range(40):
                if ask(visit, protocol, stream=turn % 2 == 0, **limit).status_code != 200:
                    break
            visit.close()
            return visit.stop.result(timeout=0).kind if visit.stop.done() else None

        with ThreadPoolExecutor(8) as pool:
            ends = list(pool.map(work, range(8)))
        gateway.close()
        issued = summed(home.models.issued)
    spent = asyncio.run(ledger.account(Level.RUN, "run-1"))
    rows = database.views.usage(project="p")
    answered = [row for row in rows if row["status"] == "ok"]
    assert set(ends) == {StopKind.BUDGET}
    assert issued.total == spent.settled.tokens == sum(row["input_tokens"] + row["output_tokens"] for row in answered)
    assert 2000 < spent.settled.tokens <= 3000
    assert spent.reserved.tokens == 0
    assert len(answered) == len(home.models.issued)
    assert {row["status"] for row in rows} == {"ok", "refused"}


def test_books_that_can_not_be_kept_stop_the_attempt_before_anything_is_spent() -> None:
    class NoBooks:
        async def reserve(self, call: ModelCall) -> MustWait:
            raise WorldError("the disk is full")

        async def record(self, call: ModelCall, end: object) -> None:
            return None

        async def account(self, level: Level, key: str) -> Account:
            return Account(level=level, key=key)

    with house() as home:
        gateway = Gateway(replace(home.gateway.parts, ledger=NoBooks()))
        visit = gateway.admit(caller(), "claude", max_calls=0)
        assert ask(visit).status_code == 502
        stop = visit.stop.result(timeout=0)
        assert stop.kind is StopKind.UNREACHABLE
        assert "the disk is full" in stop.sentence
        assert home.models.requests == ()
        gateway.close()
