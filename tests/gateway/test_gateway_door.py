"""Who may come in, for what, and what is said to who may not."""

from __future__ import annotations

import contextlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from gateway_support import PATHS, PROTOCOLS, PROVIDER_KEY, ask, body, caller, client, house

from penstock.domain.errors import Bug, UserError
from penstock.gateway.app import MOST_AT_ONCE
from penstock.ports.models import StopKind


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_without_a_key_that_fits_nothing_leaves(protocol: str) -> None:
    with house() as home:
        visit = home.admit(protocol)
        url = visit.access.base_url + PATHS[protocol]
        for headers in (
            {},
            {"authorization": "Bearer nonsense"},
            {"x-api-key": PROVIDER_KEY},
            {"authorization": "Basic x"},
        ):
            answer = httpx2.post(url, json=body(protocol), headers=headers, trust_env=False, verify=False)
            assert answer.status_code == 401
            assert "error" in answer.json()
        assert home.models.requests == ()
        assert home.rows() == []


def test_a_key_may_be_sent_as_either_provider_wants_it() -> None:
    with house() as home:
        visit = home.admit()
        for headers in ({"x-api-key": visit.access.key}, {"authorization": f"bearer {visit.access.key}"}):
            url = f"{visit.access.base_url}/v1/messages"
            answer = httpx2.post(url, json=body("anthropic"), headers=headers, trust_env=False, verify=False)
            assert answer.status_code == 200


def test_a_key_opens_nothing_after_its_visit() -> None:
    with house() as home:
        first, second = home.admit(), home.admit()
        assert first.access.key != second.access.key
        first.close()
        first.close()
        assert ask(first).status_code == 401
        assert ask(second).status_code == 200


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_key_is_good_for_one_model_by_either_of_its_names(protocol: str) -> None:
    with house() as home:
        visit = home.admit(protocol)
        assert ask(visit, protocol, model="some-other-model").status_code == 404
        assert ask(visit, protocol, model=visit.access.model).status_code == 200
        assert ask(visit, protocol).status_code == 200
        assert {row["alias"] for row in home.rows()} == {visit.terms.alias}
        assert {row["model"] for row in home.rows()} == {visit.access.model}


def test_a_key_is_good_for_the_protocol_of_its_model_only() -> None:
    with house() as home:
        assert ask(home.admit("anthropic"), "openai_chat", model="claude").status_code == 404
        assert ask(home.admit("openai_chat"), "anthropic", model="gpt").status_code == 404
        assert home.models.requests == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"[" * 100_000,
        b'{"model": "claude"}',
        json.dumps(body("anthropic", max_tokens="many")).encode(),
        b'{"model": "claude", "max_tokens": 1, "messages": [], "temperature": NaN}',
        b'{"model": "claude", "max_tokens": ' + b"9" * 5000 + b', "messages": []}',
        b'{"model": "claude", "max_tokens": 1, "messages": [], "temperature": 1e999}',
    ],
)
def test_a_request_that_is_none_is_answered_and_never_leaves(content: bytes) -> None:
    with house() as home, client(home.admit()) as agent:
        answer = agent.post("/v1/messages", content=content)
        assert answer.status_code == 400
        assert answer.json()["type"] == "error"
        assert home.models.requests == ()


def test_a_block_of_an_unheard_of_kind_is_the_upstreams_to_judge() -> None:
    blocks = [{"type": [], "text": "a"}, {"type": {}, "text": "b"}]
    with house() as home:
        assert ask(home.admit(), messages=[{"role": "user", "content": blocks}]).status_code == 200
        assert home.models.requests[0].body["messages"][0]["content"] == blocks


@pytest.mark.parametrize(
    "content",
    [
        b'{"model": [], "messages": []}',
        b'{"messages": []}',
        b'{"model": "claude", "messages": [], "thinking": 1e999}',
    ],
)
def test_a_question_for_a_count_that_is_none_is_answered_and_never_leaves(content: bytes) -> None:
    with house() as home, client(home.admit()) as agent:
        assert agent.post("/v1/messages/count_tokens", content=content).status_code == 400
        assert home.models.requests == ()


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_however_deep_a_request_is_it_leaves_or_is_answered(path: str) -> None:
    """Reading ends at one depth and writing at another: which they are depends on who called."""
    with house() as home, client(home.admit()) as agent:
        told = [
            agent.post(path, content=b'{"model": "claude", "messages": %b%b}' % (b"[" * depth, b"]" * depth))
            for depth in range(900, 1000)
        ]
        assert {answer.status_code for answer in told} <= {200, 400}


def test_a_request_is_refused_by_its_size_before_it_is_read() -> None:
    with house() as home:
        visit = home.admit()
        host, port = visit.access.base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as agent:
            head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {visit.access.key}\r\n"
            agent.sendall(f"{head}content-length: {65 * 1024 * 1024}\r\n\r\n".encode())
            assert b" 400 " in agent.recv(65536)


