"""OpenAI Chat Completions, as OpenAI and the many servers of its kind speak it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.gateway.protocols import asking, refusals
from penstock.gateway.protocols.chat_answer import ChatAnswer
from penstock.gateway.protocols.reading import AnswerReader
from penstock.gateway.protocols.sse import written
from penstock.gateway.protocols.telling import event, pieces, whole
from penstock.gateway.protocols.untrusted import count, mapping, objects, text
from penstock.gateway.wire import Asked, Json, Reader, Refusal, RequestUnfit

_LIMITS = ("max_completion_tokens", "max_tokens")
_WANTS_NEW_LIMIT = re.compile(r"(?:^(?:ft:)?|/)(?:o\d|gpt-(?:[5-9]|\d\d))(?![a-z])", re.IGNORECASE)
"""OpenAI's own models that answer `max_tokens` with an error. Every other server takes it, while many pass over
`max_completion_tokens` without a word: then there would be no limit at all. Both at once OpenAI and others refuse. A
wrong guess is to be a loud one.
"""


class OpenAIChat:
    """The wire of `/chat/completions`."""

    name = "openai_chat"
    family = "openai"
    path = "/chat/completions"

    def asked(self, body: Json) -> Asked:
        """What a request says of itself, or RequestUnfit. With two limits of output the larger one counts: nobody knows
        which of them a server heeds.
        """
        self.asked_for_usage(body)
        return Asked(
            model=asking.model_of(body),
            streamed=asking.flag(body, "stream"),
            max_output=max(asking.limits(body, *_LIMITS).values(), default=None),
            last_user_text=asking.newest_text(asking.messages_of(body)),
            offers_tools=asking.offers_tools(body),
        )

    def rewritten(self, body: Json, *, model: str, max_output: int) -> dict[str, Any]:
        """The request as it leaves. By whichever name the client set the limit, it leaves by the one that the model's
        servers heed.
        """
        limit = "max_completion_tokens" if _WANTS_NEW_LIMIT.search(model) else "max_tokens"
        wanted = max(asking.limits(body, *_LIMITS).values(), default=max_output)
        kept = {name: value for name, value in body.items() if name not in _LIMITS}
        leaving = {**kept, "model": model, limit: min(wanted, max_output)}
        if asking.flag(body, "stream"):
            leaving["stream_options"] = {**mapping(body.get("stream_options")), "include_usage": True}
        return leaving

    def reader(self, *, streamed: bool, asked_for_usage: bool, answers: int = 1) -> Reader:
        """A reader for one answer, which may be several in one."""
        hides = streamed and not asked_for_usage
        return AnswerReader(ChatAnswer(hides_usage=hides, answers=answers), streamed=streamed, holds_back=hides)

    def asked_for_usage(self, body: Json) -> bool:
        """Whether the client itself wants the usage chunk of a stream."""
        options = body.get("stream_options")
        if options is not None and not isinstance(options, dict):
            raise RequestUnfit('the request sets "stream_options" to something else than an object')
        return asking.flag(mapping(options), "include_usage")

    def refusal(self, kind: Refusal, sentence: str) -> tuple[int, bytes]:
        """An error of our own."""
        return refusals.openai(kind, sentence)

    def told(self, message: Json, *, streamed: bool, with_usage: bool) -> Iterator[bytes]:
        """A recorded message as an answer."""
        return _stream(message, with_usage=with_usage) if streamed else iter((whole(message),))


def _stream(message: Json, *, with_usage: bool) -> Iterator[bytes]:
    head = {name: value for name, value in message.items() if name not in {"choices", "usage"}}
    head["object"] = "chat.completion.chunk"
    for choice in objects(message.get("choices")):
        for delta in _deltas(mapping(choice.get("message"))):
            yield event({**head, "choices": [_piece(choice, delta, None)]})
        yield event({**head, "choices": [_piece(choice, {}, choice.get("finish_reason"))]})
    if with_usage and "usage" in message:
        yield event({**head, "choices": [], "usage": message["usage"]})
    yield written(b"[DONE]")


def _piece(choice: Mapping[str, Any], delta: object, finish: object) -> dict[str, object]:
    return {"index": count(choice.get("index")), "delta": delta, "finish_reason": finish}


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    calls = objects(message.get("tool_calls"))
    texts = {
        name: value for name, value in message.items() if isinstance(value, str) and name not in {"role", "tool_calls"}
    }
    first = {name: value for name, value in message.items() if name != "tool_calls" or not calls}
    yield {**first, **dict.fromkeys(texts, "")}
    for name, value in texts.items():
        for piece in pieces(value):
            yield {name: piece}
    for index, call in enumerate(calls):
        function = mapping(call.get("function"))
        started = {**call, "function": {**function, "arguments": ""}} if function else call
        yield {"tool_calls": [{"index": index, **started}]}
        for piece in pieces(text(function.get("arguments"))):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
