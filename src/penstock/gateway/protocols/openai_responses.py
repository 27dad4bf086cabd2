"""OpenAI Responses. The last event of a stream holds the whole answer, its usage included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.protocols import asking, refusals, sse
from penstock.gateway.protocols.reading import MOST_ERROR, AnswerReader, count, listed, table, text
from penstock.gateway.wire import Asked, Json, Reader, Refusal, RequestUnfit

ENDINGS = ("response.completed", "response.incomplete", "response.failed")


class OpenAIResponses:
    """The protocol."""

    name = "openai_responses"
    family = "openai"
    path = "/responses"

    def asked(self, body: Json) -> Asked:
        """What a request says of itself."""
        given = body.get("input")
        if not isinstance(given, str | list):
            raise RequestUnfit("input must be a text or a list")
        words = given if isinstance(given, str) else asking.last_text_of_user(given, "input_text", "text")
        return Asked(
            model=asking.model_in(body),
            streamed=body.get("stream") is True,
            max_output=asking.limit_in(body, "max_output_tokens"),
            last_user_text=words,
            offers_tools=bool(body.get("tools")),
        )

    def rewritten(self, body: Json, *, model: str, max_output: int) -> dict[str, Any]:
        """The request as it leaves."""
        return {**asking.limited(body, "max_output_tokens", max_output), "model": model}

    def asked_for_usage(self, body: Json) -> bool:
        """Usage is part of every answer."""
        return True

    def reader(self, *, streamed: bool, asked_for_usage: bool) -> Reader:
        """A reader for one answer."""
        return ResponsesReader(streamed=streamed)

    def refusal(self, kind: Refusal, sentence: str) -> tuple[int, bytes]:
        """An error of our own."""
        return refusals.openai(kind, sentence)

    def told(self, message: Json, *, streamed: bool, with_usage: bool) -> Iterator[bytes]:
        """A recorded message as an answer."""
        if streamed:
            for number, data in enumerate(_events(message)):
                yield sse.event({**data, "sequence_number": number}, str(data["type"]))
        else:
            yield json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The counts of a usage object: what came from the cache is part of the input's."""
    given = count(usage.get("input_tokens"))
    cached = min(count(table(usage.get("input_tokens_details")).get("cached_tokens")), given)
    return Tokens(input=given - cached, cache_read=cached, output=count(usage.get("output_tokens")))


class ResponsesReader(AnswerReader):
    """Reads one answer."""

    def _heard(self, body: Mapping[str, Any]) -> bool:
        kind = text(body.get("type"))
        if kind in ENDINGS:
            self._whole_answer(dict(table(body.get("response"))))
        elif kind == "error":
            self.error = self.error or text(body.get("message"))[:MOST_ERROR] or "an error without words"
        elif kind.endswith(".delta"):
            self.output_seen += len(text(body.get("delta")).encode("utf-8", "replace"))
        return True

    def _whole_answer(self, body: dict[str, Any]) -> None:
        usage = table(body.get("usage"))
        self._count(tokens_of(usage), final=bool(usage))
        self.output_seen = max(self.output_seen, len(json.dumps(body.get("output"))))
        status = text(body.get("status"))
        reason = text(table(body.get("incomplete_details")).get("reason"))
        self.stop_reason = reason or status
        said = table(body.get("error"))
        if said or status == "failed":
            self.error = self.error or text(said.get("message"))[:MOST_ERROR] or "the response failed"
        if status in ("completed", "incomplete") and not self.error:
            self.is_complete, self.message = True, body

    def _streaming_ended(self) -> None:
        """The last event has said everything."""


def _events(message: Json) -> Iterator[dict[str, Any]]:
    begun = {**message, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    for index, item in enumerate(map(table, listed(message.get("output")))):
        yield from _item_events(index, item)
    status = text(message.get("status"))
    ending = f"response.{status}" if f"response.{status}" in ENDINGS else "response.completed"
    yield {"type": ending, "response": dict(message)}


def _item_events(index: int, item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    place = {"output_index": index, "item_id": item.get("id")}
    bare = {**item, "status": "in_progress"}
    if item.get("type") == "message":
        bare["content"] = []
    yield {"type": "response.output_item.added", "output_index": index, "item": bare}
    for number, part in enumerate(map(table, listed(item.get("content")))):
        if words := text(part.get("text")):
            yield {"type": "response.output_text.delta", **place, "content_index": number, "delta": words}
    yield {"type": "response.output_item.done", "output_index": index, "item": dict(item)}
