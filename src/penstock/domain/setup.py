"""What a project asks to be made before its checkouts can be built and tested, and how what was made is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The commands, the files that they read, and the paths that they make."""

    commands: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    timeout: float = field(default=1800.0)
    """Seconds for each command."""


def identity_of(setup: Setup, inputs: Mapping[str, bytes], platform: str) -> str:
    """The name of the environment that these commands make of these files here; another name for whatever differs."""
    made_from = {
        "commands": setup.commands,
        "inputs": {path: hashlib.sha256(content).hexdigest() for path, content in inputs.items()},
        "outputs": setup.outputs,
        "platform": platform,
    }
    text = json.dumps(made_from, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
