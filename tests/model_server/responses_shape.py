"""OpenAI Responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .event_stream import argument_text, event, slices
from .playing import Answer, Ended, Piece, Words

_INCOMPLETE = {Ended.LENGTH: "max_output_tokens", Ended.REFUSAL: "content_filter"}


def whole(answer: Answer) -> Mapping[str, Any]:
    """The response."""
    reason = _INCOMPLETE.get(answer.ended)
    return {
        **_head(answer, "incomplete" if reason else "completed"),
        "output": [_item(answer, index, one) for index, one in enumerate(answer.pieces)],
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": _usage(answer) if answer.tells_usage else None,
    }


def events(answer: Answer) -> Iterable[bytes]:
    """The response as a stream; every event is numbered."""
    begun = {**_head(answer, "in_progress"), "output": [], "usage": None}
    last = whole(answer)
    stream: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *(one for index, piece in enumerate(answer.pieces) for one in _streamed(answer, index, piece)),
        {"type": f"response.{last['status']}", "response": last},
    ]
    for number, one in enumerate(stream):
        yield event({**one, "sequence_number": number}, one["type"])


def failed(answer: Answer) -> bytes:
    """The upstream fails in mid-stream."""
    error = {"code": "server_error", "message": f"failed at answer {answer.number}"}
    response = {**_head(answer, "failed"), "output": [], "usage": None, "error": error}
    return event({"type": "response.failed", "response": response, "sequence_number": 99}, "response.failed")


def _head(answer: Answer, status: str) -> Mapping[str, Any]:
    return {
        "id": f"resp_{answer.number:08}",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": answer.model,
        "status": status,
        "error": None,
    }


def _usage(answer: Answer) -> Mapping[str, Any]:
    tokens = answer.tokens
    return {
        "input_tokens": tokens.all_input,
        "input_tokens_details": {"cached_tokens": tokens.cache_read},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.output // 4},
        "total_tokens": tokens.total,
    }


def _item(answer: Answer, index: int, piece: Piece) -> dict[str, Any]:
    tail = f"{answer.number:08}_{index}"
    if isinstance(piece, Words):
        part = _part(answer, piece.text)
        return {
            "type": "message",
            "id": f"msg_{tail}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    called = {"call_id": piece.id, "name": piece.call.name, "status": "completed"}
    if isinstance(piece.call.arguments, str) and piece.call.name == "apply_patch":
        return {"type": "custom_tool_call", "id": f"ctc_{tail}", "input": piece.call.arguments, **called}
    written = argument_text(piece.call.arguments)
    return {"type": "function_call", "id": f"fc_{tail}", "arguments": written, **called}


def _part(answer: Answer, text: str) -> dict[str, Any]:
    if answer.ended is Ended.REFUSAL:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": []}


def _streamed(answer: Answer, index: int, piece: Piece) -> Iterable[dict[str, Any]]:
    item = _item(answer, index, piece)
    place = {"item_id": item["id"], "output_index": index}
    if isinstance(piece, Words):
        part = item["content"][0]
        kind = "response.refusal" if part["type"] == "refusal" else "response.output_text"
        field = "refusal" if part["type"] == "refusal" else "text"
        place["content_index"] = 0
        begun = {**item, "status": "in_progress", "content": []}
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}
        yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
        for text in slices(piece.text):
            yield {"type": f"{kind}.delta", **place, "delta": text}
        yield {"type": f"{kind}.done", **place, field: piece.text}
        yield {"type": "response.content_part.done", **place, "part": part}
    else:
        field = "input" if item["type"] == "custom_tool_call" else "arguments"
        kind = f"response.{item['type']}_{field}"
        begun = {**item, "status": "in_progress", field: ""}
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}
        for text in slices(item[field]):
            yield {"type": f"{kind}.delta", **place, "delta": text}
        yield {"type": f"{kind}.done", **place, field: item[field]}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}
