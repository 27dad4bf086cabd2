"""aider: the prompt by file, Chat Completions or Messages, without streams, and output for people.

Its exit code is 0 for almost every failure: what it printed is the evidence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.agents.model_profiles import ModelProfile, profile_for
from penstock.adapters.agents.program import Call
from penstock.adapters.agents.verdicts import Verdict, in_line, joined

if TYPE_CHECKING:
    from penstock.adapters.agents.program import Job
    from penstock.adapters.agents.verdicts import Said

SWITCHES = (
    *("--yes-always", "--no-auto-commits", "--no-dirty-commits", "--no-check-update", "--no-show-release-notes"),
    *("--analytics-disable", "--no-show-model-warnings", "--no-gitignore", "--no-pretty", "--no-fancy-input"),
    *("--no-suggest-shell-commands", "--no-detect-urls", "--no-stream", "--no-auto-lint", "--no-auto-test"),
    *("--no-watch-files", "--no-restore-chat-history", "--no-notifications"),
)
# aider reads a project's .aider.conf.yml and .env, and runs what they say. What is in the arguments counts before them.
HARMLESS = ("--load", "/dev/null", "--lint-cmd", "true", "--test-cmd", "true", "--notifications-command", "true")
DEFUSED = ("LINT", "TEST", "COMMIT", "GUI", "COPY_PASTE", "APPLY_CLIPBOARD_EDITS", "UPGRADE", "INSTALL_MAIN_BRANCH")
"""Switches that no argument takes back; our own file of variables does, but for those that .aider.conf.yml sets."""
IDENTITY = "[user]\n\tname = Penstock\n\temail = penstock@localhost\n"
"""Without one it would write its own into the worktree's git configuration."""
NO_PRICES = '{"none": {}}'
"""Its list of prices: with one that is there and not empty, it fetches none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aider:
    """How aider is called and read."""

    name: str = "aider"
    version: str = "0.86.2"
    protocols: tuple[str, ...] = ("openai", "anthropic")
    memory_mb: int = 260
    marks: tuple[str, ...] = ()
    profiles: Mapping[str, ModelProfile] = field(default_factory=dict, hash=False)
    """How it works with each model."""

    def call(self, job: Job) -> Call:
        """The declared files are in the chat from the start; what they are not, it may add."""
        profile = profile_for(self.profiles, *filter(None, (job.access.alias, job.access.model)))
        model, settings, models = _model(job), job.folder / "aider.env", job.folder / "aider.models.yml"
        return Call(
            arguments=(
                *("--message-file", str(job.prompt_file), "--env-file", str(settings), *SWITCHES, *HARMLESS),
                *("--model-settings-file", str(models)),
                *("--set-env", f"{job.access.protocol.upper()}_API_BASE={_address(job)}"),
                *("--map-tokens", str(profile.map_tokens), "--edit-format", profile.edit_format),
                *("--model", model, "--weak-model", model, "--editor-model", model),
                *job.files,
            ),
            variables=_variables(job),
            files={
                settings: _settings(job),
                models: json.dumps([{"name": "aider/extra_params", "extra_params": _words_of_each_call(job)}]),
                job.home / ".gitconfig": IDENTITY,
                job.home / ".aider" / "caches" / "model_prices_and_context_window.json": NO_PRICES,
            },
        )

    def judge(self, said: Said) -> Verdict:
        """It is done when its model answered, and nothing went wrong after what it applied last."""
        lines = said.stdout.splitlines()
        usage = [line for line in lines if _USAGE.match(line)]
        return Verdict(
            fault=_fault(lines, said),
            text=joined((said.stdout, said.stderr)),
            claimed=in_line(usage[-1]) if usage else "",
        )


def _variables(job: Job) -> dict[str, str]:
    histories = {"CHAT": "chat.md", "INPUT": "input.txt", "LLM": "llm.txt"}
    return {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "PYTHONIOENCODING": "utf-8",
        "AIDER_NO_AUTO_COMMITS": "1",
        "COLUMNS": "1000",  # it breaks its messages at the width of the terminal
        **{f"AIDER_{kind}_HISTORY_FILE": str(_history(job, name)) for kind, name in histories.items()},
    }


def _history(job: Job, name: str) -> Path:
    return job.home / ".aider" / name  # the one place outside the worktree that it may write, also when it is confined


def _settings(job: Job) -> str:
    """Read last of all files of variables, so a project's .env can put no other key or address in their place."""
    family = job.access.protocol.upper()
    variables = {
        f"{family}_API_KEY": job.access.key,
        f"{family}_API_BASE": _address(job),
        f"{family}_BASE_URL": _address(job),
        **{f"AIDER_{name}": "false" for name in DEFUSED},
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "*"),
        "USE_LITELLM_PROXY": "false",
    }
    return "".join(f"{name}='{value}'\n" for name, value in variables.items())


def _words_of_each_call(job: Job) -> dict[str, object]:
    """What each call says, whatever a project's .aider.model.settings.yml has for it, or for a model that its
    .aider.conf.yml puts in the place of ours: read last, it counts.
    """
    return {
        "model": _model(job),
        "custom_llm_provider": job.access.protocol,
        "api_base": _address(job),
        "base_url": _address(job),
        "api_key": job.access.key,
        "fallbacks": None,
    }


def _model(job: Job) -> str:
    return f"{job.access.protocol}/{job.access.model}"


def _address(job: Job) -> str:
    return f"{job.access.base_url}/v1" if job.access.protocol == "openai" else job.access.base_url


_USAGE = re.compile(r"Tokens: \S+ sent\b")
_APPLIED = re.compile(r"Applied edit to \S")
_BROKEN_CALL = re.compile(r"litellm\.\w+: ")
_BROKEN_ANSWER = re.compile(
    r"Empty response received from LLM"
    r"|The LLM did not conform to the edit format"
    r"|Only \d+ reflections allowed, stopping"
    r"|Model \S+ has hit a token limit"
    r"|Skipping edits to .* that matches"
    r"|.{1,400} is not in the subpath of "
    r"|Missing these environment variables"
    r"|Cmd\('git'\) failed due to"
)


def _fault(lines: list[str], said: Said) -> str:
    broken: str | None = None
    has_answer = False
    for line in lines:
        if _APPLIED.match(line):
            broken, has_answer = None, True
        elif _USAGE.match(line):
            has_answer = True
            broken = None if broken is not None and _BROKEN_CALL.match(broken) else broken
        elif _BROKEN_CALL.match(line) or _BROKEN_ANSWER.match(line):
            broken = line
    if broken is not None:
        return f"failed: it printed: {in_line(broken)}"
    if not has_answer or said.exit_code != 0:
        last = [line for line in (*lines, *said.stderr.splitlines()) if line.strip()][-1:]
        told = f"; the last thing it printed: {in_line(last[0])}" if last else ""
        what = "ended without an answer of its model" if not has_answer else "did not end well"
        return f"{what} (exit code {said.exit_code}){told}"
    return ""
