"""OpenAI Chat Completions. A stream tells its usage only if asked, in a chunk of its own at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.protocols import asking, refusals, sse
from penstock.gateway.protocols.reading import AnswerReader, count, listed, table, text
from penstock.gateway.wire import Asked, Json, Reader, Refusal

PIECE = 200
LIMIT, OLD_LIMIT = "max_completion_tokens", "max_tokens"
"""The old name is lowered where a client uses it; a missing limit gets the new one, which every model takes."""


class OpenAIChat:
    """The protocol."""

    name = "openai_chat"
    family = "openai"
    path = "/chat/completions"

    def asked(self, body: Json) -> Asked:
        """What a request says of itself."""
        return Asked(
            model=asking.model_in(body),
            streamed=body.get("stream") is True,
            max_output=asking.limit_in(body, LIMIT, OLD_LIMIT),
            last_user_text=asking.last_text_of_user(asking.turns_in(body, "messages"), "text"),
            offers_tools=bool(body.get("tools") or body.get("functions")),
        )

    def rewritten(self, body: Json, *, model: str, max_output: int) -> dict[str, Any]:
        """The request as it leaves."""
        name = OLD_LIMIT if body.get(OLD_LIMIT) is not None and body.get(LIMIT) is None else LIMIT
        changed = {**asking.limited(body, name, max_output), "model": model}
        if body.get("stream") is True:
            changed["stream_options"] = {**table(body.get("stream_options")), "include_usage": True}
        return changed

    def asked_for_usage(self, body: Json) -> bool:
        """Whether the client itself wants the usage chunk."""
        return table(body.get("stream_options")).get("include_usage") is True

    def reader(self, *, streamed: bool, asked_for_usage: bool) -> Reader:
        """A reader for one answer."""
        return ChatReader(streamed=streamed, hides_usage=not asked_for_usage)

    def refusal(self, kind: Refusal, sentence: str) -> tuple[int, bytes]:
        """An error of our own."""
        return refusals.openai(kind, sentence)

    def told(self, message: Json, *, streamed: bool, with_usage: bool) -> Iterator[bytes]:
        """A recorded message as an answer."""
        if not streamed:
            yield json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
            return
        yield from map(sse.event, _chunks(message, with_usage=with_usage))
        yield sse.event("[DONE]")


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The counts of a usage object: what came from the cache is part of the prompt's."""
    prompt, cached = count(usage.get("prompt_tokens")), 0
    cached = min(count(table(usage.get("prompt_tokens_details")).get("cached_tokens")), prompt)
    return Tokens(input=prompt - cached, cache_read=cached, output=count(usage.get("completion_tokens")))


class ChatReader(AnswerReader):
    """Reads one answer."""

    def __init__(self, *, streamed: bool, hides_usage: bool) -> None:
        super().__init__(streamed=streamed)
        self._hides_usage = hides_usage
        self._frame: dict[str, Any] = {}
        self._usage: Mapping[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def _other(self, data: bytes) -> bool:
        if data.strip() == b"[DONE]":
            self.is_complete = not self.error
        return True

    def _heard(self, body: Mapping[str, Any]) -> bool:
        if not self._frame:
            self._frame = {key: body[key] for key in ("id", "created", "model", "system_fingerprint") if key in body}
        usage = table(body.get("usage"))
        if usage:
            self._usage = usage
            self._count(tokens_of(usage), final=True)
        choices = listed(body.get("choices"))
        for choice in map(table, choices):
            self._grown(count(choice.get("index")), choice)
        is_usage_alone = bool(usage) and not choices
        return not (is_usage_alone and self._hides_usage)

    def _grown(self, index: int, choice: Mapping[str, Any]) -> None:
        kept = self._choices.setdefault(index, {"message": {"role": "assistant", "content": None}, "calls": {}})
        delta, message = table(choice.get("delta")), kept["message"]
        for name in ("content", "refusal", "reasoning_content", "reasoning"):
            if piece := text(delta.get(name)):
                message[name] = text(message.get(name)) + piece
                self.output_seen += len(piece.encode("utf-8", "replace"))
        for call in map(table, listed(delta.get("tool_calls"))):
            self._called(kept["calls"].setdefault(count(call.get("index")), {}), call)
        if reason := text(choice.get("finish_reason")):
            kept["finish_reason"] = self.stop_reason = reason

    def _called(self, kept: dict[str, Any], call: Mapping[str, Any]) -> None:
        function = table(call.get("function"))
        kept["id"] = text(kept.get("id")) or text(call.get("id"))
        kept["type"] = "function"
        so_far = kept.setdefault("function", {"name": "", "arguments": ""})
        so_far["name"] = so_far["name"] or text(function.get("name"))
        piece = text(function.get("arguments"))
        so_far["arguments"] += piece
        self.output_seen += len(piece.encode("utf-8", "replace"))

    def _streaming_ended(self) -> None:
        self.is_complete = not self.error and (self.is_complete or bool(self.stop_reason)) and bool(self._choices)
        if self.is_complete:
            choices = [_choice(index, kept) for index, kept in sorted(self._choices.items())]
            usage = {"usage": dict(self._usage)} if self._usage else {}
            self.message = {"object": "chat.completion", **self._frame, "choices": choices, **usage}

    def _whole_answer(self, body: dict[str, Any]) -> None:
        choices = [table(choice) for choice in listed(body.get("choices"))]
        usage = table(body.get("usage"))
        self._count(tokens_of(usage), final=bool(usage))
        self.output_seen = sum(len(json.dumps(choice.get("message"))) for choice in choices)
        if choices and not self.error:
            self.stop_reason = text(choices[0].get("finish_reason"))
            self.is_complete, self.message = True, body


def _choice(index: int, kept: Mapping[str, Any]) -> dict[str, Any]:
    message = dict(kept["message"])
    if kept["calls"]:
        message["tool_calls"] = [call for _, call in sorted(kept["calls"].items())]
    return {"index": index, "message": message, "finish_reason": kept.get("finish_reason")}


def _chunks(message: Json, *, with_usage: bool) -> Iterator[dict[str, Any]]:
    frame = {key: value for key, value in message.items() if key not in ("object", "choices", "usage")}
    frame["object"] = "chat.completion.chunk"
    for place, choice in enumerate(map(table, listed(message.get("choices")))):
        index, said = choice.get("index", place), table(choice.get("message"))
        for delta in _deltas(said):
            yield {**frame, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}
        yield {**frame, "choices": [{"index": index, "delta": {}, "finish_reason": choice.get("finish_reason")}]}
    if with_usage:
        yield {**frame, "choices": [], "usage": message.get("usage")}


def _deltas(said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for name in ("reasoning_content", "reasoning", "content", "refusal"):
        words = text(said.get(name))
        yield from ({name: words[at : at + PIECE]} for at in range(0, len(words), PIECE))
    for index, call in enumerate(map(table, listed(said.get("tool_calls")))):
        yield {"tool_calls": [{**call, "index": index}]}
