"""Takes messages apart into blocks that are stored once each, and puts them together again. Pure.

A conversation is sent whole with every call: only its newest blocks are new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

Put = Callable[[Any], str]
"""Stores a block and gives its name."""
Get = Callable[[object], Any]
"""The block of that name; it must refuse what names none."""

BLOCK = "block"
_WITHIN = frozenset({"messages", "choices", "message"})
_IN_BLOCKS = frozenset(
    {"content", "input", "instructions", "output", "reasoning", "reasoning_content", "system", "tool_calls", "tools"}
)


def folded(value: Mapping[str, Any], put: Put) -> dict[str, Any]:
    """A message or request with the names of its blocks in their places."""
    return {name: _folded(name, inner, put) for name, inner in value.items()}


def unfolded(value: Mapping[str, Any], get: Get) -> dict[str, Any]:
    """The same with its blocks."""
    return {name: _unfolded(name, inner, get) for name, inner in value.items()}


def masked(value: Any, mask: Callable[[str], str]) -> Any:
    """A value with every text in it, names included, changed alike. It must not be deep."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(name): masked(inner, mask) for name, inner in value.items()}
    return [masked(inner, mask) for inner in value] if isinstance(value, list) else value


def canonical(block: Any) -> bytes:
    """The one way to write a block; ValueError for numbers that JSON does not have."""
    return json.dumps(block, separators=(",", ":"), allow_nan=False).encode("ascii")


def name_of_block(block: Any) -> str:
    """The name of a block: its hash."""
    return hashlib.sha256(canonical(block)).hexdigest()


def _folded(name: str, value: Any, put: Put) -> Any:
    match value:
        case dict() if name in _WITHIN:
            return folded(value, put)
        case list() if name in _WITHIN:
            return [folded(item, put) if isinstance(item, dict) else item for item in value]
        case list() if name in _IN_BLOCKS:
            return [folded(item, put) if _is_message(item) else {BLOCK: put(item)} for item in value]
        case str() | dict() if name in _IN_BLOCKS:
            return {BLOCK: put(value)}
        case _:
            return value


def _unfolded(name: str, value: Any, get: Get) -> Any:
    match value:
        case dict() if name in _WITHIN:
            return unfolded(value, get)
        case list() if name in _WITHIN:
            return [unfolded(item, get) if isinstance(item, dict) else item for item in value]
        case list() if name in _IN_BLOCKS:
            return [unfolded(item, get) if _is_message(item) else get(_name_in(item)) for item in value]
        case dict() if name in _IN_BLOCKS:
            return get(_name_in(value))
        case _:
            return value


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "role" in value and "content" in value


def _name_in(reference: Any) -> object:
    return reference.get(BLOCK) if isinstance(reference, dict) else None
