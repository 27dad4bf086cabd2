"""The three protocols on the wire: what is asked, what passes on, what is counted, how a recorded answer is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_support import STREAMS, anthropic_stream, chat_stream, read, responses_message, responses_stream, sse

from penstock.domain.usage import NO_TOKENS, Tokens
from penstock.gateway.protocols import WIRES
from penstock.gateway.serving import ROUTES
from penstock.gateway.wire import Refusal, RequestUnfit

NAMES = sorted(WIRES)
USED = {
    "anthropic": Tokens(input=120, output=45, cache_read=5000, cache_write=600, cache_write_long=400),
    "openai_chat": Tokens(input=400, output=77, cache_read=600),
    "openai_responses": Tokens(input=800, output=33, cache_read=100),
}
STOPPED = {"anthropic": "tool_use", "openai_chat": "tool_calls", "openai_responses": "completed"}


def request(name: str, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": "hello"}]
    return {"model": "cheap", ("input" if name == "openai_responses" else "messages"): turns, **more}


# what is asked


@pytest.mark.parametrize("name", NAMES)
def test_a_request_says_its_model_whether_it_is_streamed_and_its_newest_words(name: str) -> None:
    wire = WIRES[name]
    asked = wire.asked(request(name, stream=True, tools=[{"name": "x"}]))
    assert (asked.model, asked.streamed, asked.max_output, asked.offers_tools) == ("cheap", True, None, True)
    assert asked.last_user_text == "hello"
    assert not wire.asked(request(name)).streamed


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        ("anthropic", [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]),
        ("openai_chat", [{"role": "user", "content": [{"type": "text", "text": "a\nb"}]}, {"role": "assistant"}]),
        ("openai_responses", [{"role": "user", "content": [{"type": "input_text", "text": "a\nb"}]}, {"type": "x"}]),
    ],
)
def test_the_newest_words_are_found_in_blocks_and_results_of_tools_are_none(name: str, turns: list[Any]) -> None:
    key = "input" if name == "openai_responses" else "messages"
    result = {"role": "user", "content": [{"type": "tool_result", "text": "no", "content": "no"}]}
    assert WIRES[name].asked({"model": "m", key: [*turns, result]}).last_user_text == "a\nb"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [{"model": None}, {"model": 3}, {"messages": "x", "input": 3}])
def test_a_request_of_no_such_shape_is_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestUnfit):
        WIRES[name].asked({**request(name), **wrong})


@pytest.mark.parametrize(
    ("name", "key", "model"),
    [
        ("anthropic", "max_tokens", "real"),
        ("openai_chat", "max_tokens", "real"),
        ("openai_chat", "max_completion_tokens", "gpt-5"),
        ("openai_responses", "max_output_tokens", "real"),
    ],
)
def test_an_output_limit_is_lowered_to_what_was_reserved_and_never_raised(name: str, key: str, model: str) -> None:
    wire = WIRES[name]
    assert wire.asked(request(name, **{key: 500})).max_output == 500
    assert wire.rewritten(request(name, **{key: 500}), model=model, max_output=200)[key] == 200
    assert wire.rewritten(request(name, **{key: 50}), model=model, max_output=200)[key] == 50
    for wrong in (0, -1, "many", 1.5, True):
        with pytest.raises(RequestUnfit):
            wire.asked(request(name, **{key: wrong}))


@pytest.mark.parametrize(
    ("asked", "budget", "limit", "left"),
    [
        (40_000, 32_000, 32_000, 24_000),
        (40_000, 39_000, 8_000, 7_000),
        (40_000, 10_000, 2_000, 1_024),
        (40_000, 32_000, 40_000, 32_000),
        (40_000, 5_000, 8_000, 5_000),
        (4_000, 32_000, 2_000, 32_000),  # allowed where the model thinks between calls of tools
    ],
)
def test_a_budget_of_thinking_stays_below_a_limit_that_was_lowered(
    asked: int, budget: int, limit: int, left: int
) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
    before = request("anthropic", max_tokens=asked, thinking=thinking)
    after = WIRES["anthropic"].rewritten(before, model="real", max_output=limit)
    assert after["thinking"] == {**thinking, "budget_tokens": left}
    assert before["thinking"]["budget_tokens"] == budget


@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "disabled"}, None, {"budget_tokens": "many"}])
def test_a_wish_to_think_without_a_budget_stays_as_it_is(thinking: object) -> None:
    before = request("anthropic", max_tokens=4_000, thinking=thinking)
    assert WIRES["anthropic"].rewritten(before, model="real", max_output=500)["thinking"] == thinking


def test_thinking_for_which_a_lowered_limit_leaves_no_room_is_refused() -> None:
    before = request("anthropic", max_tokens=4_000, thinking={"type": "enabled", "budget_tokens": 2_000})
    with pytest.raises(RequestUnfit, match="above 1024 tokens; that of this model is 1024"):
        WIRES["anthropic"].rewritten(before, model="real", max_output=1_024)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_changed_but_the_model_a_missing_limit_and_the_wish_for_usage(name: str) -> None:
    before = request(name, stream=True, temperature=0.5, tools=[{"x": [1, None]}], stream_options={"other": 1})
    after = WIRES[name].rewritten(before, model="real", max_output=200)
    changed = {key for key in after if after[key] != before.get(key)}
    limit = "max_output_tokens" if name == "openai_responses" else "max_tokens"
    assert changed == {"model", limit} | ({"stream_options"} if name == "openai_chat" else set())
    assert after["model"] == "real"
    if name == "openai_chat":
        assert after["stream_options"] == {"other": 1, "include_usage": True}


def test_the_paths_lead_to_the_protocols() -> None:
    assert {path: wire.name for path, wire in ROUTES.items()} == {
        "/v1/messages": "anthropic",
        "/v1/chat/completions": "openai_chat",
        "/v1/responses": "openai_responses",
    }


# what passes on and is counted


@pytest.mark.parametrize("name", NAMES)
@given(cuts=st.lists(st.integers(0, 5000), max_size=30))
def test_however_a_stream_is_cut_the_same_bytes_pass_and_the_same_is_counted(name: str, cuts: list[int]) -> None:
    reader, out = read(name, STREAMS[name], cuts)
    expected = STREAMS[name] if name != "openai_chat" else chat_stream(usage=False)
    assert out == expected
    assert (reader.tokens, reader.has_usage) == (USED[name], True)
    assert (reader.stop_reason, reader.is_complete, reader.error) == (STOPPED[name], True, "")
    assert reader.message is not None


def test_the_usage_chunk_passes_to_a_client_that_asked_for_it() -> None:
    reader = WIRES["openai_chat"].reader(streamed=True, asked_for_usage=True)
    assert reader.feed(chat_stream()) + reader.finish() == chat_stream()
    assert WIRES["openai_chat"].asked_for_usage({"stream_options": {"include_usage": True}})
    assert not WIRES["openai_chat"].asked_for_usage({"stream_options": None})


def test_usage_beside_the_last_words_passes_unchanged() -> None:
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7}}
    stream = sse({"choices": [{"index": 0, "delta": {"content": "x"}}]}, last, "[DONE]")
    reader, out = read("openai_chat", stream)
    assert out == stream
    assert reader.tokens == Tokens(input=7)


def test_lines_may_end_as_windows_ends_them() -> None:
    stream = anthropic_stream().replace(b"\n", b"\r\n")
    reader, out = read("anthropic", stream, list(range(0, len(stream), 7)))
    assert out == stream
    assert reader.tokens == USED["anthropic"]


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_breaks_off_is_not_complete_and_shows_what_was_seen(name: str) -> None:
    stream = STREAMS[name][: len(STREAMS[name]) // 2]
    reader, out = read(name, stream)
    assert out == stream
    assert not reader.is_complete
    assert reader.message is None
    assert not reader.has_usage
    assert reader.output_seen > 0


def test_the_first_counts_of_a_broken_anthropic_stream_are_known() -> None:
    reader, _ = read("anthropic", anthropic_stream()[:700])
    assert reader.tokens.all_input == 6120


def test_a_whole_answer_is_counted_too() -> None:
    for name in NAMES:
        message = read(name, STREAMS[name])[0].message
        body = json.dumps(message).encode()
        reader, out = read(name, body, [10, 20], streamed=False)
        assert out == body
        assert (reader.tokens, reader.stop_reason, reader.is_complete) == (USED[name], STOPPED[name], True)
        assert reader.message == message


def test_a_message_is_put_together_from_its_stream() -> None:
    message = read("anthropic", anthropic_stream())[0].message
    assert message is not None
    assert message["content"] == [
        {"type": "thinking", "thinking": "hm ", "signature": "s1"},
        {"type": "text", "text": "Grüße, world"},
        {"type": "tool_use", "id": "t", "name": "Edit", "input": {"path": "a.py"}},
    ]
    assert message["usage"]["output_tokens"] == 45
    message = read("openai_chat", chat_stream())[0].message
    assert message is not None
    (choice,) = message["choices"]
    calls = [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in choice["message"]["tool_calls"]
    ]
    assert calls == [("c0", "write", '{"a": 1}'), ("c1", "bash", '{"b": 2}')]
    assert choice["message"]["content"] == "Grüße, world"
    assert read("openai_responses", responses_stream())[0].message == responses_message()


# what a recorded answer sounds like


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_message_told_as_a_stream_is_read_as_the_same_message(name: str) -> None:
    message = read(name, STREAMS[name])[0].message
    assert message is not None
    stream = b"".join(WIRES[name].told(message, streamed=True, with_usage=True))
    again, _ = read(name, stream)
    assert again.message == message
    assert again.tokens == USED[name]
    whole = b"".join(WIRES[name].told(message, streamed=False, with_usage=True))
    assert json.loads(whole) == message


def test_usage_is_told_in_a_chat_stream_only_to_who_asked() -> None:
    message = read("openai_chat", chat_stream())[0].message
    assert message is not None
    stream = b"".join(WIRES["openai_chat"].told(message, streamed=True, with_usage=False))
    assert b'"usage"' not in stream
    assert stream.endswith(b"data: [DONE]\n\n")


# enemies


@pytest.mark.parametrize("name", NAMES)
@given(garbage=st.binary(max_size=400), streamed=st.booleans())
def test_whatever_comes_passes_on_and_nothing_is_raised(name: str, garbage: bytes, streamed: bool) -> None:
    reader, out = read(name, garbage, [3, 50], streamed=streamed)
    assert out == garbage
    assert not reader.is_complete
    assert reader.tokens == NO_TOKENS


KEYS = [
    "type", "message", "usage", "index", "delta", "content_block", "content", "choices", "tool_calls", "function",
    "arguments", "response", "output", "error", "input_tokens", "prompt_tokens", "cache_creation", "text",
    "stop_reason",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5)
TYPES = ["message_start", "content_block_start", "content_block_delta", "message_delta", "response.completed", "error"]


@pytest.mark.parametrize("name", NAMES)
@given(
    bodies=st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5), max_size=4), kind=st.sampled_from(TYPES)
)
def test_answers_of_any_shape_never_raise_and_counts_stay_whole_and_not_negative(
    name: str, bodies: list[dict[str, Any]], kind: str
) -> None:
    stream = sse(*({**body, "type": body.get("type") or kind} for body in bodies))
    reader, _ = read(name, stream)
    counts = [getattr(reader.tokens, field) for field in Tokens.__slots__]
    assert all(isinstance(one, int) and 0 <= one <= 200_000_000 for one in counts)
    for body in bodies:
        read(name, json.dumps(body).encode(), streamed=False)


@pytest.mark.parametrize("value", [-5, "9", None, True, float("nan"), float("inf"), 10**30, [1], 3.7])
def test_an_absurd_count_is_taken_for_something_within_reason(value: object) -> None:
    stream = sse({"type": "message_delta", "delta": {}, "usage": {"output_tokens": value}})
    reader, _ = read("anthropic", stream)
    assert 0 <= reader.tokens.output <= 100_000_000


def test_an_event_without_an_end_is_passed_on_before_it_fills_the_memory() -> None:
    reader = WIRES["anthropic"].reader(streamed=True, asked_for_usage=True)
    piece, out = b"x" * (1024 * 1024), 0
    for _ in range(20):
        out += len(reader.feed(piece))
    assert out >= 16 * len(piece)
    assert out + len(reader.finish()) == 20 * len(piece)


@pytest.mark.parametrize("name", NAMES)
def test_json_nested_beyond_reason_is_no_answer(name: str) -> None:
    deep = b'{"a":' * 100_000
    reader, out = read(name, b"data: " + deep + b"\n\n")
    assert out == b"data: " + deep + b"\n\n"
    assert "not JSON" in reader.error


@pytest.mark.parametrize("name", NAMES)
def test_an_error_within_an_answer_is_told(name: str) -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "too busy"}, "message": "too busy"}
    reader, _ = read(name, sse(body))
    assert (reader.error, reader.is_complete) == ("too busy", False)
    reader, _ = read(name, json.dumps(body).encode(), streamed=False)
    assert (reader.error, reader.is_complete) == ("too busy", False)


# errors of our own


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", list(Refusal))
def test_every_refusal_is_an_error_in_the_providers_shape(name: str, kind: Refusal) -> None:
    status, body = WIRES[name].refusal(kind, "a reason")
    said = json.loads(body)
    assert said["error"]["message"] == "a reason"
    assert said["error"]["type"]
    assert ("code" in said["error"]) == (name != "anthropic")
    assert 400 <= status < 600
    if kind in (Refusal.BUDGET, Refusal.TOO_MANY_CALLS):
        assert status == 400, "clients would try again"
