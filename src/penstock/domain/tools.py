"""Tool profiles: how a tool is called, and what counts as success. Reads both spellings, fills placeholders.

A value that fills a placeholder stays inside the one argument it stands in: no shell ever sees it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from penstock.domain.errors import UserError

PLACEHOLDERS = ("cwd", "repo_root", "worktree_path", "model_name", "prompt_file", "message")
OF_AGENTS = ("gateway_url", "gateway_key")
"""Placeholders that only an agent has which is given a way to the models."""
LONGEST_TIME = 365 * 24 * 3600
"""Seconds; far more than this no system can wait for."""
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}", re.ASCII)


class ToolProfileInvalid(UserError, ValueError):
    """A tool profile that can't be used as written."""


class ToolNotRenderable(UserError):
    """A tool was asked for without something that its profile needs."""


class ToolType(StrEnum):
    """What a tool is for."""

    AI = "ai"
    STATIC_CHECK = "static_check"
    TEST = "test"
    UTILITY = "utility"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProfile:
    """How one tool is called. `success_criteria` are the exit codes that count as success."""

    id: str = ""
    """The name that the profile gives itself; empty where only its key names it."""
    type: ToolType = ToolType.UTILITY
    """What it is for; `static-check` is `static_check`."""
    command: str
    """The program."""
    args: tuple[str, ...] = ()
    """Its arguments. What fills a placeholder stays inside its argument."""
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Variables besides those of the clean environment."""
    timeout: float | None = None
    """Seconds of engine time; also `timeout_sec`."""
    memory_mb: int = 512
    """A start waits while less memory is free."""
    success_criteria: tuple[int, ...] = (0,)
    """The exit codes that count as success; also `success_exit_codes`."""
    working_dir: str = "{worktree_path}"
    """Where it runs, within the worktree."""
    capture_output: bool = True
    """Whether what it writes is kept."""
    aim_tool_id: str = ""
    """Its name in a tool registry; kept."""
    aim_capabilities: tuple[str, ...] = ()
    """What it can be asked for; kept."""
    headless_mode_supported: bool = False
    """Whether it works without a person; kept."""
    headless_args: tuple[str, ...] = ()
    """The arguments by which it does; kept."""

    @classmethod
    def from_settings(cls, value: object) -> ToolProfile:
        """Read a profile as written, in snake_case or kebab-case; two spellings of one key are an error."""
        if not isinstance(value, Mapping):
            raise ToolProfileInvalid("must be a table with a command")
        table = _canonical(value)
        if not table.get("command"):
            raise ToolProfileInvalid("needs a command")
        profile = cls(**{name: _READERS[name](name, item) for name, item in table.items()})
        for text in (profile.command, *profile.args, *profile.env.values(), profile.working_dir):
            _fill(text, dict.fromkeys((*PLACEHOLDERS, *OF_AGENTS), ""))
        return profile


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedTool:
    """A profile with its placeholders filled."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    working_dir: str


def render(tool_id: str, profile: ToolProfile, values: Mapping[str, str]) -> RenderedTool:
    """The profile with its placeholders filled from `values`; a placeholder without a value is an error."""
    try:
        return RenderedTool(
            argv=tuple(_fill(text, values) for text in (profile.command, *profile.args)),
            env={name: _fill(text, values) for name, text in profile.env.items()},
            working_dir=_fill(profile.working_dir, values),
        )
    except ToolProfileInvalid as error:
        raise ToolNotRenderable(f'the tool "{tool_id}" {error.sentence}', hint=error.hint) from None


def _fill(text: str, values: Mapping[str, str]) -> str:
    def value_of(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal is not None:
            return "{" + str(literal) + "}"
        if name not in {*PLACEHOLDERS, *OF_AGENTS}:
            possible = ", ".join("{" + item + "}" for item in (*PLACEHOLDERS, *OF_AGENTS))
            raise ToolProfileInvalid(
                f"holds the unknown placeholder {{{name}}}; possible are {possible}",
                hint=f"write {{{{{name}}}}} for a literal {{{name}}}",
            )
        if name not in values:
            raise ToolProfileInvalid(f"needs {{{name}}}, and nothing gives it here")
        return values[name]

    return _PLACEHOLDER.sub(value_of, text)


_ALIASES = {
    "timeout_sec": "timeout",
    "success_exit_codes": "success_criteria",
    "success_codes": "success_criteria",
}


def _canonical(written: Mapping[Any, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    spelt: dict[str, str] = {}
    for key, value in written.items():
        name = str(key).replace("-", "_")
        name = _ALIASES.get(name, name)
        if name not in _READERS:
            near = difflib.get_close_matches(str(key).replace("-", "_"), [*_READERS, *_ALIASES], n=1)
            advice = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(sorted(_READERS))}"
            raise ToolProfileInvalid(f'has the unknown key "{key}"; {advice}')
        if name in table:
            raise ToolProfileInvalid(f'has both "{spelt[name]}" and "{key}", which are one key; keep one')
        table[name], spelt[name] = value, str(key)
    return table


def _wrong(name: str, wanted: str, value: object) -> ToolProfileInvalid:
    return ToolProfileInvalid(f"{name} must be {wanted}, found {value!r}")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise _wrong(name, "a text", value)
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(name, "a list of texts", value)
    return tuple(_text(name, item) for item in value)


def _entries(name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise _wrong(name, "a table of texts", value)
    for key in value:
        if not str(key) or "=" in str(key):
            raise _wrong(name, "a table of variables", key)
    return {str(key): _text(f"{name}.{key}", item) for key, item in value.items()}


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_TIME:
        raise _wrong(name, "a number of seconds greater than 0 and not more than a year", value)
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong(name, "a whole number from 0", value)
    return value


def _codes(name: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise _wrong(name, "a list of exit codes", value)
    return tuple(_whole(name, item) for item in value)


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def _type(name: str, value: object) -> ToolType:
    try:
        return ToolType(_text(name, value).replace("-", "_"))
    except ValueError:
        raise _wrong(name, " or ".join(f'"{item}"' for item in ToolType), value) from None


_READERS: Mapping[str, Callable[[str, object], Any]] = MappingProxyType(
    {
        "id": _text,
        "type": _type,
        "command": _text,
        "args": _texts,
        "env": _entries,
        "timeout": _seconds,
        "memory_mb": _whole,
        "success_criteria": _codes,
        "working_dir": _text,
        "capture_output": _truth,
        "aim_tool_id": _text,
        "aim_capabilities": _texts,
        "headless_mode_supported": _truth,
        "headless_args": _texts,
    }
)
