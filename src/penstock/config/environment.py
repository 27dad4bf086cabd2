"""The one place that reads the environment: where Penstock keeps its state, and the settings that variables give."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.config.shape import Key, Nodes, dotted, fixed_keys, kind_at, nearest
from penstock.config.values import Unfit, from_text

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "PENSTOCK_"

_OF_THE_COMBINE: Mapping[str, Key] = {
    "DATABASE_URL": ("database",),
    "API_HOST": ("server", "host"),
    "API_PORT": ("server", "port"),
    "API_KEYS": ("server", "api_keys"),
    "ALLOWED_HOSTS": ("server", "allowed_hosts"),
    "MAX_REQUEST_BODY_SIZE": ("server", "max_request_body"),
    "DATA_DRIVEN_ORCHESTRATION": ("server", "data_driven_orchestration"),
}

ALIASES: Mapping[str, Key] = {
    **_OF_THE_COMBINE,
    **{f"WORKBENCH_{name}": key for name, key in _OF_THE_COMBINE.items()},
    "PIPELINE_DB_PATH": ("database",),
    "PIPELINE_WORKSTREAM_DIR": ("workstreams_dir",),
    "PIPELINE_BASE_BRANCH": ("base_branch",),
    "PIPELINE_TOOL_PROFILES_PATH": ("tool_profiles_path",),
    "PIPELINE_DRY_RUN": ("dry_run",),
    "AIDER_MODEL": ("agents", "aider", "model"),
    "PENSTOCK_UPSTREAM": ("gateway", "upstream"),
}
"""Names that older systems use, and a short one. Penstock's own full name of the same key wins."""

RESERVED = frozenset(
    {
        *("PENSTOCK_HOME", "PENSTOCK_ATTEMPT", "PENSTOCK_PORT_BASE", "PENSTOCK_GIT_TOKEN"),
        *("PENSTOCK_AGENTS", "PENSTOCK_GATEWAY_URL", "PENSTOCK_GATEWAY_KEY"),
    }
)
"""Names with our prefix that are no settings: where the state lives, and what we give to children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a user's Penstock keeps its state and where it looks for the user's own configuration."""

    home: Path
    user_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentValue:
    """A setting that a variable gives."""

    key: Key
    value: object
    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentReading:
    """All that the environment says: settings, what is wrong with it, and what is merely worth saying."""

    places: Places
    values: tuple[EnvironmentValue, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_environment(environ: Mapping[str, str], nodes: Nodes) -> EnvironmentReading:
    """What the variables say to these nodes; an empty one says nothing. Unknown names of ours are problems."""
    own = {variable_of(key): key for key, _ in fixed_keys(nodes)}
    values: dict[Key, EnvironmentValue] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for variable in sorted(environ, key=lambda name: (name not in own, name)):
        key = own.get(variable) or ALIASES.get(variable)
        if key is None:
            if variable.startswith(PREFIX) and variable not in RESERVED:
                problems.append(_unknown(variable, list(own)))
            continue
        kind = kind_at(nodes, key)
        if kind is None or not environ[variable]:
            continue
        try:
            value = EnvironmentValue(key=key, value=from_text(kind, environ[variable]), variable=variable)
        except Unfit as error:
            problems.append(f"{variable} ({dotted(key)}) {error}")
            continue
        first = values.setdefault(key, value)
        if first.value != value.value:
            warnings.append(f"{first.variable} and {variable} both set {dotted(key)} and differ: {first.variable} wins")
    return EnvironmentReading(
        places=_places(environ), values=tuple(values.values()), problems=tuple(problems), warnings=tuple(warnings)
    )


def variable_of(key: Key) -> str:
    """The variable that gives a key: `executor.max_parallel` is PENSTOCK_EXECUTOR_MAX_PARALLEL."""
    return PREFIX + "_".join(key).upper()


def _unknown(variable: str, known: list[str]) -> str:
    near = nearest(variable, known)
    return f"unknown setting {variable} in the environment" + (f"; did you mean {near}?" if near else "")


def _places(environ: Mapping[str, str]) -> Places:
    user = Path(environ.get("HOME") or "/")
    state = Path(environ.get("XDG_STATE_HOME") or user / ".local" / "state")
    configuration = Path(environ.get("XDG_CONFIG_HOME") or user / ".config")
    home = Path(environ["PENSTOCK_HOME"]) if environ.get("PENSTOCK_HOME") else state / "penstock"
    # Where it really is: a link on the way may lie where confined processes don't see it.
    return Places(home=Path(os.path.realpath(home)), user_file=configuration / "penstock" / "config.toml")
