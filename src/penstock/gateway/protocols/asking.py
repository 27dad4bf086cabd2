"""Reads requests: what they must hold, and what is the same in more than one protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock.gateway.protocols.untrusted import objects, text
from penstock.gateway.wire import Json, RequestUnfit


def model_of(body: Json) -> str:
    """The model that is asked for."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise RequestUnfit('the request names no "model"')
    return model


def flag(body: Json, name: str) -> bool:
    """A wish that is true or false. What an upstream may take for either is refused, or we would read it otherwise."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise RequestUnfit(f'the request sets "{name}" to something else than true or false')
    return bool(value)


def limits(body: Json, *names: str) -> dict[str, int]:
    """The limits of output that are set, by name."""
    found = {name: body[name] for name in names if body.get(name) is not None}
    for name, value in found.items():
        if type(value) is not int or value < 1:
            raise RequestUnfit(f'the request sets "{name}" to something else than a whole number above 0')
    return found


def limited(body: Json, names: Sequence[str], max_output: int, *, otherwise: str) -> dict[str, int]:
    """The same limits, none above the given one; where there is none, one of the name `otherwise`."""
    found = limits(body, *names)
    return {name: min(value, max_output) for name, value in found.items()} or {otherwise: max_output}


def messages_of(body: Json) -> Sequence[Mapping[str, Any]]:
    """The conversation."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise RequestUnfit('the request has no list of "messages"')
    return objects(messages)


def offers_tools(body: Json) -> bool:
    """Whether the model may call anything."""
    return bool(body.get("tools") or body.get("functions"))


def newest_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The newest text of a user that holds any."""
    texts = (plain(message.get("content")) for message in reversed(messages) if message.get("role") == "user")
    return next((found for found in texts if found.strip()), "")


def plain(content: object) -> str:
    """The text of a message; results of tools, pictures and the like are not part of it."""
    if isinstance(content, str):
        return content
    return "\n".join(_texts(objects(content)))


def _texts(blocks: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (text(block.get("text")) for block in blocks if text(block.get("type")) in {"text", "input_text"})
