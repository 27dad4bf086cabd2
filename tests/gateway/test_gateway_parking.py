"""A usage limit parks its upstream for all: a short one is waited out, a longer one ends the attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from gateway_support import PROTOCOLS, START, RawUpstream, ask, house, raw_answer

from penstock.adapters.clock import ManualClock
from penstock.gateway.limits import UsageLimit
from penstock.gateway.parking import Parking
from penstock.ports.models import StopKind


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_short_limit_is_waited_out(protocol: str) -> None:
    with house("any,status=429,times=1,retry-after=20") as home:
        visit = home.admit(protocol)
        assert ask(visit, protocol).status_code == 200
        assert home.pauses == [20.0]
        assert not visit.stop.done()
        assert [row["status"] for row in home.rows()] == ["ok"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_long_limit_ends_the_attempt_until_it_is_over(protocol: str) -> None:
    with house("any,status=429,retry-after=300") as home:
        visit = home.admit(protocol)
        answer = ask(visit, protocol)
        assert answer.status_code == 429
        stop = visit.stop.result(timeout=0)
        assert stop.kind is StopKind.RATE_LIMITED
        assert stop.until == START + timedelta(seconds=300)
        row = home.rows()[0]
        assert (row["status"], row["http_status"], row["input_tokens"]) == ("failed", 429, 0)


def test_while_an_upstream_is_parked_no_call_of_anybody_leaves() -> None:
    with house("any,status=429,times=1,retry-after=300") as home:
        ask(home.admit())
        other = home.admit(workstream="ws-2")
        assert ask(other).status_code == 429
        assert other.stop.result(timeout=0).until == START + timedelta(seconds=300)
        assert len(home.models.requests) == 1
        assert [row["status"] for row in home.rows() if row["ws_id"] == "ws-2"] == ["refused"]
        home.clock.advance(301)
        assert ask(home.admit(workstream="ws-3")).status_code == 200


def test_the_rest_of_a_limit_is_waited_out_when_it_has_become_short() -> None:
    with house("any,status=429,times=1,retry-after=300") as home:
        ask(home.admit())
        home.clock.advance(280)
        assert ask(home.admit(workstream="ws-2")).status_code == 200
        assert home.pauses == [20.0]


def test_another_upstream_is_not_parked() -> None:
    with house("any,status=429,times=1,retry-after=300") as home:
        ask(home.admit())
        assert ask(home.admit("openai_chat"), "openai_chat").status_code == 200


def test_a_limit_without_a_word_lasts_longer_each_time_until_an_answer_comes() -> None:
    with house("any,status=429,times=3") as home:
        for seconds in (60, 120, 240):
            visit = home.admit()
            ask(visit)
            assert visit.stop.result(timeout=0).until == home.clock.now() + timedelta(seconds=seconds)
            home.clock.advance(seconds + 1)
        assert ask(home.admit()).status_code == 200
        home.models.mend()


@pytest.mark.parametrize("calls", [1, 4, 6])
def test_one_limit_that_calls_meet_together_lasts_as_for_one_of_them(calls: int) -> None:
    clock = ManualClock(START)
    parking = Parking(clock)
    for seconds in (60, 120, 240):
        for _ in range(calls):
            parked = parking.park("first", "env:FIRST_KEY", UsageLimit())
            clock.advance(1)  # they hear of it one after another
        assert parked.until == clock.now() + timedelta(seconds=seconds - calls)
        clock.advance(seconds)


def test_what_is_said_of_a_limit_in_force_counts_if_it_is_longer() -> None:
    parking = Parking(ManualClock(START))
    untold = UsageLimit()
    told = [untold, UsageLimit(seconds=90), UsageLimit(seconds=5), untold, UsageLimit(is_quota=True), untold]
    lengths = [parking.park("first", "", limit).seconds for limit in told]
    assert lengths == [60, 90, 90, 90, 1800, 1800]
    parked = parking.parked("first", "")
    assert parked is not None
    assert "no quota" in parked.reason


def test_many_short_limits_are_not_waited_out_for_ever() -> None:
    with house("any,status=429,retry-after=0") as home:
        visit = home.admit()
        assert ask(visit).status_code == 429
        assert visit.stop.result(timeout=0).kind is StopKind.RATE_LIMITED
        assert len(home.models.requests) == 6


def test_an_account_without_quota_is_not_asked_again_soon() -> None:
    told = b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    answer = raw_answer(told, status="429 Too Many Requests", more="retry-after: 1\r\n")
    with RawUpstream([answer]) as upstream, house(base_url=upstream.base_url) as home:
        visit = home.admit("openai_chat")
        assert ask(visit, "openai_chat").status_code == 429
        stop = visit.stop.result(timeout=0)
        assert stop.until == START + timedelta(minutes=30)
        assert "no quota" in stop.sentence


def test_waiting_is_no_silence_of_the_agent() -> None:
    with house("any,status=429,times=1,retry-after=20") as home:
        visit = home.admit()
        ask(visit)
        assert visit.quiet_since == home.clock.monotonic() == 20.0
        home.clock.advance(5)
        assert visit.quiet_since == 20.0
