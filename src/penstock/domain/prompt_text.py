"""A version of a role's prompt as one text that people edit, and back. Pure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.domain.errors import UserError
from penstock.domain.phases import RolePrompt

PARTS = ("starting_prompt", "bootstrapper", "working_schema", "instructions")
MOST_CHARACTERS = 64_000
MOST_LINES = 2000
ROLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MARK = re.compile(r"=== (\w{1,40}) ===\s*")


class PromptRefused(UserError):
    """A text that can't be a version of a role's prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptText:
    """What a version says, checked: bounded, without control characters, and not empty."""

    starting_prompt: str = ""
    bootstrapper: str = ""
    instructions: str = ""
    working_schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        texts = (self.starting_prompt, self.bootstrapper, self.instructions)
        if not any(text.strip() for text in texts):
            raise PromptRefused("the prompt is empty", hint="write at least its instructions")
        whole = "\n".join((*texts, _schema_text(self.working_schema)))
        if len(whole) > MOST_CHARACTERS or whole.count("\n") > MOST_LINES:
            raise PromptRefused(
                f"the prompt has {len(whole):,} characters in {whole.count(chr(10)) + 1:,} lines; possible are "
                f"{MOST_CHARACTERS:,} in {MOST_LINES:,}",
                hint="a model reads all of it each time: shorten it",
            )
        strange = next((char for char in whole if not char.isprintable() and char not in "\n\t"), None)
        if strange is not None:
            raise PromptRefused(f"the prompt holds the control character U+{ord(strange):04X}", hint="take it out")
        if marked := next((line for text in texts for line in text.splitlines() if _MARK.fullmatch(line)), None):
            raise PromptRefused(
                f"a line of the prompt is {marked.strip()!r}, which begins a part of it", hint="word it differently"
            )

    @classmethod
    def of(cls, prompt: RolePrompt) -> PromptText:
        """What a stored version says."""
        return cls(**{name: getattr(prompt, name) for name in PARTS})


def as_text(prompt: RolePrompt) -> str:
    """All parts of a version under their marks; the empty ones too, so that they can be filled."""
    lines = [
        f"The prompt of the role {prompt.role}, version {prompt.version}. What stands above the first mark is not read."
    ]
    for name in PARTS:
        value = _schema_text(prompt.working_schema) if name == "working_schema" else getattr(prompt, name)
        lines += ["", f"=== {name} ===", value.strip("\n")]
    return "\n".join(lines).rstrip("\n") + "\n"


def from_text(text: str) -> PromptText:
    """The parts that stand under their marks; a text without any mark is the instructions alone."""
    if len(text) > 2 * MOST_CHARACTERS:
        raise PromptRefused(f"the prompt has {len(text):,} characters; possible are {MOST_CHARACTERS:,}")
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = _MARK.fullmatch(line)
        if mark is None:
            current.append(line)
            continue
        name = mark[1]
        if name not in PARTS or name in found:
            wrong = "stands twice" if name in found else "is no part of a prompt"
            raise PromptRefused(f"the mark {line.strip()!r} {wrong}; the parts are {', '.join(PARTS)}")
        current = found[name] = []
    if not found:
        return PromptText(instructions="\n".join(current).strip("\n"))
    texts = {name: "\n".join(lines).strip("\n") for name, lines in found.items()}
    return PromptText(working_schema=_schema_of(texts.pop("working_schema", "")), **texts)


def difference(one: RolePrompt, other: RolePrompt) -> Iterator[str]:
    """What has changed from one version to another, as a unified diff without line ends."""
    before, after = (as_text(prompt).splitlines()[2:] for prompt in (one, other))
    names = [f"{prompt.role} {prompt.version}" for prompt in (one, other)]
    return difflib.unified_diff(before, after, names[0], names[1], lineterm="")


def _schema_text(schema: Mapping[str, Any] | None) -> str:
    return "" if schema is None else json.dumps(schema, indent=1, ensure_ascii=False, default=dict)


def _schema_of(text: str) -> Mapping[str, Any] | None:
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deep"
        raise PromptRefused(f"working_schema is no JSON: {reason}") from None
    if not isinstance(found, dict):
        raise PromptRefused(
            "working_schema must be a JSON object", hint="leave it empty for the notation of the artifact"
        )
    return found
