"""Budgets stop work: what is over a cap is refused, what only others' reservations keep back waits its turn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gateway_support import PROTOCOLS, PROVIDER_KEY, RawUpstream, ask, body, caller, client, house, raw_answer, raw_head

from model_server import Fault, FaultKind, summed
from penstock.domain.budget import Level
from penstock.gateway.protocols import WIRES
from penstock.gateway.settings import GatewaySettings
from penstock.ports.models import StopKind


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_call_that_a_cap_does_not_allow_is_refused_and_none_leaves_after_it(protocol: str, stream: bool) -> None:
    with house() as home:
        visit = home.admit(protocol)
        ask(visit, protocol, stream=stream)
        ask(visit, protocol, stream=stream)
        spent = home.account(Level.RUN, "run-1").settled
        home.cap(Level.RUN, "run-1", tokens=spent.tokens + 100)
        refused = ask(visit, protocol, stream=stream)
        assert refused.status_code == 400
        assert "budget" in refused.text
        stop = visit.stop.result(timeout=0)
        assert (stop.kind, stop.level) == (StopKind.BUDGET, Level.RUN)
        home.cap(Level.RUN, "run-1")
        assert ask(visit, protocol).status_code == 400
        assert len(home.models.requests) == 2
        assert home.account(Level.RUN, "run-1").settled == spent
        assert [row["status"] for row in home.rows()].count("refused") == 2


def test_what_is_spent_in_money_counts_too() -> None:
    with house() as home:
        home.cap(Level.WORKSTREAM, "run-1/ws-1", micros=5_000)
        visit = home.admit()
        assert ask(visit, max_tokens=1000).status_code == 400
        assert visit.stop.result(timeout=0).level is Level.WORKSTREAM
        assert ask(home.admit(workstream="ws-2"), max_tokens=1000).status_code == 200


def test_after_a_refusal_nothing_of_the_attempt_leaves_though_it_was_let_through_before() -> None:
    with house() as home:
        visit = home.admit()
        home.models.fault(Fault(kind=FaultKind.HANG))
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(ask, visit, max_tokens=1000)
            home.models.wait_for_held(1)
            home.cap(Level.RUN, "run-1", tokens=100)
            assert ask(visit).status_code == 400
            home.models.release()
            assert first.result().status_code == 200
        assert visit.stop.result(timeout=0).kind is StopKind.BUDGET


def test_eight_attempts_under_one_cap_are_refused_nothing_while_only_reservations_stand_in_the_way() -> None:
    with house(waits_for_ever=True) as home:  # only what is settled lets the next one leave
        # room for three worst cases at once, and for what all eight really use
        home.cap(Level.RUN, "run-1", tokens=3 * 1100)
        visits = [home.admit(workstream=f"ws-{number}") for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda visit: ask(visit, max_tokens=1000), visits))
        assert [answer.status_code for answer in answers] == [200] * 8
        spent = home.account(Level.RUN, "run-1")
        assert spent.settled.tokens == summed(home.models.issued).total <= 3 * 1100
        assert spent.reserved.tokens == 0


def test_eight_attempts_never_spend_more_than_their_cap() -> None:
    with house() as home:
        home.cap(Level.RUN, "run-1", tokens=1500)

        def work(number: int) -> int:
            visit, answered = home.admit(workstream=f"ws-{number}"), 0
            for _ in range(50):
                if ask(visit, max_tokens=300).status_code != 200:
                    break
                answered += 1
            return answered

        with ThreadPoolExecutor(8) as pool:
            answered = sum(pool.map(work, range(8)))
        spent = home.account(Level.RUN, "run-1")
        assert 1000 < spent.settled.tokens <= 1500
        assert spent.reserved.tokens == 0
        assert len(home.models.issued) == answered
        assert spent.settled.tokens == summed(home.models.issued).total


def test_who_has_waited_too_long_is_told_to_come_again() -> None:
    with house(settings=GatewaySettings(wait_for_budget=120)) as home:
        home.cap(Level.RUN, "run-1", tokens=1500)
        home.models.fault(Fault(kind=FaultKind.HANG, times=1))
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(ask, home.admit(), max_tokens=1000)
            home.models.wait_for_held(1)
            second = home.admit(workstream="ws-2")
            assert ask(second, max_tokens=1000).status_code == 429
            stop = second.stop.result(timeout=0)
            assert stop.kind is StopKind.RATE_LIMITED
            assert sum(home.pauses) == 120.0
            assert max(home.pauses) <= 2.0
            home.models.release()
            assert first.result().status_code == 200
        assert sorted(row["status"] for row in home.rows()) == ["ok", "refused"]


def test_what_a_failed_call_had_reserved_is_given_back() -> None:
    with house("any,status=400") as home:
        home.cap(Level.RUN, "run-1", tokens=1500)
        for number in range(3):
            assert ask(home.admit(workstream=f"ws-{number}"), max_tokens=1000).status_code == 400
        assert home.account(Level.RUN, "run-1").settled.tokens == 0
        assert home.account(Level.RUN, "run-1").reserved.tokens == 0


def test_marks_are_told_once_with_whose_they_are() -> None:
    with house() as home:
        home.cap(Level.RUN, "run-1", tokens=1000)
        visit = home.admit()
        for _ in range(12):
            ask(visit, max_tokens=10, text="[[play:any,usage=60.10]]")
        home.calm()
        assert [mark.mark for _, mark in home.marks] == [50, 80]
        assert {who for who, _ in home.marks} == {caller()}


def test_a_price_that_nobody_knows_is_flagged_and_charged_as_reserved() -> None:
    with house() as home:
        visit = home.admit_to("first/mystery")
        with client(visit) as agent:
            agent.post("/v1/messages", json=body("anthropic", model="mystery"))
        row = home.rows()[0]
        assert (row["cost_usd"], row["price_unknown"]) == (None, True)
        assert home.account(Level.RUN, "run-1").settled.micros > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("protocol", "kind", "used"),
    [
        ("anthropic", "", {"server_tool_use": {"web_search_requests": 50, "web_fetch_requests": 0}}),
        ("openai_responses", "web_search_call", {}),
    ],
)
def test_what_tools_of_the_upstreams_own_cost_is_not_known(
    protocol: str, kind: str, used: dict[str, Any], stream: bool
) -> None:
    with (
        RawUpstream(searched(protocol, kind, used, stream=stream)) as upstream,
        house(base_url=upstream.base_url) as home,
    ):
        ask(home.admit(protocol), protocol, stream=stream)
        row = home.rows()[0]
        assert (row["status"], row["cost_usd"], row["price_unknown"]) == ("ok", None, True)
        assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (200_000, 10, False)
        spent = home.account(Level.RUN, "run-1")
        assert (spent.settled.micros, spent.reserved.micros) == (600_150, 0)


@pytest.mark.parametrize(
    ("protocol", "kind", "used"),
    [
        ("anthropic", "", {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 3}}),
        ("anthropic", "", {"server_tool_use": None}),
        ("openai_responses", "function_call", {}),
    ],
)
def test_tools_that_cost_no_more_than_their_tokens_leave_the_price_known(
    protocol: str, kind: str, used: dict[str, Any]
) -> None:
    with (
        RawUpstream(searched(protocol, kind, used, stream=False)) as upstream,
        house(base_url=upstream.base_url) as home,
    ):
        ask(home.admit(protocol), protocol)
        assert (home.rows()[0]["cost_usd"], home.rows()[0]["price_unknown"]) == (0.60015, False)


def searched(protocol: str, kind: str, used: dict[str, Any], *, stream: bool) -> list[bytes]:
    """An answer of an upstream that has used a tool of its own."""
    usage = {"input_tokens": 200_000, "output_tokens": 10, **used}
    message = {"type": "message", "content": [], "status": "completed", "output": [{"type": kind}], "usage": usage}
    told = b"".join(WIRES[protocol].told(message, streamed=stream, with_usage=True))
    return [raw_head() + told if stream else raw_answer(told)]


def test_several_answers_at_once_are_reserved_for_each() -> None:
    with house() as home:
        home.cap(Level.RUN, "run-1", tokens=2500)
        visit = home.admit("openai_chat")
        assert ask(visit, "openai_chat", max_tokens=1000, n=2).status_code == 200
        assert ask(visit, "openai_chat", max_tokens=1000, n=3).status_code == 400


def test_no_answer_and_no_row_holds_a_key() -> None:
    with house() as home:
        home.cap(Level.RUN, "run-1", tokens=10)
        visit = home.admit()
        told = ask(visit)
        everything = f"{told.text}{told.headers}{home.rows()}{visit.stop.result(timeout=0)}"
        assert PROVIDER_KEY not in everything
        assert visit.access.key not in everything
