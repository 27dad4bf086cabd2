"""Anthropic Messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .event_stream import argument_text, event, slices
from .playing import Answer, Ended, Piece, Words

_STOPS = {
    Ended.DONE: "end_turn",
    Ended.TOOLS: "tool_use",
    Ended.LENGTH: "max_tokens",
    Ended.REFUSAL: "refusal",
}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def whole(answer: Answer) -> Mapping[str, Any]:
    """The message."""
    return {
        **_head(answer),
        "content": [_block(one) for one in answer.pieces],
        "stop_reason": _STOPS[answer.ended],
        **_told(answer),
    }


def events(answer: Answer) -> Iterable[bytes]:
    """The message as a stream."""
    start = {**_head(answer), "content": [], "stop_reason": None, **_told(answer, output=1)}
    yield _event({"type": "message_start", "message": start})
    yield _event({"type": "ping"})
    for index, piece in enumerate(answer.pieces):
        yield from _streamed(index, piece)
    stop = {"stop_reason": _STOPS[answer.ended], "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": stop, **_told(answer)})
    yield _event({"type": "message_stop"})


def failed(answer: Answer) -> bytes:
    """The upstream fails in mid-stream."""
    return _event(dict(error(529, f"overloaded at answer {answer.number}")))


def error(status: int, message: str) -> Mapping[str, Any]:
    """An error's body."""
    return {"type": "error", "error": {"type": _ERRORS.get(status, "api_error"), "message": message}}


def _event(data: Mapping[str, Any]) -> bytes:
    return event(data, data["type"])


def _head(answer: Answer) -> Mapping[str, Any]:
    return {
        "id": f"msg_{answer.number:08}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "stop_sequence": None,
    }


def _told(answer: Answer, output: int | None = None) -> Mapping[str, Any]:
    if not answer.tells_usage:
        return {}
    tokens = answer.tokens
    usage = {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output if output is None else output,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation_input_tokens": tokens.cache_write + tokens.cache_write_long,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tokens.cache_write,
            "ephemeral_1h_input_tokens": tokens.cache_write_long,
        },
        "service_tier": "standard",
    }
    return {"usage": usage}


def _block(piece: Piece) -> Mapping[str, Any]:
    if isinstance(piece, Words):
        return {"type": "text", "text": piece.text}
    arguments = piece.call.arguments
    given = dict(arguments) if isinstance(arguments, Mapping) else {"input": arguments}
    return {"type": "tool_use", "id": piece.id, "name": piece.call.name, "input": given}


def _streamed(index: int, piece: Piece) -> Iterable[bytes]:
    if isinstance(piece, Words):
        begun: Mapping[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": text} for text in slices(piece.text)]
    else:
        begun = {**_block(piece), "input": {}}
        written = argument_text(piece.call.arguments)
        deltas = [{"type": "input_json_delta", "partial_json": text} for text in slices(written)]
    yield _event({"type": "content_block_start", "index": index, "content_block": begun})
    for delta in deltas:
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})
