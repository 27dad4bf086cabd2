"""One answer of Chat Completions, put together from its chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.protocols.growing import Growing
from penstock.gateway.protocols.reading import Answer
from penstock.gateway.protocols.untrusted import count, error_of, is_count, mapping, objects, text, weight, word

MOST_CHOICES = 128
MOST_CALLS = 1024


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The counts: all that was read is told as one number, caches included, and so is all that was written, reasoning
    included.
    """
    details = mapping(usage.get("prompt_tokens_details"))
    return split(usage.get("prompt_tokens"), usage.get("completion_tokens"), details)


def split(read: object, written: object, details: Mapping[str, Any]) -> Tokens:
    """Counts that hold the cached ones, taken apart."""
    total = count(read)
    cached = min(count(details.get("cached_tokens")), total)
    kept = min(count(details.get("cache_write_tokens")), total - cached)
    return Tokens(input=total - cached - kept, output=count(written), cache_read=cached, cache_write=kept)


class ChatAnswer(Answer):
    """What of one answer is known so far."""

    def __init__(self, *, hides_usage: bool, answers: int) -> None:
        super().__init__()
        self._hides_usage = hides_usage
        self._answers = answers
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None
        self._choices: dict[int, _Choice] = {}

    def take(self, event: Mapping[str, Any]) -> bool:
        """Read one chunk; False for one that holds nothing but usage that only we asked for."""
        if said := error_of(event):
            self.fail(said)
        usage, choices = mapping(event.get("usage")), objects(event.get("choices"))
        self.is_counted = bool(usage) and not choices  # beside a choice it is what was used so far
        if self.is_counted and not said:
            self._use(usage)
            return not self._hides_usage
        for name, value in event.items():
            if name not in {"choices", "usage", "object"}:
                self._head.setdefault(name, value)
        seen = self.output_seen
        for choice in choices:
            self._grow(choice)
        if usage:
            self._use(usage)
        elif self.output_seen > seen:
            self.has_usage = False  # what was told before was told of less
        return True

    def done(self) -> None:
        """The stream is at its end: no choice may be open any more, but some servers forget to say why they stopped."""
        self.is_complete, self.is_counted = bool(self._choices), True

    def take_whole(self, body: dict[str, Any]) -> None:
        """Read an answer that is not streamed."""
        self._head = {name: value for name, value in body.items() if name not in {"choices", "usage"}}
        if usage := mapping(body.get("usage")):
            self._use(usage)
        for choice in objects(body.get("choices")):
            self._grow({**choice, "delta": choice.get("message")})
        self.is_complete = bool(self._choices)
        if not self.is_complete:
            self.fail("the answer has no choices")

    def put_together(self) -> dict[str, Any]:
        """The whole answer as one message."""
        choices = [self._choices[index].whole() for index in sorted(self._choices)]
        usage = {} if self._usage is None else {"usage": self._usage}
        return {**self._head, "object": "chat.completion", "choices": choices, **usage}

    def _use(self, usage: Mapping[str, Any]) -> None:
        self._usage = dict(usage)
        self.tokens = tokens_of(usage)
        self.has_usage = is_count(usage.get("prompt_tokens")) and is_count(usage.get("completion_tokens"))

    def _grow(self, piece: Mapping[str, Any]) -> None:
        index = count(piece.get("index"))
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) >= MOST_CHOICES:
                self.fail("the answer has too many choices")
                return
            choice = self._choices[index] = _Choice(index)
        delta = mapping(piece.get("delta"))
        self.output_seen += sum(weight(value) for value in _texts(delta))
        if self.is_kept and not choice.grow(delta):
            self.fail("the answer calls too many tools")
        if finish := word(piece.get("finish_reason")):
            choice.finish = finish
            self.stop_reason = self.stop_reason or finish
            has_all = len(self._choices) >= self._answers
            self.is_complete = has_all and all(other.finish for other in self._choices.values())


class _Choice:
    def __init__(self, index: int) -> None:
        self.finish = ""
        self._index = index
        self._message = Growing()
        self._calls: dict[tuple[int, int], Growing] = {}
        """By number, and which of those that were given it."""
        self._latest: dict[int, tuple[int, str]] = {}
        """Of each number: which was given it last, and its id."""

    def grow(self, delta: Mapping[str, Any]) -> bool:
        calls = delta.get("tool_calls")
        self._message.merge({name: value for name, value in delta.items() if name != "tool_calls" or not calls})
        for call in objects(calls):
            place = self._place(call)
            if place not in self._calls and len(self._calls) >= MOST_CALLS:
                return False
            piece = {name: value for name, value in call.items() if name != "index"}
            self._calls.setdefault(place, Growing()).merge(piece)
        return True

    def whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": None, **self._message.whole()}
        if self._calls:
            message["tool_calls"] = [self._calls[place].whole() for place in sorted(self._calls)]
        return {"index": self._index, "message": message, "finish_reason": self.finish or None}

    def _place(self, call: Mapping[str, Any]) -> tuple[int, int]:
        """Which call a piece belongs to. Some servers give all calls one number; others give each piece an id of its
        own, but a name only to the first.
        """
        number, said = self._number(call), text(call.get("id"))
        which, known = self._latest.get(number, (0, ""))
        if known and said not in {"", known} and _of_function(call).get("name"):
            which, known = which + 1, said
        self._latest[number] = which, known or said
        return number, which

    def _number(self, call: Mapping[str, Any]) -> int:
        """Some servers leave the number out and send each call at once."""
        if isinstance(call.get("index"), int):
            return count(call["index"])
        latest = max(self._latest, default=-1)
        return latest + 1 if call.get("id") or latest < 0 else latest


def _of_function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(call.get("function")) or mapping(call.get("custom"))


def _texts(delta: Mapping[str, Any]) -> Iterator[str]:
    for name, value in delta.items():
        if isinstance(value, str) and name != "role":
            yield value
    for call in objects(delta.get("tool_calls")):
        yield from (value for value in _of_function(call).values() if isinstance(value, str))
    yield from (value for value in mapping(delta.get("function_call")).values() if isinstance(value, str))
