"""What every protocol's reader does alike: it never fails, whatever an upstream sends, and counts only what can be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from penstock.domain.usage import NO_TOKENS, Tokens
from penstock.gateway.protocols.sse import Event, Splitter, object_of

MOST_TOKENS = 100_000_000
"""No call uses more: a larger count is nonsense and is taken for this."""
MOST_WHOLE = 64 * 1024 * 1024
"""A whole answer is read up to this size; what is larger passes on unread."""
MOST_ERROR = 500


def count(value: object) -> int:
    """A number of tokens as an upstream says it: a whole number within reason, else nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return 0
    return min(max(int(min(value, MOST_TOKENS)), 0), MOST_TOKENS)


def table(value: object) -> Mapping[str, Any]:
    """A JSON object, or an empty one in its place."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """A JSON array, or an empty one in its place."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """A JSON text, or an empty one in its place."""
    return value if isinstance(value, str) else ""


def error_in(body: Mapping[str, Any]) -> str:
    """What an error object within an answer says."""
    found = body.get("error")
    if not found:
        return ""
    said = table(found)
    return (text(said.get("message")) or text(said.get("type")) or text(found) or "an error without words")[:MOST_ERROR]


class AnswerReader:
    """Reads one answer, whole or streamed. A protocol says what its events and its whole answers mean."""

    def __init__(self, *, streamed: bool) -> None:
        self._streamed = streamed
        self._splitter = Splitter()
        self._whole = bytearray()
        self._said: Mapping[str, Any] = {}
        self.tokens: Tokens = NO_TOKENS
        self.has_usage = False
        self.output_seen = 0
        self.stop_reason = ""
        self.is_complete = False
        self.error = ""
        self.message: dict[str, Any] | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Look at a piece of the answer; what of it passes on now."""
        if not self._streamed:
            if len(self._whole) <= MOST_WHOLE:
                self._whole += chunk
            return chunk
        return b"".join(self._passed(event) for event in self._splitter.feed(chunk))

    def finish(self) -> bytes:
        """The answer has ended: look at the rest."""
        if self._streamed:
            rest = self._passed(self._splitter.rest())
            self._streaming_ended()
            return rest
        body = object_of(bytes(self._whole)) if len(self._whole) <= MOST_WHOLE else None
        if body is None:
            self.error = "the answer is not JSON" if self._whole else "the answer is empty"
        else:
            self.error = error_in(body)
            self._whole_answer(body)
        self._whole.clear()
        return b""

    def _passed(self, event: Event) -> bytes:
        if not event.data:
            return event.raw
        body = event.json()
        if body is None:
            if event.data.strip() != b"[DONE]":
                self.error = self.error or "an event of the answer is not JSON"
            return event.raw if self._other(event.data) else b""
        self.error = self.error or error_in(body)
        return event.raw if self._heard(body) else b""

    def _other(self, _data: bytes) -> bool:
        """Whether an event passes on that holds no JSON object."""
        return True

    @abstractmethod
    def _heard(self, body: Mapping[str, Any]) -> bool:
        """Take in an event of a stream; whether it passes on."""

    @abstractmethod
    def _whole_answer(self, body: dict[str, Any]) -> None:
        """Take in an answer that is not streamed."""

    @abstractmethod
    def _streaming_ended(self) -> None:
        """No more events will come: put the message together if it is complete."""

    def _count(self, tokens: Tokens, *, final: bool) -> None:
        self.tokens = tokens
        self.has_usage = self.has_usage or final


def with_output(tokens: Tokens, output: int) -> Tokens:
    """The same counts with another output."""
    return replace(tokens, output=output)
