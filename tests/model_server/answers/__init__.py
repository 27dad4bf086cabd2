"""The three protocols: an answer as one JSON, an answer as a stream of events, and an error, each in its own shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..conversation import Protocol
from ..playing import Answer
from . import chat, messages, responses


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
        whole=messages.whole, events=messages.events, failed=messages.failed, error=messages.error
    ),
    Protocol.CHAT: Shape(whole=chat.whole, events=chat.events, failed=chat.failed, error=chat.error),
    Protocol.RESPONSES: Shape(
        whole=responses.whole, events=responses.events, failed=responses.failed, error=chat.error
    ),
}

__all__ = ["SHAPES", "Shape"]