def test_the_last_of_two_values_of_one_name_is_what_is_judged_and_what_is_sent() -> None:
    twice = (
        b'{"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}], "max_tokens": 900000}'
    )
    with house() as home, client(home.admit()) as agent:
        assert agent.post("/v1/messages", content=twice).status_code == 200
        assert home.models.requests[0].raw.count(b"max_tokens") == 1
        assert home.models.requests[0].body["max_tokens"] == 32_000


def test_an_attempt_that_asks_without_end_is_stopped() -> None:
    with house() as home:
        visit = home.admit(max_calls=2)
        assert [ask(visit).status_code for _ in range(2)] == [200, 200]
        refused = ask(visit)
        assert refused.status_code == 400
        assert visit.stop.result(timeout=0).kind is StopKind.REQUESTS
        assert ask(visit).status_code == 400
        assert len(home.models.requests) == 2
        assert sorted(row["status"] for row in home.rows()) == ["ok", "ok", "refused", "refused"]


def test_requests_that_are_none_count_and_end_a_loop_too() -> None:
    with house() as home, client(visit := home.admit(max_calls=3)) as agent:
        statuses = [agent.post("/v1/messages", content=b"garbage").status_code for _ in range(4)]
        assert statuses == [400] * 4
        assert visit.stop.result(timeout=0).kind is StopKind.REQUESTS


def test_counting_tokens_can_not_go_on_for_ever() -> None:
    with house() as home, client(visit := home.admit(max_calls=1)) as agent:
        answers = [agent.post("/v1/messages/count_tokens", json=body("anthropic")).status_code for _ in range(6)]
        assert answers == [200, 200, 200, 200, 400, 400]
        assert visit.stop.result(timeout=0).kind is StopKind.REQUESTS


def test_a_refused_call_is_not_written_down_for_ever() -> None:
    with house() as home, client(visit := home.admit(max_calls=1)) as agent:
        for _ in range(120):
            agent.post("/v1/messages", json=body("anthropic"))
        assert visit.calls == 120
        assert len(home.rows()) == 101


def test_a_model_that_is_not_configured_says_what_to_do() -> None:
    with house() as home:
        with pytest.raises(UserError, match='no model "claud"') as caught:
            home.gateway.admit(caller(), "claud", max_calls=1)
        assert "claude" in caught.value.sentence
        with pytest.raises(UserError, match="speaks anthropic"):
            home.gateway.check("claude", ("openai",))
        home.gateway.check("claude", ("openai", "anthropic"))
        home.gateway.check("second/any-model", ("openai",))
        with pytest.raises(UserError, match="not one of"):
            home.gateway.check("third/any-model", ("openai",))


def test_nothing_that_can_be_printed_shows_a_providers_key() -> None:
    with house() as home:
        visit = home.admit()
        ask(visit)
        shown = repr((visit.terms, visit.access, home.gateway, visit.terms.destination.key, vars(home.gateway)))
        assert PROVIDER_KEY not in shown
        assert PROVIDER_KEY not in json.dumps(home.rows())


def test_a_gateway_that_is_closed_lets_nobody_in() -> None:
    with house() as home:
        visit = home.admit()
        home.gateway.close()
        home.gateway.close()
        with pytest.raises(httpx2.ConnectError):
            ask(visit)
        with pytest.raises(Bug):
            home.admit()


def test_an_attempt_has_only_so_many_calls_under_way() -> None:
    with house("any,hang") as home:
        visit = home.admit()
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            calls = [pool.submit(ask, visit) for _ in range(MOST_AT_ONCE)]
            home.models.wait_for_held(MOST_AT_ONCE)
            assert ask(visit).status_code == 429
            assert not visit.stop.done()
            home.models.release()
            assert {call.result().status_code for call in calls} == {200}


def test_a_header_that_can_not_be_sent_on_is_left_out() -> None:
    with house() as home, client(home.admit()) as agent:
        answer = agent.post("/v1/messages", json=body("anthropic"), headers={b"anthropic-beta": "schön".encode()})
        assert answer.status_code == 200
        assert "anthropic-beta" not in home.models.requests[0].headers


def test_a_head_that_does_not_end_is_cut() -> None:
    with house() as home:
        place = home.admit().access.base_url.removeprefix("http://").split(":")
        with socket.create_connection((place[0], int(place[1])), timeout=20) as line:
            line.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 32 * 1024 * 1024:
                    sent += line.send(b"x-more: " + b"a" * 8000 + b"\r\n")
        assert sent < 16 * 1024 * 1024
        assert ask(home.admit(), more="x" * 1_000_000).status_code == 200
