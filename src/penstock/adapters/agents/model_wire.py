"""One call of a model as it goes over the wire, in both protocols: the request made, the answer read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from penstock.domain.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.ports import Access

ANTHROPIC_VERSION = "2023-06-01"
WHOLE = ("end_turn", "stop_sequence", "stop")
CUT = ("max_tokens", "length", "model_context_window_exceeded")
REFUSED = ("refusal", "content_filter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Where a call goes and what it says. Its headers hold the attempt's key."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A model's text and why it stopped."""

    text: str
    stop: str

    @property
    def fault(self) -> str:
        """Why it can't be taken as it is; empty if it can."""
        if self.stop in CUT:
            return f"was cut off by its limit ({self.stop}): give it a larger max_output, or less to do at once"
        if self.stop in REFUSED:
            return f"was refused by the model ({self.stop})"
        return "" if self.stop in WHOLE else f"ended for another reason than that it was done ({self.stop or 'none'})"


class AnswerForeign(AgentError):
    """What came back is no answer of the protocol."""


def request(access: Access, system: str, prompt: str, max_output: int) -> Request:
    """The request for an answer as one piece."""
    user = {"role": "user", "content": prompt}
    if access.protocol == "anthropic":
        return Request(
            url=f"{access.base_url}/v1/messages",
            headers={"x-api-key": access.key, "anthropic-version": ANTHROPIC_VERSION},
            body={"model": access.model, "max_tokens": max_output, "system": system, "messages": [user]},
        )
    return Request(
        url=f"{access.base_url}/v1/chat/completions",
        headers={"authorization": f"Bearer {access.key}"},
        body={
            "model": access.model,
            "max_completion_tokens": max_output,
            "messages": [{"role": "system", "content": system}, user],
        },
    )


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Block(_Lenient):
    type: str
    text: str = ""


class _Message(_Lenient):
    content: list[_Block]
    stop_reason: str | None = None


class _Said(_Lenient):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Lenient):
    message: _Said
    finish_reason: str | None = None


class _Completion(_Lenient):
    choices: list[_Choice]


class _Fault(_Lenient):
    message: str = ""


class _Failed(_Lenient):
    error: _Fault


def read_answer(protocol: str, content: bytes) -> Answer:
    """The answer in a response's body; `AnswerForeign` if there is none."""
    try:
        return _of_message(content) if protocol == "anthropic" else _of_completion(content)
    except ValidationError as fault:
        first: Any = fault.errors(include_url=False, include_input=False)[0]  # its loc is untyped
        place = ".".join(str(part) for part in first["loc"])
        raise AnswerForeign(
            f"what came back is no answer of the protocol {protocol}: {place} {first['msg']}"
        ) from fault


def _of_message(content: bytes) -> Answer:
    message = _Message.model_validate_json(content)
    text = "".join(block.text for block in message.content if block.type == "text")
    return Answer(text=text, stop=message.stop_reason or "")


def _of_completion(content: bytes) -> Answer:
    choices = _Completion.model_validate_json(content).choices
    if not choices:
        raise AnswerForeign("what came back is no answer of the protocol openai: it has no choices")
    said = choices[0].message
    return Answer(text=said.content or "", stop="refusal" if said.refusal else choices[0].finish_reason or "")


def read_failure(content: bytes) -> str:
    """What an error's body says, for people; both protocols have the same place for it."""
    try:
        return _Failed.model_validate_json(content).error.message
    except ValidationError:
        return ""
