"""How aider works with each model: `config/aider_profiles.json`, or `[agents.aider.profiles.MODEL]`.

A project may say it, for there is nothing in it that runs, or that names a program or an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

EditFormat = Literal["diff", "diff-fenced", "udiff", "udiff-simple", "whole", "patch"]
ANY = "default"
"""The entry of models that have none of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """What aider is told about one model; it knows none of a gateway's names itself."""

    edit_format: EditFormat = "diff"
    """How the model writes its changes down."""
    map_tokens: int = field(default=0, metadata={"minimum": 0})
    """So many tokens of a map of the repository go with each prompt; 0 is no map."""


def profile_for(profiles: Mapping[str, ModelProfile], *names: str) -> ModelProfile:
    """The profile of a model by the first of its names that has one, else that of `default`, else aider's plainest."""
    return next((profiles[name] for name in (*names, ANY) if name in profiles), ModelProfile())
