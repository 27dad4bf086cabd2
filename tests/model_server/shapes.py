"""The three protocols: an answer as one JSON, an answer as a stream of events, and an error, each in its own shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import chat_shape, messages_shape, responses_shape
from .conversation import Protocol
from .playing import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one protocol says things."""

    whole: Callable[[Answer], Mapping[str, Any]]
    events: Callable[[Answer], Iterable[bytes]]
    failed: Callable[[Answer], bytes]
    """The event that says in mid-stream that the upstream failed."""
    error: Callable[[int, str], Mapping[str, Any]]


SHAPES: Mapping[Protocol, Shape] = {
    Protocol.MESSAGES: Shape(
        whole=messages_shape.whole,
        events=messages_shape.events,
        failed=messages_shape.failed,
        error=messages_shape.error,
    ),
    Protocol.CHAT: Shape(
        whole=chat_shape.whole, events=chat_shape.events, failed=chat_shape.failed, error=chat_shape.error
    ),
    Protocol.RESPONSES: Shape(
        whole=responses_shape.whole,
        events=responses_shape.events,
        failed=responses_shape.failed,
        error=chat_shape.error,
    ),
}
