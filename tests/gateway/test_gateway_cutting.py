"""Calls that break off: each has its row, settled once, at what its stream had shown, and flagged."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from gateway_support import PATHS, PROTOCOLS, House, RawUpstream, ask, body, client, house, raw_answer, raw_head, soon

from model_server import Fault, FaultKind
from penstock.adapters.store.memory_ledger import MemoryLedger
from penstock.domain.budget import Leave, Level
from penstock.domain.usage import ModelCall
from penstock.gateway.keys import ProviderKey
from penstock.gateway.protocols import WIRES


def reserved(home: House) -> int:
    """What is reserved of the run's account."""
    return home.account(Level.RUN, "run-1").reserved.tokens


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_client_that_hangs_up_in_mid_stream_leaves_a_row_of_what_it_had_seen(protocol: str) -> None:
    with house("any,stall") as home:
        visit = home.admit(protocol)
        wanted = body(protocol, stream=True)
        with client(visit) as agent, agent.stream("POST", PATHS[protocol], json=wanted) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            home.models.wait_for_held(1)
        soon(lambda: len(home.rows()) == 1)
        row = home.rows()[0]
        assert (row["status"], row["estimated"], row["http_status"]) == ("cut", True, 200)
        assert row["input_tokens"] > 0
        assert row["cost_usd"] > 0
        assert row["error"] == "whoever asked went away"
        assert reserved(home) == 0
        home.models.wait_for_issued(1)  # the upstream was let go too


def test_a_client_that_hangs_up_before_the_answer_began_is_charged_for_what_was_read() -> None:
    with house("any,hang") as home:
        visit = home.admit()
        with pytest.raises(httpx2.ReadTimeout):
            ask(visit, timeout=0.3)
        soon(lambda: len(home.rows()) == 1)
        row = home.rows()[0]
        assert (row["status"], row["estimated"]) == ("cut", True)
        assert row["input_tokens"] > 0
        assert row["output_tokens"] == 0


def test_a_client_that_hangs_up_while_it_waits_its_turn_costs_nothing() -> None:
    with house(waits_for_ever=True) as home:
        home.cap(Level.RUN, "run-1", tokens=1500)
        home.models.fault(Fault(kind=FaultKind.HANG, times=1))
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(ask, home.admit(), max_tokens=1000)
            home.models.wait_for_held(1)
            with pytest.raises(httpx2.ReadTimeout):
                ask(home.admit(workstream="ws-2"), timeout=0.3, max_tokens=1000)
            soon(lambda: len(home.ledger.usage()) == 1)
            row = home.ledger.usage()[0]
            assert (row["status"], row["input_tokens"]) == ("refused", 0)
            home.models.release()
            assert first.result().status_code == 200
        assert reserved(home) == 0


def test_who_waits_its_turn_is_let_through_when_another_call_is_settled() -> None:
    with house(waits_for_ever=True) as home:
        home.cap(Level.RUN, "run-1", tokens=1500)
        home.models.fault(Fault(kind=FaultKind.HANG, times=1))
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(ask, home.admit(), max_tokens=1000)
            home.models.wait_for_held(1)
            waiting = home.admit(workstream="ws-2")
            second = pool.submit(ask, waiting, max_tokens=1000)
            soon(lambda: home.pauses != [])
            home.clock.advance(50)
            assert waiting.quiet_since == home.clock.monotonic()
            home.models.release()
            assert (first.result().status_code, second.result().status_code) == (200, 200)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_closing_a_visit_cuts_what_is_under_way(protocol: str) -> None:
    with house("any,stall") as home, client(visit := home.admit(protocol)) as agent:
        with agent.stream("POST", PATHS[protocol], json=body(protocol, stream=True)) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            home.models.wait_for_held(1)
            visit.close()
            with pytest.raises(httpx2.RemoteProtocolError):
                list(pieces)
        soon(lambda: len(home.rows()) == 1)
        assert home.rows()[0]["status"] == "cut"
        assert home.rows()[0]["error"] == "the attempt ended"
        assert reserved(home) == 0


def test_a_call_at_which_the_gateway_itself_fails_is_told_so_and_costs_nothing_if_it_never_left() -> None:
    troubles: list[BaseException] = []
    with house(troubles=troubles) as home:
        visit = home.admit()
        there = replace(visit.terms.destination, key=ProviderKey("no header can hold an ü"))
        visit.terms = replace(visit.terms, destination=there)
        assert ask(visit).status_code == 502
        soon(lambda: len(home.rows()) == 1)
        row = home.rows()[0]
        assert (row["status"], row["error"]) == ("failed", "the gateway itself failed")
        assert (row["input_tokens"], row["estimated"]) == (0, False)
        assert reserved(home) == 0
    assert [type(trouble) for trouble in troubles] == [UnicodeEncodeError]


