"""What requests of all protocols have in common, read with care: an agent's request may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penstock.gateway.protocols.reading import listed, table, text
from penstock.gateway.wire import RequestUnfit

Json = Mapping[str, Any]


def model_in(body: Json) -> str:
    """The model that is asked for."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise RequestUnfit("the request names no model")
    return model


def limit_in(body: Json, *names: str) -> int | None:
    """The output limit that a request sets, by the first of these names that it has."""
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise RequestUnfit(f"{name} must be a whole number from 1, found {str(value)[:40]}")
        return value
    return None


def turns_in(body: Json, name: str) -> list[Any]:
    """The list that holds the conversation."""
    turns = body.get(name)
    if not isinstance(turns, list):
        raise RequestUnfit(f"{name} must be a list")
    return turns


def last_text_of_user(turns: Iterable[Any], *kinds: str) -> str:
    """The newest text of role user: a plain one, or what its blocks of these kinds hold."""
    for turn in reversed(list(turns)):
        said = table(turn)
        if said.get("role") != "user":
            continue
        content = said.get("content")
        words = text(content) or "\n".join(
            text(block.get("text")) for block in map(table, listed(content)) if block.get("type") in kinds
        )
        if words:
            return words
    return ""


def limited(body: Json, name: str, most: int) -> dict[str, Any]:
    """The request with its output limit lowered to the most that was reserved, or put in."""
    value = body.get(name)
    mine = value if isinstance(value, int) and not isinstance(value, bool) else most
    return {**body, name: min(mine, most)}
