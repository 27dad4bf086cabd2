"""opencode: `opencode run`, the prompt on standard input, Chat Completions or Messages, a JSON event per line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.adapters.agents.attempt import KEY_NAME
from penstock.adapters.agents.program import Call
from penstock.adapters.agents.verdicts import (
    Verdict,
    at,
    count_at,
    in_line,
    joined,
    lines_of,
    money_at,
    text_at,
    tokens_claimed,
)

if TYPE_CHECKING:
    from penstock.adapters.agents.program import Job
    from penstock.adapters.agents.verdicts import Event, Said

PACKAGES = {"openai": "@ai-sdk/openai-compatible", "anthropic": "@ai-sdk/anthropic"}
"""What it speaks each protocol with; both are built in."""
LIMITS = {"context": 128_000, "output": 16_000}
"""What it takes for the limits of a model that it does not know."""
QUIET = (
    *("OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_LSP_DOWNLOAD"),
    *("OPENCODE_DISABLE_DEFAULT_PLUGINS", "OPENCODE_DISABLE_SHARE", "OPENCODE_DISABLE_TERMINAL_TITLE"),
    # What a project's files say would be run by us: plugins, servers, other models.
    *("OPENCODE_DISABLE_PROJECT_CONFIG", "OPENCODE_PURE", "OPENCODE_DISABLE_CLAUDE_CODE"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opencode:
    """How opencode is called and read."""

    name: str = "opencode"
    version: str = "1.18.33"
    protocols: tuple[str, ...] = ("openai", "anthropic")
    memory_mb: int = 930
    marks: tuple[str, ...] = ("opencode",)
    """By it opencode knows a repository again."""

    def call(self, job: Job) -> Call:
        """All its settings are one file of the attempt; a title spares the call that would make one."""
        settings = job.folder / "opencode.json"
        return Call(
            arguments=("run", "--format", "json", "-m", f"penstock/{job.access.model}", "--title", job.title),
            variables={
                KEY_NAME: job.access.key,
                "OPENCODE_CONFIG": str(settings),
                **dict.fromkeys(QUIET, "1"),
            },
            files={
                settings: json.dumps(_settings(job), indent=1),
                # It would fetch a package for plugins, which it is not to have; npm in the worktree is not meant.
                job.home / ".config" / "opencode" / ".npmrc": "offline=true\n",
            },
            reads_prompt=True,
        )

    def judge(self, said: Said) -> Verdict:
        """It is done when its last step ended by "stop": it also ends by itself, with exit code 0, when it is denied
        something.
        """
        lines = lines_of(said.stdout)
        steps = [event for event in lines.events if at(event, "type") == "step_finish"]
        cost = sum(money_at(step, "part", "cost") for step in steps)
        return Verdict(
            fault=_fault(steps, lines.events, said),
            text=joined((*_texts(lines.events), *lines.others)),
            claimed=tokens_claimed(
                sum(count_at(step, "part", "tokens", "input") + _cached(step) for step in steps),
                sum(count_at(step, "part", "tokens", "output") for step in steps),
                cost,
            ),
        )


def _settings(job: Job) -> dict[str, Any]:
    model = f"penstock/{job.access.model}"
    # Within our confinement what lies outside can be read, as on any machine, and not be written.
    outside = "allow" if job.is_confined else "deny"
    return {
        "autoupdate": False,
        "share": "disabled",
        "snapshot": False,
        "model": model,
        "small_model": model,
        "permission": {"edit": "allow", "bash": "allow", "webfetch": "deny", "external_directory": outside},
        "provider": {
            "penstock": {
                "npm": PACKAGES[job.access.protocol],
                "name": "penstock",
                "options": {"baseURL": f"{job.access.base_url}/v1", "apiKey": f"{{env:{KEY_NAME}}}"},
                "models": {job.access.model: {"name": job.access.model, "limit": LIMITS}},
            }
        },
    }


def _fault(steps: list[Event], events: tuple[Event, ...], said: Said) -> str:
    order = [event for event in events if text_at(event, "type") in {"step_finish", "error"}]
    if order and at(order[-1], "type") == "error":
        return f"says that it failed: {_error(order[-1])}"
    if not steps:
        last = said.stderr.strip().splitlines()[-1:]
        because = f": {in_line(last[0])}" if last else ""
        return f"ended before a step of its was over (exit code {said.exit_code}){because}"
    reason = text_at(steps[-1], "part", "reason")
    if reason != "stop":
        return f'broke off: its last step ended by "{in_line(reason)}", not by "stop"{_denied(events)}'
    if not any(text_at(event, "type") in {"text", "tool_use"} for event in events):
        return "had an empty answer from its model"
    return ""


def _error(event: Event) -> str:
    error = at(event, "error")
    words = text_at(error, "data", "message") or text_at(error, "message") or text_at(error, "name")
    status = count_at(error, "data", "statusCode")
    return f"{in_line(words) or 'no reason is given'}" + (f" (status {status})" if status else "")


def _denied(events: tuple[Event, ...]) -> str:
    errors = [
        text_at(event, "part", "state", "error")
        for event in events
        if at(event, "type") == "tool_use" and at(event, "part", "state", "status") == "error"
    ]
    return f"; the last thing denied: {in_line(errors[-1])}" if errors and errors[-1] else ""


def _cached(step: Event) -> int:
    return count_at(step, "part", "tokens", "cache", "read") + count_at(step, "part", "tokens", "cache", "write")


def _texts(events: tuple[Event, ...]) -> list[str]:
    told = []
    for event in events:
        if at(event, "type") == "text":
            told.append(text_at(event, "part", "text"))
        elif at(event, "type") == "error":
            told.append(_error(event))
    return told
