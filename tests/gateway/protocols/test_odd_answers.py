"""Answers of servers that keep to a protocol in their own way, or to none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_support import STREAMS, chat_stream, read, responses_message, sse

from penstock.domain.usage import Tokens
from penstock.gateway.protocols import WIRES
from penstock.gateway.protocols.untrusted import DEEPEST, MOST_BRACKETS, MOST_TOKENS, count, parsed
from penstock.gateway.wire import RequestUnfit

NAMES = sorted(WIRES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@given(cuts=st.lists(st.integers(0, 5000), max_size=20))
def test_streams_with_other_line_ends_pass_and_count_alike(name: str, end: bytes, cuts: list[int]) -> None:
    stream = STREAMS[name].replace(b"\n", end)
    reader, out = read(name, stream, cuts)
    expected = (STREAMS[name] if name != "openai_chat" else chat_stream(usage=False)).replace(b"\n", end)
    assert out == expected
    assert reader.message == read(name, STREAMS[name])[0].message


def chunk(index: int = 0, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def test_an_anthropic_answer_passes_without_waiting_for_its_events_to_be_whole() -> None:
    assert WIRES["anthropic"].reader(streamed=True, asked_for_usage=False).feed(b"event: mess") == b"event: mess"


def test_a_chat_with_several_choices_is_complete_when_all_of_them_are() -> None:
    reader = WIRES["openai_chat"].reader(streamed=True, asked_for_usage=True)
    reader.feed(sse(chunk(0, content="a"), chunk(1, content="b"), chunk(0, "stop")))
    assert not reader.is_complete
    reader.feed(sse(chunk(1, "stop")))
    assert reader.is_complete


def test_a_chat_whose_choices_come_one_after_another_is_complete_when_as_many_are_as_were_wanted() -> None:
    reader = WIRES["openai_chat"].reader(streamed=True, asked_for_usage=True, answers=2)
    reader.feed(sse(chunk(0, content="a"), chunk(0, "stop")))
    assert not reader.is_complete
    reader.feed(sse(chunk(1, content="b"), chunk(1, "stop")))
    assert reader.is_complete


def test_a_server_that_gives_fewer_choices_than_were_wanted_is_complete_when_it_says_that_it_is_done() -> None:
    reader = WIRES["openai_chat"].reader(streamed=True, asked_for_usage=True, answers=2)
    reader.feed(sse(chunk(0, "stop", content="a"), "[DONE]"))
    assert reader.is_complete


def test_a_chat_without_a_reason_for_its_end_is_complete_when_it_says_that_it_is_done() -> None:
    reader, _ = read("openai_chat", sse(chunk(content="a"), "[DONE]"))
    assert (reader.is_complete, reader.stop_reason) == (True, "")
    assert not read("openai_chat", sse(chunk(content="a")))[0].is_complete


def counts(read: int | None, written: int | None) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": read, "completion_tokens": written}}


LAST = {"choices": [], **counts(5000, 700)}
COUNTED: dict[str, tuple[list[Any], int, bool]] = {
    "alone at the end": ([chunk(content="a"), chunk(0, "stop"), LAST, "[DONE]"], 2, True),
    "nothing at first": ([{**chunk(content="a"), **counts(0, 0)}, chunk(0, "stop"), LAST, "[DONE]"], 2, True),
    "nothing beside the end": ([chunk(content="a"), {**chunk(0, "stop"), **counts(0, 0)}, LAST, "[DONE]"], 2, True),
    "half beside the end": ([chunk(content="a"), {**chunk(0, "stop"), **counts(9, None)}, LAST, "[DONE]"], 2, True),
    "beside the end only": ([chunk(content="a"), {**chunk(0, "stop"), **counts(5000, 700)}, "[DONE]"], 2, True),
    "with each piece": ([{**chunk(0, "stop", content="a"), **counts(9, 1)}, LAST, "[DONE]"], 1, True),
    "early and never again": ([{**chunk(content="a"), **counts(9, 1)}, chunk(0, "stop", content="b")], 2, False),
    "half and never again": ([chunk(content="a"), {**chunk(0, "stop"), **counts(9, None)}, "[DONE]"], 3, False),
    "never": ([chunk(content="a"), chunk(0, "stop"), "[DONE]"], 3, False),
}


@pytest.mark.parametrize("name", COUNTED)
def test_the_counts_of_a_chat_are_final_when_no_later_chunk_can_tell_others(name: str) -> None:
    events, at, is_counted = COUNTED[name]
    reader = WIRES["openai_chat"].reader(streamed=True, asked_for_usage=True)
    final = [bool(reader.feed(sse(event)) and reader.is_final) for event in events]
    assert final == [is_counted and place >= at for place in range(len(events))]
    assert (reader.has_usage, reader.is_complete) == (is_counted, True)
    assert not is_counted or reader.tokens == Tokens(input=5000, output=700)


def test_servers_that_repeat_a_tools_name_and_leave_its_number_out_are_understood() -> None:
    function = {"name": "bash", "arguments": "{}"}
    again = {"id": "c0", "type": "function", "index": 0, "function": {"name": "bash", "arguments": " "}}
    stream = sse(
        chunk(tool_calls=[{"id": "c0", "type": "function", "function": function}]),
        chunk(tool_calls=[again]),
        chunk(tool_calls=[{"id": "c1", "type": "function", "function": function}]),
        chunk(0, "tool_calls"),
    )
    message = read("openai_chat", stream)[0].message
    assert message is not None
    calls = message["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("c0", {"name": "bash", "arguments": "{} "}),
        ("c1", function),
    ]


def calls_of(*pieces: dict[str, Any]) -> list[tuple[str, str, str]]:
    events = [chunk(tool_calls=[{"index": 0, "type": "function", **piece}]) for piece in pieces]
    message = read("openai_chat", sse(*events, chunk(0, "tool_calls"), "[DONE]"))[0].message
    assert message is not None
    calls = message["choices"][0]["message"]["tool_calls"]
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]


def test_calls_of_tools_that_were_given_one_number_are_told_apart_by_their_ids() -> None:
    assert calls_of(
        {"id": "a", "function": {"name": "read", "arguments": '{"p":'}},
        {"function": {"arguments": "1}"}},
        {"id": "b", "function": {"name": "write", "arguments": '{"p":'}},
        {"function": {"arguments": "2}"}},
        {"id": "c", "function": {"name": "write", "arguments": "{}"}},
    ) == [("a", "read", '{"p":1}'), ("b", "write", '{"p":2}'), ("c", "write", "{}")]


def test_a_call_of_a_tool_whose_pieces_have_ids_of_their_own_is_one() -> None:
    assert calls_of(
        {"id": "a", "function": {"name": "read", "arguments": '{"p":'}},
        {"id": "b", "function": {"arguments": "1"}},
        {"id": "c", "function": {"name": None, "arguments": "}"}},
    ) == [("a", "read", '{"p":1}')]


def test_what_was_written_to_a_cache_is_counted_apart() -> None:
    details = {"cached_tokens": 30, "cache_write_tokens": 50}
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": details}
    reader, _ = read("openai_chat", sse({"choices": [], "usage": usage}))
    assert reader.tokens == Tokens(input=20, output=7, cache_read=30, cache_write=50)


def test_cached_counts_larger_than_all_of_them_are_cut() -> None:
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 90, "cache_write_tokens": 90}}
    assert read("openai_chat", sse({"choices": [], "usage": usage}))[0].tokens == Tokens(cache_read=10)


def test_the_last_anthropic_count_wins_even_if_it_is_smaller() -> None:
    first = {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 0}
    last = {"input_tokens": 20, "output_tokens": 9, "cache_read_input_tokens": 80, "cache_creation": None}
    stream = sse(
        {"type": "message_start", "message": {"usage": first}},
        {"type": "message_delta", "delta": {}, "usage": last},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 12}},
    )
    assert read("anthropic", stream)[0].tokens == Tokens(input=20, output=12, cache_read=80)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_it_took_to_shorten_a_conversation_on_the_way_is_counted_too(streamed: bool) -> None:
    shortened = {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500, "cache_read_input_tokens": 7}
    answered = {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000}
    usage = {"input_tokens": 23_000, "output_tokens": 1_000, "iterations": [shortened, answered, None]}
    message = {"type": "message", "content": [], "usage": usage}
    told = sse({"type": "message_delta", "delta": {}, "usage": usage}) if streamed else json.dumps(message).encode()
    reader, _ = read("anthropic", told, streamed=streamed)
    assert reader.tokens == Tokens(input=203_000, output=4_500, cache_read=7)


def test_a_last_response_that_says_only_the_counts_is_filled_with_the_items_that_came() -> None:
    items = responses_message()["output"]
    done = [{"type": "response.output_item.done", "output_index": at, "item": item} for at, item in enumerate(items)]
    end = {"type": "response.completed", "response": {**responses_message(), "output": []}}
    reader, _ = read("openai_responses", sse(*reversed(done), end))
    assert reader.message == responses_message()
    assert reader.output_seen == len("Grüße, world".encode()) + len('{"cmd": "ls"}')


@pytest.mark.parametrize(
    ("kind", "is_complete", "error"),
    [("completed", True, ""), ("incomplete", True, ""), ("failed", False, "the model failed")],
)
def test_a_last_response_that_does_not_say_its_status_has_that_of_its_event(
    kind: str, is_complete: bool, error: str
) -> None:
    response = {name: value for name, value in responses_message().items() if name != "status"}
    reader, _ = read("openai_responses", sse({"type": f"response.{kind}", "response": response}))
    assert (reader.stop_reason, reader.is_complete, reader.error) == (kind, is_complete, error)
    assert reader.is_final is is_complete
    assert reader.message == ({**response, "status": kind} if is_complete else None)


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_does_not_stream_although_it_was_asked_to_is_understood(name: str) -> None:
    message = read(name, STREAMS[name])[0].message
    body = json.dumps(message, indent=1).encode()
    reader, out = read(name, body, [5, 60])
    assert (reader.message, out) == (message, body)


@pytest.mark.parametrize("name", NAMES)
def test_one_event_that_can_not_be_read_is_said_and_the_others_count(name: str) -> None:
    broken = b"data: {\xff}\n\n"
    reader, out = read(name, broken + STREAMS[name])
    assert out.startswith(broken)
    assert reader.has_usage
    assert "can be read" in reader.error or "not JSON" in reader.error
    assert reader.message is None


@pytest.mark.parametrize("name", NAMES)
def test_a_failed_response_keeps_its_counts(name: str) -> None:
    message = {**(read(name, STREAMS[name])[0].message or {}), "error": {"message": "broke"}, "status": "failed"}
    reader, _ = read(name, json.dumps(message).encode(), streamed=False)
    assert (reader.error, reader.has_usage, reader.message) == ("broke", True, None)


@pytest.mark.slow
def test_an_answer_of_countless_objects_is_counted_but_not_kept() -> None:
    reader = WIRES["openai_chat"].reader(streamed=True, asked_for_usage=True)
    many = sse(chunk(annotations=[{}] * 900_000))
    for _ in range(5):
        assert reader.feed(many) == many
    reader.feed(chat_stream())
    assert (reader.is_complete, reader.has_usage, reader.message) == (True, True, None)


def test_json_that_is_too_deep_or_holds_too_many_brackets_is_not_read() -> None:
    assert parsed('{"a": ' * DEEPEST + "1" + "}" * DEEPEST) is not None
    assert parsed('{"a": ' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1)) is None
    assert parsed('{"a": [' + "[]," * 200 + "1]}") is not None
    assert parsed('{"a": "' + "[" * (MOST_BRACKETS + 1) + '"}') is None


@pytest.mark.parametrize(
    "text", ["NaN", "[1]", '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', "", "\ud800", "9" * 5000]
)
def test_what_is_no_object_of_json_is_not_read(text: str) -> None:
    assert parsed(text) is None


@given(st.one_of(st.floats(), st.integers(), st.just(10**400), st.text(), st.none(), st.booleans()))
def test_a_count_is_a_whole_number_within_reason(value: object) -> None:
    found = count(value)
    assert type(found) is int
    assert 0 <= found <= MOST_TOKENS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [1, "true", "", []])
def test_a_wish_for_a_stream_that_two_may_read_differently_is_refused(name: str, wrong: object) -> None:
    body = {"model": "m", "messages": [], "input": [], "stream": wrong}
    with pytest.raises(RequestUnfit, match="stream"):
        WIRES[name].asked(body)


@pytest.mark.parametrize("options", [3, [True], {"include_usage": "yes"}])
def test_wishes_for_usage_of_no_known_shape_are_refused(options: object) -> None:
    with pytest.raises(RequestUnfit):
        WIRES["openai_chat"].asked({"model": "m", "messages": [], "stream_options": options})


@pytest.mark.parametrize("asked", [{}, {"max_tokens": 7}, {"max_completion_tokens": 7}, {"max_tokens": None}])
@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gpt-5", "max_completion_tokens"),
        ("openai/gpt-5.1-codex", "max_completion_tokens"),
        ("o3-mini", "max_completion_tokens"),
        ("ft:o4-mini-2025-04-16:mine::1", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("gpt-oss:20b", "max_tokens"),
        ("qwen3-coder", "max_tokens"),
        ("olmo-2", "max_tokens"),
        ("marco-o1", "max_tokens"),
    ],
)
def test_a_limit_leaves_by_the_one_name_that_the_models_servers_heed(
    model: str, limit: str, asked: dict[str, int | None]
) -> None:
    after = WIRES["openai_chat"].rewritten({"model": "x", "messages": [], **asked}, model=model, max_output=9)
    wanted = next(iter(asked.values()), None) or 9
    assert {name: after[name] for name in after if name.startswith("max")} == {limit: wanted}


def test_of_two_limits_the_larger_is_reserved_and_leaves_lowered() -> None:
    body = {"model": "x", "messages": [], "max_tokens": 5, "max_completion_tokens": 900}
    assert WIRES["openai_chat"].asked(body).max_output == 900
    after = WIRES["openai_chat"].rewritten(body, model="x", max_output=100)
    assert {name: after[name] for name in after if name.startswith("max")} == {"max_tokens": 100}
