"""Streams and messages of the three protocols, written as providers write them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from penstock.gateway.protocols import WIRES
from penstock.gateway.wire import Reader


def sse(*events: tuple[str, dict[str, Any]] | dict[str, Any] | str, end: str = "\n") -> bytes:
    """Events of a stream, named or not."""
    parts = []
    for one in events:
        name, data = one if isinstance(one, tuple) else ("", one)
        head = f"event: {name}{end}" if name else ""
        parts.append(f"{head}data: {data if isinstance(data, str) else json.dumps(data)}{end}{end}")
    return "".join(parts).encode()


def anthropic_stream() -> bytes:
    """Text, thinking and a tool's call, with cached input."""
    usage = {"input_tokens": 120, "output_tokens": 1, "cache_read_input_tokens": 5000}
    cache = {"cache_creation_input_tokens": 1000, "cache_creation": {"ephemeral_1h_input_tokens": 400}}
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    start["stop_sequence"] = None
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**start, "usage": {**usage, **cache}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s1"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Grüße, "}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "world"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "name": "Edit"}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"path":'}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ' "a.py"}'}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 45}},
        {"type": "message_stop"},
    ]
    return sse(*((str(one["type"]), one) for one in events))


def chat_stream(*, usage: bool = True) -> bytes:
    """Text and two tool calls, the usage alone at the end."""
    frame = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    def call(index: int, **said: str) -> dict[str, Any]:
        more = {"id": said["id"], "type": "function"} if "id" in said else {}
        return {"index": index, **more, "function": {key: value for key, value in said.items() if key != "id"}}

    counts = {"prompt_tokens": 1000, "completion_tokens": 77, "prompt_tokens_details": {"cached_tokens": 600}}
    last = [{**frame, "choices": [], "usage": counts}] if usage else []
    return sse(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Grüße, "}),
        chunk({"content": "world"}),
        chunk({"tool_calls": [call(0, id="c0", name="write", arguments="")]}),
        chunk({"tool_calls": [call(0, arguments='{"a":')]}),
        chunk({"tool_calls": [call(1, id="c1", name="bash", arguments='{"b": 2}')]}),
        chunk({"tool_calls": [call(0, arguments=" 1}")]}),
        chunk({}, "tool_calls"),
        *last,
        "[DONE]",
    )


def responses_message() -> dict[str, Any]:
    """A whole answer of the Responses protocol."""
    usage = {"input_tokens": 900, "input_tokens_details": {"cached_tokens": 100}, "output_tokens": 33}
    said = {"type": "output_text", "text": "Grüße, world", "annotations": []}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [
            {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [said]},
            {"type": "function_call", "id": "f1", "call_id": "c1", "name": "exec", "arguments": '{"cmd": "ls"}'},
        ],
        "usage": usage,
    }


def responses_stream() -> bytes:
    """The same, streamed."""
    return b"".join(WIRES["openai_responses"].told(responses_message(), streamed=True, with_usage=True))


STREAMS = {
    "anthropic": anthropic_stream(),
    "openai_chat": chat_stream(),
    "openai_responses": responses_stream(),
}


def read(name: str, stream: bytes, cuts: list[int] | None = None, *, streamed: bool = True) -> tuple[Reader, bytes]:
    """A reader that has seen a stream in pieces, and what it let through."""
    reader = WIRES[name].reader(streamed=streamed, asked_for_usage=False)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts or []), len(stream)]
    out = b"".join(reader.feed(stream[one:other]) for one, other in pairwise(edges))
    return reader, out + reader.finish()
