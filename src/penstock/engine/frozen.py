"""The settings of a run as they are stored with it: frozen at its start, read back by whoever takes it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from penstock.domain.run import Policy
from penstock.engine.context import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What the core and the shell need to know of the settings."""

    policy: Policy
    settings: RunSettings


_ADAPTER = TypeAdapter(Frozen)


def to_json(frozen: Frozen) -> dict[str, Any]:
    """As plain JSON values."""
    plain: dict[str, Any] = _ADAPTER.dump_python(frozen, mode="json")
    return plain


def from_json(stored: Mapping[str, Any]) -> Frozen:
    """From plain JSON values."""
    return _ADAPTER.validate_python(stored)
