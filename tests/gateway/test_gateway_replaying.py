"""A run's calls are kept as they pass and played again without a key, an upstream, or a dollar."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from gateway_support import (
    PATHS,
    PROTOCOLS,
    PROVIDER_KEY,
    RawUpstream,
    ask,
    body,
    caller,
    client,
    house,
    raw_head,
    soon,
)

from penstock.domain.budget import Level
from penstock.domain.redaction import Redactor
from penstock.domain.usage import Caller, Tokens
from penstock.gateway.recording import Exchange, Recorder
from penstock.gateway.recordings.call_keys import CallKey, CallOrder
from penstock.gateway.recordings.places import Places
from penstock.gateway.remembering import Memory, Remember
from penstock.gateway.replaying import Replayed, Replayer, ReplayMode
from penstock.gateway.wire import Json
from penstock.ports.models import Stay, StopKind

THERE, HERE = {"worktree": "/there/tree", "home": "/there/home"}, {"worktree": "/here/tree", "home": "/here/home"}


def records(folder: Path) -> Remember:
    """Keep every call."""

    def remember(who: Caller, _stay: Stay, *, is_replay: bool) -> Memory:
        return Memory(caller=who, recorder=Recorder(folder, Redactor().redact, Places(THERE)))

    return remember


def replays(folder: Path, mode: ReplayMode = ReplayMode.STRICT) -> Remember:
    """Play every call."""

    def remember(who: Caller, _stay: Stay, *, is_replay: bool) -> Memory:
        return Memory(caller=who, replayer=Replayer(folder, Redactor().redact, Places(HERE), mode))

    return remember


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_was_kept_is_played_again_word_for_word(protocol: str, stream: bool, tmp_path: Path) -> None:
    texts = ["[[play:any]] Work in /there/tree", "[[play:any]] And then?"]
    with house(remember=records(tmp_path)) as home:
        visit = home.admit(protocol)
        kept = [ask(visit, protocol, stream=stream, text=text) for text in texts]
        used = sum(row["output_tokens"] for row in home.rows())
    with house(remember=replays(tmp_path), answers_for_all="replay") as home:
        visit = home.admit(protocol)
        assert visit.access.protocol == ("anthropic" if protocol == "anthropic" else "openai")
        played = [ask(visit, protocol, stream=stream, text=text.replace("/there/", "/here/")) for text in texts]
        assert [answer.status_code for answer in played] == [200, 200]
        assert home.models.requests == ()
        assert {row["upstream"] for row in home.rows()} == {"replay"}
        assert sum(row["output_tokens"] for row in home.rows()) == used
        assert {row["cost_usd"] for row in home.rows()} == {0}
    if not stream:
        shown = [{**answer.json(), "choices": None} for answer in played]
        assert shown == [{**answer.json(), "choices": None} for answer in kept]
        assert all("A short answer" in answer.text for answer in played)


def test_what_is_kept_holds_no_key(tmp_path: Path) -> None:
    with house(remember=records(tmp_path)) as home:
        visit = home.admit()
        ask(visit, text=f"my key is {PROVIDER_KEY}")
        key = visit.access.key
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert kept
    assert PROVIDER_KEY.encode() not in kept
    assert key.encode() not in kept


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_differs_ends_a_strict_replay(stream: bool, tmp_path: Path) -> None:
    with house(remember=records(tmp_path)) as home:
        ask(home.admit(), text="[[play:any]] one thing")
    with house(remember=replays(tmp_path), answers_for_all="replay") as home:
        visit = home.admit()
        assert ask(visit, stream=stream, text="[[play:any]] quite another").status_code == 502
        stop = visit.stop.result(timeout=0)
        assert stop.kind is StopKind.UNREACHABLE
        assert "differs" in stop.sentence
        assert home.rows()[0]["status"] == "refused"
        assert home.account(Level.RUN, "run-1").reserved.tokens == 0


def test_a_request_that_differs_is_answered_by_a_lenient_replay(tmp_path: Path) -> None:
    with house(remember=records(tmp_path)) as home:
        ask(home.admit(), text="[[play:any]] one thing")
    with house(remember=replays(tmp_path, ReplayMode.LENIENT), answers_for_all="replay") as home:
        assert ask(home.admit(), text="[[play:any]] quite another").status_code == 200


def test_a_call_that_was_not_recorded_is_said(tmp_path: Path) -> None:
    with house(remember=records(tmp_path)) as home:
        ask(home.admit())
    with house(remember=replays(tmp_path), answers_for_all="replay") as home:
        visit = home.admit()
        ask(visit)
        assert ask(visit).status_code == 502
        assert "nothing is recorded" in visit.stop.result(timeout=0).sentence


def test_without_a_recording_nothing_is_played() -> None:
    with house(answers_for_all="replay") as home:
        visit = home.admit_to("claude")
        assert ask(visit).status_code == 502
        assert visit.stop.result(timeout=0).kind is StopKind.UNREACHABLE


def test_a_budget_in_money_does_not_stop_a_replay_but_one_in_tokens_does(tmp_path: Path) -> None:
    with house(remember=records(tmp_path)) as home:
        visit = home.admit()
        assert [ask(visit).status_code for _ in range(2)] == [200, 200]
    with house(remember=replays(tmp_path), answers_for_all="replay") as home:
        home.cap(Level.RUN, "run-1", micros=1)
        visit = home.admit()
        assert ask(visit).status_code == 200
        home.cap(Level.RUN, "run-1", tokens=1)
        assert ask(visit).status_code == 400


def test_a_client_that_hangs_up_at_the_last_event_leaves_a_whole_recording(tmp_path: Path) -> None:
    with house(remember=records(tmp_path)) as home:
        wanted = body("anthropic", stream=True)
        with client(home.admit()) as agent, agent.stream("POST", PATHS["anthropic"], json=wanted) as answer:
            assert any("message_stop" in line for line in answer.iter_lines())
        soon(lambda: home.rows() != [])
        assert home.rows()[0]["status"] == "ok"
    with house(remember=replays(tmp_path), answers_for_all="replay") as home:
        assert ask(home.admit(), stream=True).status_code == 200


@pytest.mark.parametrize("asks_at_once", [False, True])
def test_a_client_that_goes_away_while_its_answer_is_looked_for_does_not_use_it_up(
    tmp_path: Path, asks_at_once: bool
) -> None:
    with house(remember=records(tmp_path)) as home:
        ask(home.admit())
    looks, may_end, under_way = threading.Semaphore(0), threading.Event(), list[int]()

    class Slow(Replayer):
        def find(self, key: CallKey, wire: str, request: Json) -> Replayed:
            under_way.append(threading.get_ident())
            looks.release()
            may_end.wait(20)
            assert len(under_way) == 1  # one call at a time
            found = super().find(key, wire, request)
            under_way.clear()
            return found

    def remember(who: Caller, _stay: Stay, *, is_replay: bool) -> Memory:
        return Memory(caller=who, replayer=Slow(tmp_path, Redactor().redact, Places(HERE), ReplayMode.STRICT))

    with house(remember=remember, answers_for_all="replay") as home, ThreadPoolExecutor(1) as pool:
        visit = home.admit()
        host, port = visit.access.base_url.removeprefix("http://").split(":")
        wanted = json.dumps(body("anthropic")).encode()
        head = f"POST /v1/messages HTTP/1.1\r\nx-api-key: {visit.access.key}\r\ncontent-length: {len(wanted)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=20) as agent:
            agent.sendall(head.encode() + wanted)
            assert looks.acquire(timeout=20)
        soon(lambda: all(task.cancelling() for task in visit.tasks))
        if not asks_at_once:
            may_end.set()
            soon(lambda: not under_way)
        again = pool.submit(ask, visit)
        soon(lambda: visit.calls == 2)
        may_end.set()
        assert again.result(timeout=20).status_code == 200
        assert sorted(row["status"] for row in home.rows()) == ["cut", "ok"]


@pytest.mark.slow
def test_a_stream_that_its_client_hangs_up_on_is_left_to_the_next_call(tmp_path: Path) -> None:
    message = {"id": "m", "type": "message", "role": "assistant", "stop_reason": "end_turn"}
    content = [{"type": "text", "text": "word " * 2_000_000}]  # more than is on the way to a client at once
    said = Exchange(
        wire="anthropic", request=body("anthropic"), message={**message, "content": content},
        tokens=Tokens(input=1, output=1), stop_reason="end_turn",
    )  # fmt: skip
    key = CallOrder(caller()).next(offers_tools=False)
    Recorder(tmp_path, Redactor().redact, Places(THERE)).keep(key, said)
    with house(remember=replays(tmp_path), answers_for_all="replay") as home:
        visit = home.admit()
        wanted = body("anthropic", stream=True)
        with client(visit) as agent, agent.stream("POST", PATHS["anthropic"], json=wanted) as answer:
            assert next(answer.iter_lines())
        soon(lambda: [row["status"] for row in home.rows()] == ["cut"])
        assert ask(visit).json()["content"] == content
        assert ask(visit).status_code == 502  # it is given once


def test_an_answer_that_broke_off_is_not_kept(tmp_path: Path) -> None:
    with house("any,drop", remember=records(tmp_path)) as home, pytest.raises(httpx2.RemoteProtocolError):
        ask(home.admit(), stream=True)
    assert not list(tmp_path.rglob("tools-*")) + list(tmp_path.rglob("plain-*"))


@pytest.mark.parametrize("more", ["", "content-length: 9999\r\n"])
@pytest.mark.parametrize("wanted", [1, 2])
def test_a_stream_that_broke_off_is_not_kept_whatever_of_it_had_come_to_an_end(
    wanted: int, more: str, tmp_path: Path
) -> None:
    said = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
    with (
        RawUpstream([raw_head(more=more), said]) as upstream,
        house(base_url=upstream.base_url, remember=records(tmp_path)) as home,
    ):
        with suppress(httpx2.RemoteProtocolError):
            ask(home.admit("openai_chat"), "openai_chat", stream=True, n=wanted)
        is_whole = wanted == 1 and not more
        assert [row["status"] for row in home.rows()] == ["ok" if is_whole else "cut"]
    assert bool(list(tmp_path.rglob("plain-*"))) is is_whole


def test_an_answer_that_can_not_be_kept_passes_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "something-else").write_text("x")
    troubles: list[BaseException] = []
    with house(remember=records(tmp_path), troubles=troubles) as home:
        assert ask(home.admit(), stream=True).status_code == 200
        assert ask(home.admit()).status_code == 200
    assert len(troubles) == 2
