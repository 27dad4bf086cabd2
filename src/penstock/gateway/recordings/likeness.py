"""When two requests count as the same: what differs from run to run without meaning anything is left out. Pure.

Every pattern runs in linear time: it begins where no run of its own characters goes on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from penstock.gateway.protocols import WIRES
from penstock.gateway.protocols.untrusted import is_deep, objects, text
from penstock.gateway.wire import Json

MOST_REMEMBERED = 10_000
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?\s)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?![A-Za-z0-9]))?"
_UNIT = r"(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)"
_MEANINGLESS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(?<=\b[Ii][Dd][:=])\s?[\w-]{1,64}",
        r"(?<![A-Za-z0-9])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![A-Za-z0-9])",
        rf"(?<!\d)\d{{4}}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{{1,9}})?)?{_ZONE})?(?!\d)",
        rf"\b{_DAY}{_MONTH}\s\d{{1,2}}(?:,?\s\d{{4}})?\b",
        rf"\b{_DAY}\d{{1,2}}\s{_MONTH}\s\d{{4}}\b",
        rf"(?<!\d)\d{{1,2}}:\d\d(?::\d\d(?:[.,]\d{{1,9}})?)?(?:\s?[AaPp][Mm]\b)?{_ZONE}(?!\d)",
        r"(?<![A-Za-z0-9])(?=[a-f]{0,64}\d)[0-9a-f]{6,64}(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])(?=[A-Za-z]{0,64}\d)(?=\d{0,64}[A-Za-z])[A-Za-z0-9]{12,256}(?![A-Za-z0-9])",
        rf"(?<![\d.])\d{{1,15}}(?:\.\d{{1,15}})?\s?{_UNIT}(?![A-Za-z0-9])",
        r"\d+(?:[.,]\d+)*",
    )
)
"""All of them become one mark: a commit's hash may happen to be nothing but digits."""
_MARK = "<*>"
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What of a request is compared when it is asked again."""

    text: str
    """The newest text of a user, normalised."""
    tool_outputs: str
    """The name of all that tools have answered so far."""
    tool_output_count: int


class Comparison:
    """Looks at one attempt's requests. Each brings the whole conversation again: no output is normalised twice."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._names: dict[str, str] = {}

    def likeness(self, wire: str, request: Json) -> Likeness:
        """What is compared of a request."""
        names = sorted(map(self._name, tool_outputs(request)))  # tools that run together end in any order
        return Likeness(
            text=normalised(self._clean(WIRES[wire].asked(request).last_user_text)),
            tool_outputs=hash_of(" ".join(names)),
            tool_output_count=len(names),
        )

    def _name(self, output: str) -> str:
        raw = hash_of(output)
        if raw not in self._names:
            if len(self._names) >= MOST_REMEMBERED:
                self._names.clear()
            self._names[raw] = hash_of(normalised(self._clean(output)))
        return self._names[raw]


def normalised(words: str) -> str:
    """A text without numbers, ids, dates and durations of its own, and with single blanks."""
    for pattern in _MEANINGLESS:
        words = pattern.sub(_MARK, words)
    return _BLANKS.sub(" ", words).strip()


def tool_outputs(request: Json) -> Iterator[str]:
    """What tools have answered, as far as a request holds it, in whichever protocol."""
    for message in objects(request.get("messages")):
        if text(message.get("role")) in {"tool", "function"}:
            yield _plain(message.get("content"))
        for block in objects(message.get("content")):
            if text(block.get("type")).endswith("tool_result"):
                yield _plain(block.get("content"))
    for item in objects(request.get("input")):
        if text(item.get("type")).endswith("_output"):
            yield _plain(item.get("output"))


def hash_of(words: str) -> str:
    """The name of a text."""
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()


def difference(recorded: str, now: str, shown: int = 80) -> str:
    """Where two texts begin to differ, in words."""
    same = next((at for at, (one, other) in enumerate(zip(recorded, now, strict=False)) if one != other), None)
    start = max(0, (min(len(recorded), len(now)) if same is None else same) - shown // 4)
    return f"recorded was {_piece(recorded, start, shown)}, now it is {_piece(now, start, shown)}"


def _piece(words: str, start: int, length: int) -> str:
    before, after = "…" if start else "", "…" if len(words) > start + length else ""
    return f"“{before}{words[start : start + length]}{after}”"


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(
        isinstance(block, dict) and isinstance(block.get("text"), str) for block in content
    ):
        return "\n".join(block["text"] for block in content)
    return "" if is_deep(content) else json.dumps(content, sort_keys=True)
