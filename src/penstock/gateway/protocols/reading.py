"""Reads an answer as it passes by. Whatever an upstream sends, bytes go on and nothing is raised."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from penstock.domain.usage import NO_TOKENS, Tokens
from penstock.gateway.protocols.sse import Event, Splitter
from penstock.gateway.protocols.untrusted import LARGEST, error_of, parsed

LARGEST_STREAM = 64 * 1024 * 1024
"""What is longer is passed on and counted, but not kept."""
MOST_KEPT_BRACKETS = 4_000_000
"""Each may be an object of many times its own size."""
_DONE = b"[DONE]"


class Answer(ABC):
    """What of one answer is known so far. Each protocol has its own."""

    def __init__(self) -> None:
        self.tokens: Tokens = NO_TOKENS
        self.has_usage = False
        self.has_extras = False
        """Whether it used what counts of tokens don't show."""
        self.output_seen = 0
        self.stop_reason = ""
        self.is_complete = False
        self.is_counted = True
        """False while the counts may still be told otherwise."""
        self.error = ""
        self.is_kept = True
        """False once it is too large to be put together."""

    @abstractmethod
    def take(self, event: Mapping[str, Any]) -> bool:
        """Read one event of a stream; False if it is not to be passed on."""

    @abstractmethod
    def take_whole(self, body: dict[str, Any]) -> None:
        """Read an answer that is not streamed; an error in it is known already, and it may hold counts besides."""

    @abstractmethod
    def put_together(self) -> dict[str, Any]:
        """The whole answer as one message; asked only when it is complete."""

    def done(self) -> None:  # noqa: B027 - most protocols say their end otherwise
        """The stream has said `[DONE]`."""

    def fail(self, sentence: str) -> None:
        """Keep the first error."""
        self.error = self.error or sentence


class AnswerReader:
    """Feeds an answer what passes by. With `holds_back`, events are passed on only when they are whole."""

    def __init__(self, answer: Answer, *, streamed: bool, holds_back: bool = False) -> None:
        self._answer = answer
        self._streamed = streamed
        self._holds_back = holds_back
        self._splitter = Splitter()
        self._body = bytearray()
        self._size = 0
        self._events = 0
        self._brackets = 0

    def feed(self, chunk: bytes) -> bytes:
        """Read a chunk; what of it is passed on now."""
        self._size += len(chunk)
        if self._size > (LARGEST_STREAM if self._streamed else LARGEST) and self._answer.is_kept:
            self._answer.is_kept = False
            self._body.clear()
        if not self._streamed:
            if self._answer.is_kept:
                self._body += chunk
            return chunk
        passed = [event.raw for event in self._splitter.feed(chunk) if self._take(event)]
        return b"".join(passed) if self._holds_back else chunk

    def finish(self) -> bytes:
        """Read what is left; what of it is still to be passed on."""
        if not self._streamed:
            self._whole(bytes(self._body))
            return b""
        passed = [event.raw for event in self._splitter.finish() if self._take_last(event)]
        return b"".join(passed) if self._holds_back else b""

    @property
    def tokens(self) -> Tokens:
        """What was used, as far as it is known."""
        return self._answer.tokens

    @property
    def has_usage(self) -> bool:
        """Whether the final counts were seen."""
        return self._answer.has_usage

    @property
    def has_extras(self) -> bool:
        """Whether the upstream used tools of its own that cost more than their tokens."""
        return self._answer.has_extras

    @property
    def output_seen(self) -> int:
        """How many bytes of output have come; of what could not be read, all bytes count."""
        return self._answer.output_seen or (0 if self._streamed else self._size)

    @property
    def stop_reason(self) -> str:
        """Why the model stopped; empty while it has not."""
        return self._answer.stop_reason

    @property
    def is_complete(self) -> bool:
        """Whether the answer came to its proper end."""
        return self._answer.is_complete

    @property
    def is_final(self) -> bool:
        """Whether it is complete and nothing that may still come changes its counts."""
        return self.is_complete and self.has_usage and self._answer.is_counted

    @property
    def error(self) -> str:
        """What an error within the answer says, or what could not be read; empty if there is nothing."""
        return self._answer.error

    @property
    def message(self) -> dict[str, Any] | None:
        """The whole answer as one message; None if it is not complete or larger than is kept."""
        if not self.is_complete or not self._answer.is_kept or self.error:
            return None
        return self._answer.put_together()

    def _take(self, event: Event) -> bool:
        self._events += event.data is not None or event.is_piece
        if event.is_piece:
            self._answer.fail("an event of the stream is too large to be read")
            return True
        if event.data is None or not event.data.strip():
            return True
        if event.data.strip() == _DONE:
            self._answer.done()
            return True
        self._brackets += event.data.count(b"{") + event.data.count(b"[")
        self._answer.is_kept = self._answer.is_kept and self._brackets <= MOST_KEPT_BRACKETS
        body = parsed(event.data)
        if body is None:
            self._answer.fail("an event of the stream is not JSON that can be read")
            return True
        return self._answer.take(body)

    def _take_last(self, event: Event) -> bool:
        if self._events == 0 and event.data is None and event.raw.strip():
            self._whole(event.raw)  # some servers don't stream although they were asked to
            return True
        return self._take(event)

    def _whole(self, body: bytes) -> None:
        content = parsed(body) if self._answer.is_kept else None
        if content is None:
            self._answer.fail("the answer is not JSON that can be read")
            return
        if said := error_of(content):
            self._answer.fail(said)
        self._answer.take_whole(content)
