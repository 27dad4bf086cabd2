"""Conversations as agents have them, recorded in one attempt and played in another."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.domain.redaction import Redactor
from penstock.domain.usage import Caller, Tokens
from penstock.gateway.recording import Exchange, Recorder
from penstock.gateway.recordings.call_keys import CallKey, CallOrder
from penstock.gateway.recordings.places import Places
from penstock.gateway.replaying import Replayed, Replayer, ReplayMode

SECRET = "hunter2-is-a-long-secret"
SHAPED = "sk-ant-" + "a1B2" * 8
THEN = Places({"worktree": "/old/state/trees/api", "home": "/old/state/runs/7/home"})
NOW = Places({"worktree": "/new/place/api", "home": "/new/place/home"})
TOKENS = Tokens(input=10, output=3, cache_read=5)
REDACT = Redactor([SECRET]).redact


@dataclass
class Attempt:
    """One attempt's calls, in their order."""

    name: str = "edit-1"
    order: CallOrder = field(init=False)

    def __post_init__(self) -> None:
        step = self.name.partition("-")[0].rpartition(".")[2]
        self.order = CallOrder(Caller(project="p", run="r", workstream="api", phase=step, attempt=self.name))

    def key(self, request: dict[str, Any]) -> CallKey:
        return self.order.next(offers_tools=bool(request.get("tools")))


def asks(
    text: str = "Fix the bug.", *, outputs: tuple[str, ...] = (), tools: bool = True, **more: Any
) -> dict[str, Any]:
    """A request of Anthropic Messages with what tools have answered so far."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    for number, output in enumerate(outputs):
        use = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"command": "ls"}}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": output}
        messages += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    offered = {"tools": [{"name": "Bash"}]} if tools else {}
    return {"model": "cheap", "max_tokens": 10, "messages": messages, **offered, **more}


def says(*blocks: dict[str, Any] | str) -> dict[str, Any]:
    """An answer of Anthropic Messages."""
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    return {"id": "m", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}


def exchange(request: dict[str, Any], message: dict[str, Any], wire: str = "anthropic") -> Exchange:
    """One call that came to its end."""
    return Exchange(wire=wire, request=request, message=message, tokens=TOKENS, stop_reason="end_turn")


def record(folder: Path, *calls: tuple[dict[str, Any], dict[str, Any]], attempt: str = "edit-1") -> None:
    """Record an attempt."""
    recorder, of = Recorder(folder, REDACT, THEN), Attempt(attempt)
    for request, message in calls:
        recorder.keep(of.key(request), exchange(request, message))


@dataclass
class Replaying:
    """An attempt that is played from a recording."""

    folder: Path
    mode: ReplayMode = ReplayMode.STRICT
    places: Places = NOW
    attempt: str = "edit-1"
    replayer: Replayer = field(init=False)

    def __post_init__(self) -> None:
        self.replayer = Replayer(self.folder, REDACT, self.places, self.mode)
        self._of = Attempt(self.attempt)

    def ask(self, request: dict[str, Any], wire: str = "anthropic") -> Replayed:
        found = self.replayer.find(self._of.key(request), wire, request)
        self.replayer.take(found)
        return found

    def text(self, request: dict[str, Any]) -> str:
        return str(self.ask(request).message["content"][0]["text"])
