"""The `[tools]` section: the profiles that Penstock ships, and what user and project put over them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penstock.domain.errors import UserError
from penstock.domain.tools import ToolProfile, ToolType

_JSON_ECHO = "import json, sys; print(json.dumps(dict(message=sys.argv[1])))"
_AIDER = ("--no-auto-commits", "--yes", "--model", "{model_name}", "--message-file", "{prompt_file}")
_POWERSHELL = ("-NoLogo", "-NoProfile", "-Command")


def _static(command: str, *args: str, timeout: float) -> ToolProfile:
    return ToolProfile(type=ToolType.STATIC_CHECK, command=command, args=args, timeout=timeout)


def _test(command: str, *args: str, codes: tuple[int, ...] = (0,)) -> ToolProfile:
    return ToolProfile(type=ToolType.TEST, command=command, args=args, timeout=600.0, success_criteria=codes)


def _utility(command: str, *args: str, timeout: float) -> ToolProfile:
    return ToolProfile(command=command, args=args, timeout=timeout)


SHIPPED: Mapping[str, ToolProfile] = MappingProxyType(
    {
        "echo": _utility("echo", "{message}", timeout=10.0),
        "echo-json": _utility("python3", "-I", "-c", _JSON_ECHO, "{message}", timeout=10.0),
        "pytest": _test("pytest", "-q", codes=(0, 5)),
        "pester": _test("pwsh", *_POWERSHELL, "Invoke-Pester -PassThru"),
        "psscriptanalyzer": _static(
            "pwsh", *_POWERSHELL, "Invoke-ScriptAnalyzer -Path scripts -Recurse -Severity Warning", timeout=120.0
        ),
        "ruff": _static("ruff", "check", ".", timeout=120.0),
        "black": _static("black", "--check", ".", timeout=180.0),
        "mypy": _static("mypy", ".", timeout=300.0),
        "yamllint": _static("yamllint", "-s", ".", timeout=120.0),
        "codespell": _static("codespell", ".", timeout=120.0),
        "gitleaks": _static("gitleaks", "detect", "--no-banner", "--redact", timeout=300.0),
        "gh": _utility("gh", "--version", timeout=30.0),
        "sleep-test": _utility("sleep", "5", timeout=2.0),
        "missing-tool": _utility("nonexistent-binary-12345", timeout=10.0),
        "aider": ToolProfile(
            type=ToolType.AI,
            command="aider",
            args=_AIDER,
            env={"AIDER_NO_AUTO_COMMITS": "1", "PYTHONIOENCODING": "utf-8"},
            timeout=1800.0,
            aim_tool_id="aider",
            aim_capabilities=("code_generation", "refactoring"),
            headless_mode_supported=True,
            headless_args=("--yes", "--no-auto-commits"),
        ),
    }
)
"""Profiles under names that older plans use. They run in the worktree, on the whole of it."""


class UnknownTool(UserError):
    """A tool was named that no profile describes."""

    def __init__(self, tool_id: str, known: list[str]) -> None:
        self.tool_id = tool_id
        near = difflib.get_close_matches(tool_id, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else "add a profile under [tools]"
        super().__init__(f'there is no tool "{tool_id}"; known are {", ".join(sorted(known))}', hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsSettings:
    """All profiles by their ids."""

    profiles: Mapping[str, ToolProfile] = field(default_factory=lambda: SHIPPED, metadata={"rest": True})
    """Each tool, by the id that plans and checks call it."""

    def __post_init__(self) -> None:
        for name, profile in self.profiles.items():
            if profile.id not in {"", name}:
                raise ValueError(f'the profile under "{name}" calls itself "{profile.id}"; one id is enough')

    def profile(self, tool_id: str) -> ToolProfile:
        """The profile of a tool."""
        if tool_id not in self.profiles:
            raise UnknownTool(tool_id, list(self.profiles))
        return self.profiles[tool_id]

    def of_type(self, kind: ToolType) -> dict[str, ToolProfile]:
        """The profiles for one purpose."""
        return {name: profile for name, profile in self.profiles.items() if profile.type is kind}

    def commands(self) -> frozenset[str]:
        """The words that start a tool: a line of acceptance that begins with one is a command."""
        return frozenset(profile.command for profile in self.profiles.values() if profile.type is not ToolType.AI)
