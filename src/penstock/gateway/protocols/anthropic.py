"""Anthropic Messages. The cached parts of the input are counted apart; in a stream a later count replaces another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.protocols import asking, refusals, sse
from penstock.gateway.protocols.reading import AnswerReader, count, listed, table, text
from penstock.gateway.wire import Asked, Json, Reader, Refusal

PIECE = 200
_TEXT_OF = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


class Anthropic:
    """The protocol."""

    name = "anthropic"
    family = "anthropic"
    path = "/v1/messages"

    def asked(self, body: Json) -> Asked:
        """What a request says of itself."""
        return Asked(
            model=asking.model_in(body),
            streamed=body.get("stream") is True,
            max_output=asking.limit_in(body, "max_tokens"),
            last_user_text=asking.last_text_of_user(asking.turns_in(body, "messages"), "text"),
            offers_tools=bool(body.get("tools")),
        )

    def rewritten(self, body: Json, *, model: str, max_output: int) -> dict[str, Any]:
        """The request as it leaves."""
        return {**asking.limited(body, "max_tokens", max_output), "model": model}

    def asked_for_usage(self, body: Json) -> bool:
        """Usage is part of every answer."""
        return True

    def reader(self, *, streamed: bool, asked_for_usage: bool) -> Reader:
        """A reader for one answer."""
        return AnthropicReader(streamed=streamed)

    def refusal(self, kind: Refusal, sentence: str) -> tuple[int, bytes]:
        """An error of our own."""
        return refusals.anthropic(kind, sentence)

    def told(self, message: Json, *, streamed: bool, with_usage: bool) -> Iterator[bytes]:
        """A recorded message as an answer."""
        if streamed:
            yield from (sse.event(data, str(data["type"])) for data in _events(message))
        else:
            yield json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The counts of a usage object."""
    written, details = count(usage.get("cache_creation_input_tokens")), table(usage.get("cache_creation"))
    long = count(details.get("ephemeral_1h_input_tokens"))
    written = max(written, long + count(details.get("ephemeral_5m_input_tokens")))
    return Tokens(
        input=count(usage.get("input_tokens")),
        output=count(usage.get("output_tokens")),
        cache_read=count(usage.get("cache_read_input_tokens")),
        cache_write=written - long,
        cache_write_long=long,
    )


class AnthropicReader(AnswerReader):
    """Reads one answer."""

    def __init__(self, *, streamed: bool) -> None:
        super().__init__(streamed=streamed)
        self._usage: dict[str, Any] = {}
        self._start: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._parts: dict[int, list[str]] = {}

    def _heard(self, body: Mapping[str, Any]) -> bool:
        match body.get("type"):
            case "message_start":
                self._start = dict(table(body.get("message")))
                self._used(self._start.get("usage"), final=False)
            case "content_block_start":
                self._blocks[count(body.get("index"))] = dict(table(body.get("content_block")))
            case "content_block_delta":
                self._grown(count(body.get("index")), table(body.get("delta")))
            case "message_delta":
                delta = table(body.get("delta"))
                self.stop_reason = text(delta.get("stop_reason")) or self.stop_reason
                self._start.update({key: delta[key] for key in ("stop_reason", "stop_sequence") if key in delta})
                self._used(body.get("usage"), final=True)
            case "message_stop":
                self.is_complete = not self.error
            case "error":
                self.error = self.error or "an error without words"
            case _:
                pass  # pings, and whatever comes later
        return True

    def _used(self, usage: object, *, final: bool) -> None:
        said = {name: value for name, value in table(usage).items() if value is not None}
        self._usage.update(said)
        self._count(tokens_of(self._usage), final=final and bool(said))

    def _grown(self, index: int, delta: Mapping[str, Any]) -> None:
        kind = text(delta.get("type"))
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        if kind == "input_json_delta":
            piece = text(delta.get("partial_json"))
            self._parts.setdefault(index, []).append(piece)
        elif (name := _TEXT_OF.get(kind)) is not None:
            piece = text(delta.get(name))
            block[name] = text(block.get(name)) + piece
        else:
            return
        self.output_seen += len(piece.encode("utf-8", "replace"))

    def _streaming_ended(self) -> None:
        if not self.is_complete:
            return
        content = []
        for index, block in sorted(self._blocks.items()):
            if index in self._parts:
                written = "".join(self._parts[index])
                given = sse.object_of(written.encode("utf-8", "replace")) if written else {}
                block["input"] = {} if given is None else given
            content.append(block)
        self.message = {**self._start, "content": content, "usage": self._usage}

    def _whole_answer(self, body: dict[str, Any]) -> None:
        self.stop_reason = text(body.get("stop_reason"))
        self._used(body.get("usage"), final=True)
        blocks = [table(block) for block in listed(body.get("content"))]
        self.output_seen = sum(len(json.dumps(block)) for block in blocks)
        if body.get("type") == "message" and not self.error:
            self.is_complete, self.message = True, body


def _events(message: Json) -> Iterator[dict[str, Any]]:
    usage = table(message.get("usage"))
    start = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    yield {
        "type": "message_start",
        "message": {**start, "usage": {**usage, "output_tokens": min(1, count(usage.get("output_tokens")))}},
    }
    for index, block in enumerate(map(table, listed(message.get("content")))):
        yield from _block_events(index, block)
    delta = {"stop_reason": message.get("stop_reason"), "stop_sequence": message.get("stop_sequence")}
    yield {"type": "message_delta", "delta": delta, "usage": usage}
    yield {"type": "message_stop"}


def _block_events(index: int, block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    bare, deltas = dict(block), []
    if block.get("type") == "tool_use":
        bare["input"] = {}
        written = json.dumps(block.get("input"), ensure_ascii=False)
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(written)]
    else:
        for kind, name in _TEXT_OF.items():
            if text(block.get(name)):
                bare[name] = ""
                deltas += [{"type": kind, name: piece} for piece in _pieces(text(block.get(name)))]
    yield {"type": "content_block_start", "index": index, "content_block": bare}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _pieces(words: str) -> Iterator[str]:
    return (words[at : at + PIECE] for at in range(0, len(words), PIECE))
