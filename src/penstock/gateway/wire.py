"""What the gateway must know of a protocol on the wire. Pure: bytes and JSON in, bytes and values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from penstock.domain.errors import UserError
from penstock.domain.usage import Tokens

Json = Mapping[str, Any]


class RequestUnfit(UserError):
    """A request that is none of this protocol: it is answered with 400 and never leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says of itself."""

    model: str
    streamed: bool
    max_output: int | None
    """None where the request sets no limit."""
    last_user_text: str
    """The newest text that a person or a program wrote; results of tools are not part of it."""
    offers_tools: bool


class Refusal(StrEnum):
    """Why the gateway itself answers with an error."""

    BAD_REQUEST = "bad_request"
    BAD_KEY = "bad_key"
    NO_SUCH_MODEL = "no_such_model"
    BUDGET = "budget"
    """Not worth a retry."""
    TOO_MANY_CALLS = "too_many_calls"
    """Not worth a retry."""
    RATE_LIMITED = "rate_limited"
    UPSTREAM = "upstream"
    """The upstream could not be reached or understood."""


class Reader(Protocol):
    """Reads one answer as it passes by."""

    def feed(self, chunk: bytes) -> bytes:
        """What is passed on now: the answer byte for byte, but for a usage chunk that only we asked for."""
        ...

    def finish(self) -> bytes:
        """What is still to be passed on after the last chunk."""
        ...

    @property
    def tokens(self) -> Tokens:
        """What was used, as far as it is known."""
        ...

    @property
    def has_usage(self) -> bool:
        """Whether the final counts were seen."""
        ...

    @property
    def has_extras(self) -> bool:
        """Whether the upstream used tools of its own that cost more than their tokens."""
        ...

    @property
    def output_seen(self) -> int:
        """How many bytes of text, reasoning and arguments of tools have come: the base of an estimate."""
        ...

    @property
    def stop_reason(self) -> str:
        """Why the model stopped, in the protocol's own word; empty while it has not."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether the answer came to its proper end."""
        ...

    @property
    def is_final(self) -> bool:
        """Whether it is complete and nothing that may still come changes its counts."""
        ...

    @property
    def error(self) -> str:
        """What an error within the answer says; empty if there is none."""
        ...

    @property
    def message(self) -> dict[str, Any] | None:
        """The whole answer in the shape of one that is not streamed; None if it is not complete."""
        ...


class Wire(Protocol):
    """One protocol."""

    @property
    def name(self) -> str:
        """anthropic, openai_chat or openai_responses."""
        ...

    @property
    def family(self) -> str:
        """The protocol of upstreams that speak it: anthropic or openai."""
        ...

    @property
    def path(self) -> str:
        """Where it is asked for, behind an upstream's base URL."""
        ...

    def asked(self, body: Json) -> Asked:
        """What a request says of itself, or RequestUnfit."""
        ...

    def rewritten(self, body: Json, *, model: str, max_output: int) -> dict[str, Any]:
        """The request as it leaves: the upstream's name of the model, an output limit where there is none or a larger
        one, by the name that the model's servers heed, a budget of thinking that this limit allows, and for Chat
        Completions the wish for usage in a stream. Nothing else is changed.
        """
        ...

    def reader(self, *, streamed: bool, asked_for_usage: bool, answers: int = 1) -> Reader:
        """A reader for one answer. `asked_for_usage`: the client itself wanted the usage chunk; `answers`: so many it
        wanted at once.
        """
        ...

    def asked_for_usage(self, body: Json) -> bool:
        """Whether the client itself wants the usage chunk of a stream."""
        ...

    def refusal(self, kind: Refusal, sentence: str) -> tuple[int, bytes]:
        """Status and body of an error of our own, in the provider's own shape."""
        ...

    def told(self, message: Json, *, streamed: bool, with_usage: bool) -> Iterator[bytes]:
        """A recorded message as an answer, whole or as the events of a stream."""
        ...