def test_a_call_that_the_gateway_itself_fails_to_let_through_is_told_so() -> None:
    class Forgetful(MemoryLedger):
        async def reserve(self, call: ModelCall) -> Leave:
            raise KeyError(call.id)

    troubles: list[BaseException] = []
    with house(troubles=troubles, ledger=Forgetful()) as home:
        assert ask(home.admit()).status_code == 502
        soon(lambda: len(home.rows()) == 1)
        assert [(row["status"], row["error"]) for row in home.rows()] == [("refused", "the gateway itself failed")]
    assert [type(trouble) for trouble in troubles] == [KeyError]


def test_closing_a_visit_before_its_answer_began_is_told_to_who_asked() -> None:
    with house("any,hang") as home, ThreadPoolExecutor(1) as pool:
        visit = home.admit()
        call = pool.submit(ask, visit)
        home.models.wait_for_held(1)
        visit.close()
        assert call.result(timeout=10).status_code == 502
        soon(lambda: len(home.rows()) == 1)
        assert home.rows()[0]["status"] == "cut"


def test_closing_the_gateway_settles_what_is_under_way() -> None:
    with house("any,stall") as home, ThreadPoolExecutor(1) as pool:
        call = pool.submit(ask, home.admit())
        home.models.wait_for_held(1)
        home.gateway.close()
        assert [row["status"] for row in home.rows()] == ["cut"]
        assert reserved(home) == 0
        assert call.result(timeout=10).status_code == 502


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_that_the_upstream_cuts_is_cut_for_the_client_and_has_its_row(protocol: str) -> None:
    with house("any,drop") as home:
        with pytest.raises(httpx2.RemoteProtocolError):
            ask(home.admit(protocol), protocol, stream=True)
        row = home.rows()[0]
        assert (row["status"], row["estimated"], row["tries"]) == ("cut", True, 1)
        assert row["input_tokens"] > 0
        assert "broke the answer off" in row["error"]
        assert len(home.models.requests) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_at_once_that_breaks_off_is_not_asked_for_twice(protocol: str) -> None:
    with house("any,drop") as home:
        assert ask(home.admit(protocol), protocol).status_code == 502
        row = home.rows()[0]
        assert (row["status"], row["estimated"], row["tries"]) == ("cut", True, 1)
        assert row["input_tokens"] > 0


