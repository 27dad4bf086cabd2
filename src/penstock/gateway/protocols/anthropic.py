"""Anthropic Messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.protocols import asking, refusals
from penstock.gateway.protocols.growing import Growing
from penstock.gateway.protocols.reading import Answer, AnswerReader
from penstock.gateway.protocols.telling import event, pieces, whole
from penstock.gateway.protocols.untrusted import count, error_of, is_count, mapping, objects, parsed, text, weight, word
from penstock.gateway.wire import Asked, Json, Reader, Refusal, RequestUnfit

_PARTIAL = "partial_json"
_TEXTS = ("text", "thinking", "signature")
_CITATIONS = "citations"
_FREE = frozenset({"web_fetch_requests"})
"""What of the upstream's own tools costs no more than its tokens."""
_LEAST_THINKING = 1024
"""No smaller budget is taken."""


class Anthropic:
    """The wire of `/v1/messages`."""

    name = "anthropic"
    family = "anthropic"
    path = "/v1/messages"

    def asked(self, body: Json) -> Asked:
        """What a request says of itself, or RequestUnfit."""
        return Asked(
            model=asking.model_of(body),
            streamed=asking.flag(body, "stream"),
            max_output=asking.limits(body, "max_tokens").get("max_tokens"),
            last_user_text=asking.newest_text(asking.messages_of(body)),
            offers_tools=asking.offers_tools(body),
        )

    def rewritten(self, body: Json, *, model: str, max_output: int) -> dict[str, Any]:
        """The request as it leaves."""
        limit = asking.limited(body, ("max_tokens",), max_output, otherwise="max_tokens")
        return {**body, "model": model, **limit, **_thinking(body, limit["max_tokens"])}

    def reader(self, *, streamed: bool, asked_for_usage: bool, answers: int = 1) -> Reader:
        """A reader for one answer. Usage comes unasked, and always passes."""
        return AnswerReader(_Answer(), streamed=streamed)

    def asked_for_usage(self, body: Json) -> bool:
        """Usage is part of every stream."""
        return True

    def refusal(self, kind: Refusal, sentence: str) -> tuple[int, bytes]:
        """An error of our own."""
        return refusals.anthropic(kind, sentence)

    def told(self, message: Json, *, streamed: bool, with_usage: bool) -> Iterator[bytes]:
        """A recorded message as an answer."""
        return _stream(message) if streamed else iter((whole(_answered(message)),))


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The counts. What it took to make a conversation shorter on the way is told beside them and no part of them."""
    shortened = (one for one in objects(usage.get("iterations")) if one.get("type") == "compaction")
    return reduce(Tokens.plus, map(_counts, shortened), _counts(usage))


def _counts(usage: Mapping[str, Any]) -> Tokens:
    """`input_tokens` is what no cache had a part in; what was written to a cache is told whole and by how long it is
    kept.
    """
    written = mapping(usage.get("cache_creation"))
    long, short = count(written.get("ephemeral_1h_input_tokens")), count(written.get("ephemeral_5m_input_tokens"))
    return Tokens(
        input=count(usage.get("input_tokens")),
        output=count(usage.get("output_tokens")),
        cache_read=count(usage.get("cache_read_input_tokens")),
        cache_write=max(short, count(usage.get("cache_creation_input_tokens")) - long),
        cache_write_long=long,
    )


def _are_told(usage: Mapping[str, Any]) -> bool:
    return is_count(usage.get("input_tokens")) and is_count(usage.get("output_tokens"))


def _thinking(body: Json, limit: int) -> dict[str, Any]:
    """What is changed of the wish to think where the limit of output was lowered: its budget must stay below. What was
    to be left for the answer itself is left as far as it can be.
    """
    thinking, asked = mapping(body.get("thinking")), body.get("max_tokens")
    budget = thinking.get("budget_tokens")
    if asked is None or type(budget) is not int or not limit <= budget < asked:
        return {}
    if limit <= _LEAST_THINKING:
        raise RequestUnfit(
            f'the request sets "thinking", which needs a limit of output above {_LEAST_THINKING} tokens; that of this '
            f"model is {limit} (its max_output)"
        )
    return {"thinking": {**thinking, "budget_tokens": max(limit - (asked - budget), _LEAST_THINKING)}}


class _Answer(Answer):
    def __init__(self) -> None:
        super().__init__()
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, Growing] = {}
        self._inputs: dict[int, list[str]] = {}

    def take(self, event: Mapping[str, Any]) -> bool:
        """Read one event of a stream: all of them pass."""
        match event.get("type"):
            case "message_start":
                self._begin(mapping(event.get("message")))
            case "content_block_start":
                self._begin_block(count(event.get("index")), mapping(event.get("content_block")))
            case "content_block_delta":
                self._grow(count(event.get("index")), mapping(event.get("delta")))
            case "message_delta":
                self._change(mapping(event.get("delta")), mapping(event.get("usage")))
            case "message_stop":
                self.is_complete = True
            case "error":
                self.fail(error_of(event) or "an error without words")
        return True

    def take_whole(self, body: dict[str, Any]) -> None:
        """Read an answer that is not streamed."""
        content = objects(body.get("content"))
        self._begin(body)
        self._blocks = {}
        for index, block in enumerate(content):
            self._begin_block(index, block)
            self.output_seen += weight(json.dumps(block["input"])) if "input" in block else 0
        self.has_usage = _are_told(self._usage)
        self.is_complete = body.get("type") == "message"
        self._head = {name: value for name, value in body.items() if name not in {"content", "usage"}}
        if self.is_complete and not isinstance(body.get("content"), list):
            self.fail("the answer has no content")

    def put_together(self) -> dict[str, Any]:
        """The whole answer as one message."""
        content = [self._block(index) for index in sorted(self._blocks)]
        return {**self._head, "content": content, "usage": self._usage}

    def _begin(self, message: Mapping[str, Any]) -> None:
        self._head = {name: value for name, value in message.items() if name not in {"content", "usage"}}
        self.stop_reason = word(message.get("stop_reason")) or self.stop_reason
        self._use(mapping(message.get("usage")))

    def _change(self, delta: Mapping[str, Any], usage: Mapping[str, Any]) -> None:
        self._head.update(delta)
        self.stop_reason = word(delta.get("stop_reason")) or self.stop_reason
        self._use(usage)
        if usage.get("output_tokens") is not None:
            self.has_usage = _are_told(self._usage)

    def _use(self, usage: Mapping[str, Any]) -> None:
        said = {name: value for name, value in usage.items() if value is not None or name not in self._usage}
        self._usage.update(said)
        self.tokens = tokens_of(self._usage)
        used = mapping(self._usage.get("server_tool_use"))
        self.has_extras = any(count(times) for name, times in used.items() if name not in _FREE)

    def _begin_block(self, index: int, block: Mapping[str, Any]) -> None:
        self.output_seen += sum(weight(text(block.get(name))) for name in _TEXTS)
        if self.is_kept:
            self._blocks[index] = Growing()
            self._blocks[index].merge(block)

    def _grow(self, index: int, delta: Mapping[str, Any]) -> None:
        texts = {name: value for name, value in delta.items() if name != "type" and isinstance(value, str)}
        self.output_seen += sum(weight(value) for value in texts.values())
        if not self.is_kept or index not in self._blocks:
            return
        if (partial := texts.pop(_PARTIAL, None)) is not None:
            self._inputs.setdefault(index, []).append(partial)
        self._blocks[index].merge(texts)
        if citation := delta.get("citation"):
            self._blocks[index].merge({_CITATIONS: [citation]})

    def _block(self, index: int) -> dict[str, Any]:
        block = self._blocks[index].whole()
        if said := "".join(self._inputs.get(index, ())):
            inside = parsed(said)
            block["input"] = said if inside is None else inside
        return block


def _answered(message: Json) -> Json:
    """As it is told whole: arguments that are no JSON have no place there."""
    content = [
        {**block, "input": {}} if isinstance(block.get("input"), str) else block
        for block in objects(message.get("content"))
    ]
    return {**message, "content": content}


def _stream(message: Json) -> Iterator[bytes]:
    usage = mapping(message.get("usage"))
    ending = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
    first = {**usage, "output_tokens": min(1, count(usage.get("output_tokens")))}
    start = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": first}
    yield _event("message_start", message=start)
    for index, block in enumerate(objects(message.get("content"))):
        yield from _told_block(index, block)
    yield _event("message_delta", delta=ending, usage=usage)
    yield _event("message_stop")


def _told_block(index: int, block: Mapping[str, Any]) -> Iterator[bytes]:
    is_tool = text(block.get("type")).endswith("tool_use")
    texts = {name: text(block[name]) for name in _TEXTS if isinstance(block.get(name), str)}
    empty = {**block, **dict.fromkeys(texts, ""), **({"input": {}} if is_tool else {})}
    citations = empty.pop(_CITATIONS, None) if "text" in texts else None
    if citations is not None:
        empty[_CITATIONS] = []
    yield _event("content_block_start", index=index, content_block=empty)
    for name, value in texts.items():
        for piece in pieces(value):
            yield _event("content_block_delta", index=index, delta={"type": f"{name}_delta", name: piece})
    for citation in citations or ():
        yield _event("content_block_delta", index=index, delta={"type": "citations_delta", "citation": citation})
    if is_tool and (said := block.get("input")):
        for piece in pieces(said if isinstance(said, str) else json.dumps(said)):
            yield _event("content_block_delta", index=index, delta={"type": "input_json_delta", _PARTIAL: piece})
    yield _event("content_block_stop", index=index)


def _event(kind: str, **content: object) -> bytes:
    return event({"type": kind, **content}, kind)
