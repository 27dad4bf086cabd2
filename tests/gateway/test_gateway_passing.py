"""What passes through the gateway is what the upstream sent, and every token of it is known."""

from __future__ import annotations

import gzip
import json

import httpx2
import pytest
from gateway_support import (
    PATHS,
    PROTOCOLS,
    PROVIDER_KEY,
    RawUpstream,
    ask,
    body,
    client,
    house,
    raw_answer,
    raw_head,
)

from model_server import ScriptedModels, summed

REAL = {"anthropic": "claude-real", "openai_chat": "gpt-real", "openai_responses": "gpt-real"}


def of_the_server(protocol: str, *, stream: bool, **more: object) -> bytes:
    """An answer as the scripted server sends it."""
    with ScriptedModels() as models:
        wanted = body(protocol, stream=stream, model=REAL[protocol], **more)
        return httpx2.post(models.base_url + PATHS[protocol], json=wanted, trust_env=False, verify=False).content


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_token_that_the_server_issued_is_in_a_row(protocol: str, stream: bool) -> None:
    with house() as home:
        visit = home.admit(protocol)
        answers = [ask(visit, protocol, stream=stream) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        issued, rows = summed(home.models.issued), home.rows()
        assert [row["status"] for row in rows] == ["ok"] * 5
        assert sum(row["input_tokens"] for row in rows) == issued.all_input
        assert sum(row["output_tokens"] for row in rows) == issued.output
        assert sum(row["cache_read_tokens"] for row in rows) == issued.cache_read
        assert sum(row["cache_write_tokens"] for row in rows) == issued.cache_write
        assert not any(row["estimated"] for row in rows)
        assert sorted(row["ordinal"] for row in rows) == [1, 2, 3, 4, 5]
        assert {row["protocol"] for row in rows} == {protocol}
        assert visit.calls == 5


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_comes_out_as_it_went_in_however_it_was_cut(protocol: str, size: int) -> None:
    wants_usage = {"stream_options": {"include_usage": True}} if protocol == "openai_chat" else {}
    sent = of_the_server(protocol, stream=True, **wants_usage)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    with RawUpstream([raw_head(), *pieces]) as upstream, house(base_url=upstream.base_url) as home:
        answer = ask(home.admit(protocol), protocol, stream=True, **wants_usage)
        assert answer.content == sent
        assert answer.headers["content-type"] == "text/event-stream"
        assert [row["status"] for row in home.rows()] == ["ok"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_at_once_comes_out_as_it_went_in(protocol: str) -> None:
    sent = b" \n" + of_the_server(protocol, stream=False) + b"\n"
    with RawUpstream([raw_answer(sent)]) as upstream, house(base_url=upstream.base_url) as home:
        assert ask(home.admit(protocol), protocol).content == sent


def test_the_usage_that_only_we_asked_for_does_not_pass() -> None:
    with house() as home:
        plain = ask(home.admit("openai_chat"), "openai_chat", stream=True)
        assert b'"usage"' not in plain.content
        assert plain.content.rstrip().endswith(b"[DONE]")
        assert home.models.requests[-1].body["stream_options"] == {"include_usage": True}
        assert home.rows()[0]["output_tokens"] == home.models.issued[0].tokens.output > 0


def test_only_what_is_named_of_a_requests_headers_leaves_and_the_key_is_the_providers() -> None:
    with house() as home, client(home.admit()) as agent:
        headers = {
            "anthropic-version": "2026-10-21",
            "anthropic-beta": "fine-things",
            "user-agent": "an-agent/1",
            "cookie": "a=b",
            "x-forwarded-for": "1.2.3.4",
        }
        agent.post("/v1/messages?beta=true&other=1", json=body("anthropic"), headers=headers)
        seen = home.models.requests[-1]
    assert seen.query == "beta=true"
    assert seen.headers["x-api-key"] == PROVIDER_KEY
    assert {"authorization", "cookie", "x-forwarded-for"}.isdisjoint(seen.headers)
    assert seen.headers["anthropic-version"] == "2026-10-21"
    assert seen.headers["anthropic-beta"] == "fine-things"
    assert seen.headers["user-agent"] == "an-agent/1"
    assert seen.headers["accept-encoding"] == "identity"


def test_several_lines_of_a_header_that_is_a_list_leave_as_one() -> None:
    lines = [("anthropic-beta", "one"), ("Anthropic-Beta", "two,three"), ("user-agent", "a"), ("user-agent", "b")]
    with house() as home, client(home.admit()) as agent:
        agent.post("/v1/messages", json=body("anthropic"), headers=lines)
        seen = home.models.requests[-1].headers
    assert (seen["anthropic-beta"], seen["user-agent"]) == ("one, two,three", "b")


def test_the_answers_headers_pass_but_for_those_of_the_connection() -> None:
    more = "request-id: req_1\r\nanthropic-ratelimit-tokens-remaining: 9\r\nset-cookie: a=b\r\nkeep-alive: 5\r\n"
    answer = raw_answer(of_the_server("anthropic", stream=False), more=more)
    with RawUpstream([answer]) as upstream, house(base_url=upstream.base_url) as home:
        headers = ask(home.admit()).headers
    assert headers["request-id"] == "req_1"
    assert headers["anthropic-ratelimit-tokens-remaining"] == "9"
    assert {"set-cookie", "keep-alive"}.isdisjoint(headers)


def test_what_leaves_differs_in_the_models_name_and_the_limit_of_output_only() -> None:
    with house() as home:
        wanted = body("anthropic", temperature=0.5, metadata={"user_id": "ü"}, max_tokens=1_000_000)
        with client(home.admit()) as agent:
            agent.post("/v1/messages", json=wanted)
        assert home.models.requests[-1].body == {**wanted, "model": "claude-real", "max_tokens": 32_000}


def test_a_missing_limit_of_output_is_put_in() -> None:
    with house() as home:
        ask(home.admit("openai_responses"), "openai_responses")
        assert home.models.requests[-1].body["max_output_tokens"] == 8192


def test_a_packed_request_is_unpacked() -> None:
    with house() as home, client(home.admit()) as agent:
        packed = gzip.compress(json.dumps(body("anthropic")).encode())
        answer = agent.post("/v1/messages", content=packed, headers={"content-encoding": "gzip"})
        assert answer.status_code == 200
        bomb = gzip.compress(bytes(65 * 1024 * 1024), compresslevel=1)
        assert agent.post("/v1/messages", content=bomb, headers={"content-encoding": "gzip"}).status_code == 400
        assert len(home.models.requests) == 1


def test_tokens_are_counted_without_a_record() -> None:
    with house() as home, client(home.admit()) as agent:
        answer = agent.post("/v1/messages/count_tokens", json=body("anthropic"))
        assert answer.json()["input_tokens"] > 0
        assert home.models.requests[-1].headers["x-api-key"] == PROVIDER_KEY
        assert home.models.requests[-1].body["model"] == "claude-real"
        assert home.rows() == []


def test_an_upstream_that_counts_is_asked_before_it_is_reserved() -> None:
    with house(upstream={"counts_tokens": True}) as home:
        ask(home.admit(), text="word " * 1000)
        assert [seen.path for seen in home.models.requests] == ["/v1/messages/count_tokens", "/v1/messages"]
        assert "max_tokens" not in home.models.requests[0].body


def test_there_is_one_model_and_a_harmless_front_page() -> None:
    with house() as home, client(home.admit()) as agent:
        told = agent.get("/v1/models").json()
        assert [model["id"] for model in told["data"]] == ["claude-real"]
        assert agent.get("/v1/models/claude").json()["id"] == "claude-real"
        assert agent.get("/v1/models/other").status_code == 404
        assert agent.head("/").status_code == 200
        assert agent.get("/").content == b"{}"
        assert agent.get("/v1/files").status_code == 404
        assert agent.delete("/v1/messages").status_code == 404
    assert home.models.requests == ()
