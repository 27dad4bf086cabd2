"""A recorded message, told again in any way, is the same message to who reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_support import read, sse

from message_shapes import ANTHROPIC, CHAT, MESSAGES, RESPONSE
from penstock.gateway.protocols import WIRES

CUTS = st.lists(st.integers(0, 5000), max_size=6)


def check_told(name: str, message: dict[str, Any], cuts: list[int]) -> None:
    streamed = b"".join(WIRES[name].told(message, streamed=True, with_usage=True))
    reader, _ = read(name, streamed, cuts)
    assert reader.error == ""
    assert reader.message == message
    assert reader.has_usage
    whole = b"".join(WIRES[name].told(message, streamed=False, with_usage=True))
    other, out = read(name, whole, cuts, streamed=False)
    assert (other.message, out) == (message, whole)
    assert (other.tokens, other.stop_reason) == (reader.tokens, reader.stop_reason)


@given(message=ANTHROPIC, cuts=CUTS)
def test_anthropic_messages_survive(message: dict[str, Any], cuts: list[int]) -> None:
    check_told("anthropic", message, cuts)


@given(message=CHAT, cuts=CUTS)
def test_chat_completions_survive(message: dict[str, Any], cuts: list[int]) -> None:
    check_told("openai_chat", message, cuts)


@given(message=RESPONSE, cuts=CUTS)
def test_responses_survive(message: dict[str, Any], cuts: list[int]) -> None:
    check_told("openai_responses", message, cuts)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_half_a_character_in_a_text_does_not_break_an_answer(name: str) -> None:
    shapes = {
        "anthropic": {"content": [{"type": "text", "text": "\ud800"}]},
        "openai_chat": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "\ud800"}}]},
        "openai_responses": {"output": [{"type": "message", "content": [{"type": "output_text", "text": "\ud800"}]}]},
    }
    for streamed in (True, False):
        assert b"ud800" in b"".join(WIRES[name].told(shapes[name], streamed=streamed, with_usage=True))


def anthropic_call(*pieces: str) -> bytes:
    block = {"type": "tool_use", "id": "t", "name": "Edit", "input": {}}
    return sse(
        {"type": "message_start", "message": {"type": "message", "role": "assistant"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": {"partial_json": piece}} for piece in pieces),
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    )


def test_arguments_that_broke_off_are_kept_as_they_came_and_told_so_again() -> None:
    message = read("anthropic", anthropic_call('{"path": ', '"a.'))[0].message
    assert message is not None
    assert message["content"][0]["input"] == '{"path": "a.'
    again = b"".join(WIRES["anthropic"].told(message, streamed=True, with_usage=True))
    assert read("anthropic", again)[0].message == {**message, "stop_sequence": None}
    whole = json.loads(b"".join(WIRES["anthropic"].told(message, streamed=False, with_usage=True)))
    assert whole["content"][0]["input"] == {}


def test_events_of_the_anthropic_stream_come_as_clients_expect_them() -> None:
    message = read("anthropic", anthropic_call('{"path": "a.py"}'))[0].message
    assert message is not None
    told = b"".join(WIRES["anthropic"].told(message, streamed=True, with_usage=True)).decode()
    names = [line.removeprefix("event: ") for line in told.splitlines() if line.startswith("event: ")]
    assert names == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip


def test_events_of_the_responses_stream_are_numbered_and_end_with_the_whole() -> None:
    call = {
        "type": "function_call",
        "id": "f",
        "call_id": "c",
        "name": "exec",
        "arguments": "{}",
        "status": "completed",
    }
    text = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "hi", "annotations": []}]}
    message = {"id": "r", "status": "completed", "output": [text, call], "usage": {"output_tokens": 1}}
    told = b"".join(WIRES["openai_responses"].told(message, streamed=True, with_usage=True)).decode()
    events = [json.loads(line.removeprefix("data: ")) for line in told.splitlines() if line.startswith("data: ")]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert events[-1]["response"] == message
    assert (events[2]["item"]["content"], events[8]["item"]["arguments"]) == ([], "")
