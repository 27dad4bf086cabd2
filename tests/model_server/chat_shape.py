"""OpenAI Chat Completions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .event_stream import argument_text, event, slices
from .playing import Answer, Ended, Tool, Words

_STOPS = {
    Ended.DONE: "stop",
    Ended.TOOLS: "tool_calls",
    Ended.LENGTH: "length",
    Ended.REFUSAL: "content_filter",
}
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def whole(answer: Answer) -> Mapping[str, Any]:
    """The completion."""
    text = "".join(one.text for one in answer.pieces if isinstance(one, Words))
    calls = list(_calls(answer))
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if answer.ended is Ended.REFUSAL:
        message |= {"content": None, "refusal": text}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _STOPS[answer.ended]}
    return {**_head(answer, "chat.completion"), "choices": [choice], **_told(answer)}


def events(answer: Answer) -> Iterable[bytes]:
    """The completion as a stream; what was used comes in a piece of its own, if it was asked for."""
    yield _piece(answer, {"role": "assistant", "content": ""})
    field = "refusal" if answer.ended is Ended.REFUSAL else "content"
    for one in answer.pieces:
        if isinstance(one, Words):
            for text in slices(one.text):
                yield _piece(answer, {field: text})
    for index, call in enumerate(_calls(answer)):
        written = call["function"]["arguments"]
        begun = {**call, "function": {**call["function"], "arguments": ""}}
        yield _piece(answer, {"tool_calls": [{"index": index, **begun}]})
        for text in slices(written):
            yield _piece(answer, {"tool_calls": [{"index": index, "function": {"arguments": text}}]})
    yield _piece(answer, {}, _STOPS[answer.ended])
    if answer.tells_usage:
        yield event({**_head(answer, "chat.completion.chunk"), "choices": [], **_told(answer)})
    yield event("[DONE]")


def failed(answer: Answer) -> bytes:
    """The upstream fails in mid-stream."""
    return event(error(500, f"failed at answer {answer.number}"))


def error(status: int, message: str) -> Mapping[str, Any]:
    """An error's body."""
    kind, code = _ERRORS.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _head(answer: Answer, kind: str) -> Mapping[str, Any]:
    return {"id": f"chatcmpl-{answer.number:08}", "object": kind, "created": 1_700_000_000, "model": answer.model}


def _piece(answer: Answer, delta: Mapping[str, Any], stop: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": stop}
    return event({**_head(answer, "chat.completion.chunk"), "choices": [choice]})


def _told(answer: Answer) -> Mapping[str, Any]:
    if not answer.tells_usage:
        return {}
    tokens = answer.tokens
    usage = {
        "prompt_tokens": tokens.all_input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.total,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.output // 4, "audio_tokens": 0},
    }
    return {"usage": usage}


def _calls(answer: Answer) -> Iterable[dict[str, Any]]:
    for one in answer.pieces:
        if isinstance(one, Tool):
            function = {"name": one.call.name, "arguments": argument_text(one.call.arguments)}
            yield {"id": one.id, "type": "function", "function": function}