def test_an_answer_that_can_not_be_unpacked_is_not_passed_on_nor_asked_for_twice() -> None:
    packed = raw_answer(b"\x1b\x04\x00\xf8", more="content-encoding: br\r\n")
    with RawUpstream([packed], [packed]) as upstream, house(base_url=upstream.base_url) as home:
        answer = ask(home.admit())
        assert answer.status_code == 502
        assert 'packed by "br"' in answer.json()["error"]["message"]
        assert len(upstream.requests) == 1
        row = home.rows()[0]
        assert (row["status"], row["estimated"], row["tries"]) == ("cut", True, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_upstream_that_falls_silent_in_mid_stream_is_given_up(protocol: str) -> None:
    with house("any,stall", upstream={"idle_timeout": 0.3}) as home:
        with pytest.raises(httpx2.RemoteProtocolError):
            ask(home.admit(protocol), protocol, stream=True)
        assert home.rows()[0]["status"] == "cut"
        assert "nothing came for" in home.rows()[0]["error"]


def test_an_upstream_that_never_answers_is_given_up_and_not_asked_again() -> None:
    with house("any,hang", upstream={"idle_timeout": 0.3}) as home:
        visit = home.admit()
        assert ask(visit).status_code == 502
        soon(lambda: len(home.rows()) == 1)
        row = home.rows()[0]
        assert (row["status"], row["estimated"], row["tries"]) == ("failed", True, 1)
        assert row["input_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_garbage_passes_as_it_is_and_its_call_failed(protocol: str, stream: bool) -> None:
    with house("any,garbage") as home:
        answer = ask(home.admit(protocol), protocol, stream=stream)
        assert answer.content == b'{"id": "x", "choices": [ <<this is no JSON'
        row = home.rows()[0]
        assert row["status"] == "failed"
        assert row["estimated"]
        assert row["input_tokens"] > 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_error_within_a_stream_passes_and_its_call_failed(protocol: str) -> None:
    with house("any,error_event") as home:
        answer = ask(home.admit(protocol), protocol, stream=True)
        assert "error" in answer.text
        row = home.rows()[0]
        assert (row["status"], row["estimated"]) == ("failed", True)
        assert row["error"]


def test_an_answer_that_does_not_say_what_it_used_is_estimated() -> None:
    with house("any,no_usage") as home:
        ask(home.admit("openai_chat"), "openai_chat", stream=True)
        row = home.rows()[0]
        assert (row["status"], row["estimated"]) == ("ok", True)
        assert row["input_tokens"] > 0
        assert row["output_tokens"] > 0


def test_a_stream_under_another_name_is_read_as_a_stream() -> None:
    events = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
    with RawUpstream([raw_head("text/plain"), events, usage]) as upstream, house(base_url=upstream.base_url) as home:
        ask(home.admit("openai_chat"), "openai_chat", stream=True)
        assert (home.rows()[0]["input_tokens"], home.rows()[0]["output_tokens"]) == (5, 2)


def test_a_whole_answer_to_who_wanted_a_stream_is_read_as_it_is() -> None:
    told = b'{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":5,"completion_tokens":2}}'
    with RawUpstream([raw_answer(told)]) as upstream, house(base_url=upstream.base_url) as home:
        assert ask(home.admit("openai_chat"), "openai_chat", stream=True).content == told
        assert (home.rows()[0]["input_tokens"], home.rows()[0]["status"]) == (5, "ok")


@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", b""])
def test_counts_that_come_beside_the_last_words_only_are_the_counts(end: bytes) -> None:
    events = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
    last = (
        b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}'
    )
    with (
        RawUpstream([raw_head(), events, b"data: " + last + b"\n\n" + end]) as upstream,
        house(base_url=upstream.base_url) as home,
    ):
        ask(home.admit("openai_chat"), "openai_chat", stream=True)
        row = home.rows()[0]
        assert (row["status"], row["input_tokens"], row["output_tokens"], row["estimated"]) == ("ok", 5, 2, False)


def test_a_chat_is_settled_by_the_last_counts_that_it_tells() -> None:
    heard = threading.Event()

    def pieces() -> Iterator[bytes]:
        first = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
        yield (
            raw_head()
            + b"data: "
            + json.dumps(first | {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}).encode()
        )
        yield b"\n\n"
        assert heard.wait(20.0)
        yield b'data: {"choices":[],"usage":{"prompt_tokens":5000,"completion_tokens":700}}\n\ndata: [DONE]\n\n'

    with RawUpstream(pieces()) as upstream, house(base_url=upstream.base_url) as home:
        wanted = body("openai_chat", stream=True)
        with (
            client(home.admit("openai_chat")) as agent,
            agent.stream("POST", PATHS["openai_chat"], json=wanted) as told,
        ):
            for _ in told.iter_lines():
                heard.set()
        row = home.rows()[0]
        assert (row["status"], row["input_tokens"], row["output_tokens"]) == ("ok", 5000, 700)
        assert not row["estimated"]


def answered(protocol: str, read: object, written: object) -> dict[str, Any]:
    """An answer of 1500 bytes with these counts."""
    said = "word " * 300
    usage = {"input_tokens": read, "output_tokens": written}
    if protocol == "anthropic":
        return {"type": "message", "content": [{"type": "text", "text": said}], "usage": usage}
    if protocol == "openai_responses":
        output = [{"type": "message", "content": [{"type": "output_text", "text": said}]}]
        return {"status": "completed", "output": output, "usage": usage}
    choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": read, "completion_tokens": written}}


@pytest.mark.parametrize(
    ("read", "written"), [(10, None), (10, -5), (10, "7"), (10, True), (None, 7), (-5, 7), ("5", 7)]
)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_counts_that_can_not_be_are_estimated(protocol: str, stream: bool, read: object, written: object) -> None:
    told = b"".join(WIRES[protocol].told(answered(protocol, read, written), streamed=stream, with_usage=True))
    with (
        RawUpstream([raw_head() + told if stream else raw_answer(told)]) as upstream,
        house(base_url=upstream.base_url) as home,
    ):
        ask(home.admit(protocol), protocol, stream=stream)
        row = home.rows()[0]
        assert (row["status"], row["estimated"]) == ("ok", True)
        assert row["output_tokens"] == 500
        assert row["input_tokens"] == 10 if read == 10 else row["input_tokens"] > 20


def test_counts_beyond_all_reason_are_cut() -> None:
    told = b'{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":5,"completion_tokens":1e99}}'
    with RawUpstream([raw_answer(told)]) as upstream, house(base_url=upstream.base_url) as home:
        ask(home.admit("openai_chat"), "openai_chat")
        assert 0 <= home.rows()[0]["output_tokens"] <= 10**12


def test_a_call_that_is_late_is_not_the_agents_silence_once_it_speaks() -> None:
    with house("any,stall") as home, ThreadPoolExecutor(1) as pool:
        visit = home.admit()
        home.clock.advance(7)
        call = pool.submit(ask, visit, stream=True)
        home.models.wait_for_held(1)
        soon(lambda: visit.quiet_since == 7.0)
        home.clock.advance(5)
        assert visit.quiet_since == 7.0  # the upstream is silent: that is a silence
        home.models.release()
        assert call.result(timeout=10).status_code == 200
        assert visit.quiet_since == 12.0


def test_faults_of_one_call_leave_the_next_alone() -> None:
    with house() as home:
        home.models.fault(Fault(kind=FaultKind.DROP, times=1))
        visit = home.admit()
        with pytest.raises(httpx2.RemoteProtocolError):
            ask(visit, stream=True)
        assert ask(visit, stream=True).status_code == 200
        assert [row["status"] for row in sorted(home.rows(), key=lambda row: row["ordinal"])] == ["cut", "ok"]
