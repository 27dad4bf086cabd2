"""Codex: `codex exec`, the prompt on standard input, OpenAI Responses, a JSON event per line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.agents.attempt import KEY_NAME
from penstock.adapters.agents.program import Call
from penstock.adapters.agents.verdicts import Verdict, at, count_at, in_line, joined, lines_of, text_at, tokens_claimed

if TYPE_CHECKING:
    from penstock.adapters.agents.program import Job
    from penstock.adapters.agents.verdicts import Event, Said

SILENCE_MS = 600_000
"""How long it waits for its model: longer than a call may wait its turn at the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codex:
    """How Codex is called and read."""

    name: str = "codex"
    version: str = "0.169.0"
    protocols: tuple[str, ...] = ("openai",)
    memory_mb: int = 260
    marks: tuple[str, ...] = ()

    def call(self, job: Job) -> Call:
        """It keeps its state in a folder of the attempt, and confines its commands itself where we do not."""
        return Call(
            arguments=_arguments(job),
            variables={KEY_NAME: job.access.key, "CODEX_HOME": str(job.home / ".codex")},
            # It must be there, and not below TMPDIR: else its sandbox finds no helper, and fails each of its commands.
            files={job.home / ".codex" / "config.toml": ""},
            reads_prompt=True,
        )

    def judge(self, said: Said) -> Verdict:
        """It is done when its last word on the turn says so, and an answer was in it."""
        lines = lines_of(said.stdout)
        done = [event for event in lines.events if at(event, "type") == "turn.completed"]
        return Verdict(
            fault=_fault(lines.events, said),
            text=joined((*_texts(lines.events), *lines.others)),
            claimed=tokens_claimed(
                count_at(done[-1], "usage", "input_tokens"), count_at(done[-1], "usage", "output_tokens")
            )
            if done
            else "",
        )


def _arguments(job: Job) -> tuple[str, ...]:
    upstream = ",".join(
        (
            'name="penstock"',
            f"base_url={_quoted(f'{job.access.base_url}/v1')}",
            f'env_key="{KEY_NAME}"',
            'wire_api="responses"',
            "request_max_retries=0",
            "stream_max_retries=1",
            f"stream_idle_timeout_ms={SILENCE_MS}",
        )
    )
    settings = (
        'model_provider="penstock"',
        f"model_providers.penstock={{{upstream}}}",
        "analytics.enabled=false",
        # The system's temporary folder may hold the worktrees of others.
        "sandbox_workspace_write.exclude_slash_tmp=true",
        "sandbox_workspace_write.exclude_tmpdir_env_var=true",
    )
    # Its own sandbox can't be set up within ours, and without ours it is all there is.
    sandbox = "danger-full-access" if job.is_confined else "workspace-write"
    return (
        *("exec", "--json", "--ephemeral", "--sandbox", sandbox, "--disable", "plugins", "--disable", "apps"),
        *(word for setting in settings for word in ("-c", setting)),
        *("-m", job.access.model, "-"),
    )


def _quoted(text: str) -> str:
    return json.dumps(text)  # as TOML writes it too


def _fault(events: tuple[Event, ...], said: Said) -> str:
    turns = [event for event in events if text_at(event, "type") in {"turn.completed", "turn.failed"}]
    if not turns:
        told = _errors(events) or said.stderr.strip().splitlines()[-1:]
        because = f": {in_line(told[-1])}" if told else ""
        return f"ended before its turn was over (exit code {said.exit_code}){because}"
    if at(turns[-1], "type") == "turn.failed":
        return f"says that its turn failed: {in_line(text_at(turns[-1], 'error', 'message')) or 'no reason is given'}"
    if not any(_is_work(event) for event in events):
        return "had an empty answer from its model"
    return ""


def _is_work(event: Event) -> bool:
    return text_at(event, "type").startswith("item.") and text_at(event, "item", "type") not in {"", "error"}


def _errors(events: tuple[Event, ...]) -> list[str]:
    return [message for event in events if at(event, "type") == "error" and (message := text_at(event, "message"))]


def _texts(events: tuple[Event, ...]) -> list[str]:
    told = []
    for event in events:
        if at(event, "type") == "item.completed" and at(event, "item", "type") == "agent_message":
            told.append(text_at(event, "item", "text"))
        elif at(event, "type") == "error":
            told.append(text_at(event, "message"))
    return told
