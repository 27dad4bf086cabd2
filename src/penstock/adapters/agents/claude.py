"""Claude Code: `claude -p`, the prompt on standard input, Anthropic Messages, a JSON event per line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.agents.program import Call, models_of
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
    from collections.abc import Iterator

    from penstock.adapters.agents.program import Job
    from penstock.adapters.agents.verdicts import Event, Said

TOOLS = "Read,Write,Edit,Bash,Glob,Grep"
MODEL_ROLES = (
    *("ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL"),
    *("ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_FABLE_MODEL"),
    "CLAUDE_CODE_SUBAGENT_MODEL",
)
QUIET = (
    *("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING", "DISABLE_UPDATES"),
    *("DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "CLAUDE_CODE_DISABLE_TERMINAL_TITLE"),
)
SILENCE_MS = 600_000
"""How long it waits for its model: longer than a call may wait its turn at the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claude:
    """How Claude Code is called and read."""

    name: str = "claude"
    version: str = "2.1.329"
    protocols: tuple[str, ...] = ("anthropic",)
    memory_mb: int = 260
    marks: tuple[str, ...] = ()

    def call(self, job: Job) -> Call:
        """It asks nobody: within our confinement it may do all, without it only edit."""
        mode = "bypassPermissions" if job.is_confined else "acceptEdits"
        return Call(
            arguments=(
                *("-p", "--output-format", "stream-json", "--verbose", "--permission-mode", mode),
                *("--permission-prompts", "none", "--setting-sources", "", "--strict-mcp-config"),
                *("--no-session-persistence", "--tools", TOOLS, "--model", job.access.model),
            ),
            variables={
                "ANTHROPIC_BASE_URL": job.access.base_url,
                "ANTHROPIC_API_KEY": job.access.key,
                **models_of(MODEL_ROLES, job.access.model),
                **dict.fromkeys(QUIET, "1"),
                "CLAUDE_CODE_MAX_RETRIES": "1",
                "API_TIMEOUT_MS": str(SILENCE_MS),
                **({"IS_SANDBOX": "1"} if job.is_confined else {}),
            },
            reads_prompt=True,
        )

    def judge(self, said: Said) -> Verdict:
        """It is done when its result says so; `subtype` says success even of what failed."""
        lines = lines_of(said.stdout)
        results = [event for event in lines.events if at(event, "type") == "result"]
        result = results[-1] if results else {}
        return Verdict(
            fault=_fault(result, lines.events, said),
            text=joined((*_texts(lines.events), *lines.others)),
            claimed=tokens_claimed(
                sum(count_at(result, "usage", name) for name in _INPUT),
                count_at(result, "usage", "output_tokens"),
                money_at(result, "total_cost_usd"),
            ),
        )


_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _fault(result: Event, events: tuple[Event, ...], said: Said) -> str:
    reason = text_at(result, "terminal_reason")
    told = in_line(text_at(result, "result") or "; ".join(_errors(result)))
    if not result:
        retries = [event for event in events if at(event, "subtype") == "api_retry"]
        last = said.stderr.strip().splitlines()[-1:]
        because = in_line(text_at(retries[-1], "error") if retries else last[0] if last else "")
        return f"ended without a result (exit code {said.exit_code})" + (f": {because}" if because else "")
    if at(result, "is_error") is not False or reason not in {"", "completed"}:
        kind = reason if reason not in {"", "completed"} else text_at(result, "subtype")
        return f"says that it failed ({in_line(kind) or 'no kind is given'})" + (f": {told}" if told else "")
    if not told and not any(_is_work(event) for event in events):
        return "had an empty answer from its model"
    return ""


def _is_work(event: Event) -> bool:
    content = at(event, "message", "content")
    blocks = content if at(event, "type") == "assistant" and isinstance(content, list) else []
    return any(at(block, "type") == "tool_use" for block in blocks)


def _errors(result: Event) -> Iterator[str]:
    errors = at(result, "errors")
    for one in errors if isinstance(errors, list) else []:
        yield one if isinstance(one, str) else text_at(one, "message")


def _texts(events: tuple[Event, ...]) -> Iterator[str]:
    for event in events:
        content = at(event, "message", "content")
        if at(event, "type") == "assistant" and isinstance(content, list):
            yield from (text_at(block, "text") for block in content)
