"""A request as the player sees it: the same for all three protocols."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_STEP = re.compile(r"(?:call|toolu)_s(\d+)_")
# How agents name the folder they work in: Claude Code, opencode, codex.
_FOLDERS = re.compile(r"(?:Primary working directory: *|Working directory: *|Workspace root folder: *|<cwd>)([^\s<]+)")


class Protocol(StrEnum):
    """What is spoken."""

    MESSAGES = "messages"
    CHAT = "chat"
    RESPONSES = "responses"


class Speaker(StrEnum):
    """Who said a turn."""

    USER = "user"
    MODEL = "model"
    TOOL = "tool"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said."""

    speaker: Speaker
    text: str = ""
    calls: tuple[str, ...] = ()
    """The ids of the tools called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of the model."""

    protocol: Protocol
    model: str
    streamed: bool
    tools: Mapping[str, Mapping[str, Any] | None]
    """The properties of each tool offered; None for one that takes plain text."""
    turns: Sequence[Turn]
    limit: int | None
    """The most tokens of output."""
    tells_usage: bool
    """Whether a stream shall say what was used."""

    @property
    def system(self) -> str:
        """What the model is told about itself."""
        return "\n".join(turn.text for turn in self.turns if turn.speaker is Speaker.SYSTEM)

    @property
    def prompt(self) -> str:
        """What the user has said since the model last ended with words."""
        return "\n".join(turn.text for turn in self._now if turn.speaker is Speaker.USER)

    @property
    def step(self) -> int:
        """How many steps have been played since then."""
        numbers = [int(found[1]) for turn in self._now for call in turn.calls if (found := _STEP.match(call))]
        return max(numbers, default=-1) + 1

    @property
    def folder(self) -> str:
        """The folder that the agent says it works in; empty where it does not say."""
        found = _FOLDERS.search("\n".join(turn.text for turn in self.turns if turn.speaker is not Speaker.TOOL))
        return found[1] if found else ""

    @property
    def _now(self) -> Sequence[Turn]:
        begin, in_words, before = 0, False, None
        for number, turn in enumerate(self.turns):
            if turn.speaker is Speaker.MODEL:
                # One answer may be several turns: it ends in words only if none of them calls a tool.
                in_words = not turn.calls and (in_words or before is not Speaker.MODEL)
            elif turn.speaker is Speaker.TOOL:
                in_words = False
            elif turn.speaker is Speaker.USER and in_words:
                begin, in_words = number, False
            before = turn.speaker
        return self.turns[begin:]


def read(protocol: Protocol, body: Mapping[str, Any]) -> Asked:
    """The request of one protocol."""
    turns = {Protocol.MESSAGES: _messages, Protocol.CHAT: _chat, Protocol.RESPONSES: _responses}[protocol](body)
    limits = [body.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")]
    return Asked(
        protocol=protocol,
        model=str(body.get("model") or ""),
        streamed=bool(body.get("stream")),
        tools=dict(_tools(body.get("tools") or ())),
        turns=tuple(turns),
        limit=min((one for one in limits if isinstance(one, int)), default=None),
        tells_usage=protocol is not Protocol.CHAT or bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _tools(offered: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any] | None]]:
    for one in offered:
        tool = one.get("function") or one  # chat wraps it
        if one.get("type") == "custom":
            yield str(tool.get("name")), None
        elif tool.get("name"):
            schema = tool.get("input_schema") or tool.get("parameters") or {}
            yield str(tool["name"]), schema.get("properties") or {}


def _text(content: Any) -> str:
    """The words of a content, of whatever shape."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return _text(content.get("text") or content.get("content") or "")
    if isinstance(content, Sequence):
        return "\n".join(map(_text, content))
    return ""


def _messages(body: Mapping[str, Any]) -> Iterable[Turn]:
    yield Turn(Speaker.SYSTEM, _text(body.get("system")))
    for message in body.get("messages") or ():
        content = message.get("content")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        if message.get("role") == "assistant":
            calls = tuple(str(one.get("id")) for one in blocks if one.get("type") == "tool_use")
            yield Turn(Speaker.MODEL, _text([one for one in blocks if one.get("type") == "text"]), calls)
            continue
        for one in blocks:
            text = _text(one)
            if one.get("type") == "tool_result":
                yield Turn(Speaker.TOOL, text)
            elif message.get("role") == "system" or text.startswith("<system-reminder>"):
                yield Turn(Speaker.SYSTEM, text)  # the agent's own words between the user's
            else:
                yield Turn(Speaker.USER, text)


_ROLES = {"user": Speaker.USER, "assistant": Speaker.MODEL, "tool": Speaker.TOOL, "function": Speaker.TOOL}


def _chat(body: Mapping[str, Any]) -> Iterable[Turn]:
    for message in body.get("messages") or ():
        calls = tuple(str(one.get("id")) for one in message.get("tool_calls") or ())
        yield Turn(_ROLES.get(str(message.get("role")), Speaker.SYSTEM), _text(message.get("content")), calls)


def _responses(body: Mapping[str, Any]) -> Iterable[Turn]:
    yield Turn(Speaker.SYSTEM, _text(body.get("instructions")))
    given = body.get("input") or ()
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        kind = str(item.get("type", "message"))
        if kind.endswith("_call"):
            yield Turn(Speaker.MODEL, calls=(str(item.get("call_id")),))
        elif kind.endswith("_output"):
            yield Turn(Speaker.TOOL, _text(item.get("output")))
        elif kind == "message":
            yield Turn(_ROLES.get(str(item.get("role")), Speaker.SYSTEM), _text(item.get("content")))
