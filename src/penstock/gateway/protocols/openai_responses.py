"""OpenAI Responses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.protocols import asking, refusals
from penstock.gateway.protocols.chat_answer import split
from penstock.gateway.protocols.reading import Answer, AnswerReader
from penstock.gateway.protocols.responses_stream import stream
from penstock.gateway.protocols.telling import whole
from penstock.gateway.protocols.untrusted import count, error_of, is_count, mapping, objects, text, weight, word
from penstock.gateway.wire import Asked, Json, Reader, Refusal, RequestUnfit

_LIMIT = "max_output_tokens"
_ENDS = frozenset({"completed", "incomplete"})
_EXTRAS = ("code_interpreter_call", "file_search_call", "image_generation_call", "web_search_call")
"""Items that cost more than their tokens."""


class OpenAIResponses:
    """The wire of `/responses`."""

    name = "openai_responses"
    family = "openai"
    path = "/responses"

    def asked(self, body: Json) -> Asked:
        """What a request says of itself, or RequestUnfit."""
        items = body.get("input")
        if not isinstance(items, list | str):
            raise RequestUnfit('the request has no "input"')
        return Asked(
            model=asking.model_of(body),
            streamed=asking.flag(body, "stream"),
            max_output=asking.limits(body, _LIMIT).get(_LIMIT),
            last_user_text=items if isinstance(items, str) else asking.newest_text(objects(items)),
            offers_tools=asking.offers_tools(body),
        )

    def rewritten(self, body: Json, *, model: str, max_output: int) -> dict[str, Any]:
        """The request as it leaves."""
        return {**body, "model": model, **asking.limited(body, (_LIMIT,), max_output, otherwise=_LIMIT)}

    def reader(self, *, streamed: bool, asked_for_usage: bool, answers: int = 1) -> Reader:
        """A reader for one answer. Usage is part of its last event, and always passes."""
        return AnswerReader(_Answer(), streamed=streamed)

    def asked_for_usage(self, body: Json) -> bool:
        """Usage is part of every stream."""
        return True

    def refusal(self, kind: Refusal, sentence: str) -> tuple[int, bytes]:
        """An error of our own."""
        return refusals.openai(kind, sentence)

    def told(self, message: Json, *, streamed: bool, with_usage: bool) -> Iterator[bytes]:
        """A recorded message as an answer."""
        return stream(message) if streamed else iter((whole(message),))


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The counts; as in Chat Completions, but by other names."""
    return split(usage.get("input_tokens"), usage.get("output_tokens"), mapping(usage.get("input_tokens_details")))


class _Answer(Answer):
    def __init__(self) -> None:
        super().__init__()
        self._response: dict[str, Any] = {}
        self._items: dict[int, Mapping[str, Any]] = {}
        self._growing = 0
        self._finished = 0

    def take(self, event: Mapping[str, Any]) -> bool:
        """Read one event of a stream: all of them pass."""
        kind = text(event.get("type"))
        if kind.endswith(".delta"):
            self._growing += weight(text(event.get("delta")))
        elif kind == "response.output_item.done":
            item = mapping(event.get("item"))
            self._finished += _weight_of(item)
            self.has_extras = self.has_extras or item.get("type") in _EXTRAS
            if self.is_kept:
                self._items[count(event.get("output_index"))] = item
        elif kind in {"response.completed", "response.incomplete", "response.failed"}:
            self._end(mapping(event.get("response")), kind.removeprefix("response."))
        elif kind == "error":
            self.fail(word(event.get("message")) or error_of(event) or "an error without words")
        self.output_seen = max(self._growing, self._finished)
        return True

    def take_whole(self, body: dict[str, Any]) -> None:
        """Read an answer that is not streamed."""
        self._end(body, "")
        self.output_seen = sum(_weight_of(item) for item in objects(body.get("output")))
        if not self.is_complete:
            self.fail("the answer has no end")

    def put_together(self) -> dict[str, Any]:
        """The last event holds the whole answer; of some servers' only the counts."""
        if self._response.get("output") or not self._items:
            return self._response
        return {**self._response, "output": [self._items[index] for index in sorted(self._items)]}

    def _end(self, response: Mapping[str, Any], otherwise: str) -> None:
        """`otherwise`: its status where it names none."""
        status = word(response.get("status")) or otherwise
        reason = word(mapping(response.get("incomplete_details")).get("reason"))
        self.stop_reason = reason or status
        self.is_complete = status in _ENDS
        self._response = {**response, "status": status} if self.is_kept else {}
        if status == "failed":
            self.fail(error_of(response) or "the model failed")
        self.has_extras = self.has_extras or any(
            item.get("type") in _EXTRAS for item in objects(response.get("output"))
        )
        if usage := mapping(response.get("usage")):
            self.tokens = tokens_of(usage)
            self.has_usage = is_count(usage.get("input_tokens")) and is_count(usage.get("output_tokens"))


def _weight_of(item: Mapping[str, Any]) -> int:
    """Text, reasoning and arguments of one finished item."""
    parts = [*objects(item.get("content")), *objects(item.get("summary"))]
    texts = [part.get("text") for part in parts] + [item.get(name) for name in ("arguments", "input")]
    size = sum(weight(text(value)) for value in texts)
    action = item.get("action")
    return size + (len(json.dumps(action)) if action else 0)
