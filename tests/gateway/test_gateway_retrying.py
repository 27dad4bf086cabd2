"""The gateway alone tries again, and only while nothing of an answer has gone out."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest
from gateway_support import PROTOCOLS, PROVIDER_KEY, RawUpstream, ask, client, house, raw_answer

from penstock.domain.budget import Level
from penstock.gateway.metering import BYTES_PER_TOKEN
from penstock.ports.models import StopKind

OVERLOADED = raw_answer(b"{}", status="529 Overloaded")
UNFIT = raw_answer(b"{}", status="400 Bad Request")
LIMITED = raw_answer(b"{}", status="429 Too Many Requests", more="retry-after: 300\r\n")


@pytest.mark.parametrize("status", [408, 409, 500, 503, 529])
def test_what_passes_by_itself_is_tried_again(status: int) -> None:
    with house(f"any,status={status},times=2") as home:
        assert ask(home.admit()).status_code == 200
        row = home.rows()[0]
        assert (row["status"], row["tries"], row["http_status"]) == ("ok", 3, 200)
        assert home.pauses == [0.5, 1.0]


def test_an_upstream_that_says_how_long_to_wait_is_waited_for() -> None:
    with house("any,status=503,times=1,retry-after=7") as home:
        assert ask(home.admit()).status_code == 200
        assert home.pauses == [7.0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_last_error_passes_when_all_tries_are_spent(protocol: str) -> None:
    with house("any,status=503") as home:
        visit = home.admit(protocol)
        answer = ask(visit, protocol, stream=True)
        assert answer.status_code == 503
        assert "scripted status 503" in answer.text
        row = home.rows()[0]
        assert (row["status"], row["tries"], row["http_status"]) == ("failed", 3, 503)
        assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (0, 0, 0)
        assert "scripted status 503" in row["error"]
        assert not visit.stop.done()


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_is_wrong_with_the_request_is_not_tried_again(status: int) -> None:
    with house(f"any,status={status}") as home:
        assert ask(home.admit()).status_code == status
        assert len(home.models.requests) == 1
        assert home.rows()[0]["status"] == "failed"


def test_an_upstream_that_wants_no_retry_gets_none() -> None:
    with house("any,status=500,x-should-retry=false") as home:
        assert ask(home.admit()).status_code == 500
        assert len(home.models.requests) == 1


def test_a_connection_that_breaks_before_an_answer_is_tried_again() -> None:
    with RawUpstream([], [], [raw_answer(b"{}")]) as upstream, house(base_url=upstream.base_url) as home:
        ask(home.admit())
        assert len(upstream.requests) == 3
        assert len(set(upstream.requests)) == 1


@pytest.mark.parametrize("answers", [([], [], []), ([], [OVERLOADED], [OVERLOADED]), ([], [LIMITED])])
def test_what_was_sent_and_hung_up_on_is_reckoned_at_all_of_its_input(answers: Sequence[Sequence[bytes]]) -> None:
    with RawUpstream(*answers) as upstream, house(base_url=upstream.base_url) as home:
        assert ask(home.admit(), text="word " * 500).status_code >= 400
        assert len(upstream.requests) == len(answers)
        row = home.rows()[0]
        sent = upstream.requests[0].partition(b"\r\n\r\n")[2]
        assert (row["status"], row["estimated"], row["output_tokens"]) == ("failed", True, 0)
        assert row["input_tokens"] == -(-len(sent) // BYTES_PER_TOKEN)
        assert home.account(Level.RUN, "run-1").settled.tokens == row["input_tokens"]


def test_an_answer_after_a_broken_connection_says_what_was_used() -> None:
    told = b'{"type": "message", "content": [], "usage": {"input_tokens": 7, "output_tokens": 3}}'
    with RawUpstream([], [raw_answer(told)]) as upstream, house(base_url=upstream.base_url) as home:
        assert ask(home.admit()).status_code == 200
        row = home.rows()[0]
        assert (row["tries"], row["input_tokens"], row["output_tokens"], row["estimated"]) == (2, 7, 3, False)


def test_a_kept_connection_that_was_over_costs_nothing() -> None:
    told = b'{"type": "message", "content": [], "usage": {"input_tokens": 7, "output_tokens": 3}}'
    kept = raw_answer(told).replace(b"connection: close", b"connection: keep-alive")
    with RawUpstream([kept], [], [UNFIT], per_connection=2) as upstream, house(base_url=upstream.base_url) as home:
        visit = home.admit()
        assert [ask(visit).status_code for _ in range(2)] == [200, 400]
        assert sorted(row["input_tokens"] for row in home.rows()) == [0, 7]


def test_an_upstream_that_nobody_is_at_ends_the_attempt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with house(base_url=address) as home:
        visit = home.admit()
        assert ask(visit).status_code == 502
        stop = visit.stop.result(timeout=0)
        assert stop.kind is StopKind.UNREACHABLE
        assert "first" in stop.sentence
        assert home.rows()[0]["status"] == "failed"
        assert home.rows()[0]["tries"] == 3
        assert home.rows()[0]["input_tokens"] == 0


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_key_that_is_refused_ends_the_attempt_and_is_not_shown(protocol: str, status: int) -> None:
    told = f'{{"error": {{"message": "wrong key {PROVIDER_KEY}"}}}}'.encode()
    answer = raw_answer(told, status=f"{status} No", more=f"x-echo: {PROVIDER_KEY}\r\n")
    with RawUpstream([answer]) as upstream, house(base_url=upstream.base_url) as home:
        visit = home.admit(protocol)
        told_to_agent = ask(visit, protocol)
        stop = visit.stop.result(timeout=0)
        assert stop.kind is StopKind.UNREACHABLE
        assert "_KEY" in stop.sentence
        everything = f"{told_to_agent.text}{told_to_agent.headers}{stop}{home.rows()}"
        assert PROVIDER_KEY not in everything
        assert home.rows()[0]["http_status"] == status


def test_an_error_that_repeats_the_key_passes_without_it() -> None:
    told = f'{{"error": {{"message": "bad request of {PROVIDER_KEY}"}}}}'.encode()
    answer = raw_answer(told, status="400 Bad Request", more=f"x-echo: {PROVIDER_KEY}\r\n")
    with RawUpstream([answer]) as upstream, house(base_url=upstream.base_url) as home:
        passed = ask(home.admit())
        assert passed.status_code == 400
        assert PROVIDER_KEY not in f"{passed.text}{passed.headers}{home.rows()}"
        assert "bad request of" in passed.text


@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_not_followed(status: str) -> None:
    with RawUpstream([raw_answer(b"secrets")]) as other:
        moved = raw_answer(b"", status=status, more=f"location: {other.base_url}/v1/messages\r\n")
        with RawUpstream([moved]) as upstream, house(base_url=upstream.base_url) as home:
            answer = ask(home.admit())
            assert answer.status_code == 502
            assert "location" not in answer.headers
            assert home.rows()[0]["status"] == "failed"
        assert other.requests == []


def test_one_connection_serves_many_calls() -> None:
    with house() as home, client(visit := home.admit()) as agent:
        for _ in range(3):
            assert agent.post("/v1/messages", json={"model": "claude", "max_tokens": 9, "messages": []}).status_code
        assert visit.calls == 3
