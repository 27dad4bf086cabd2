"""What an attempt's process has said, and what that proves. Pure: nothing is read or started here.

An exit code proves nothing, and output is untrusted text: no form of it is an error of ours. What is too long is cut
by whoever has taken secrets out of it: of half a secret nobody knows that it is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

LONGEST_SENTENCE = 500
MOST = 10**12
"""No count and no sum of money is larger; what is, is nonsense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a process left when it ended."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What it comes to."""

    fault: str = ""
    """Why it counts as failed, in words that go on from "the agent"; empty if it did all that it began."""
    text: str = ""
    """What it said, as people read it."""
    claimed: str = ""
    """What it says it has used."""


Judge: TypeAlias = Callable[[Said], Verdict]


def by_exit_code(success: Collection[int] = (0,)) -> Judge:
    """The only evidence of a program that nobody knows."""

    def judge(said: Said) -> Verdict:
        is_good = said.exit_code in success
        return Verdict(fault="" if is_good else f"ended with exit code {said.exit_code}", text=said.stdout)

    return judge


Event: TypeAlias = Mapping[str, Any]  # Any: JSON of a foreign program, of any shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Output of one JSON object per line, as far as it is that."""

    events: tuple[Event, ...]
    others: tuple[str, ...]
    """Lines that are none, as they came."""


def lines_of(output: str) -> Lines:
    """The events of an output and its other lines."""
    events, others = [], []
    for line in output.split("\n"):
        event = _object(line)
        if event is not None:
            events.append(event)
        elif line.strip():
            others.append(line)
    return Lines(events=tuple(events), others=tuple(others))


def _object(line: str) -> Event | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def at(value: object, *path: str) -> object:
    """What lies at a path of keys; None where there is none."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def text_at(value: object, *path: str) -> str:
    """The text at a path of keys; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def count_at(value: object, *path: str) -> int:
    """The count at a path of keys; 0 where there is none that could be one."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < MOST else 0


def money_at(value: object, *path: str) -> float:
    """The dollars at a path of keys; 0 where there are none that could be some."""
    found = at(value, *path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < MOST else 0.0


def in_line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def clipped(line: str, limit: int = LONGEST_SENTENCE) -> str:
    """A line, its end left out where it is too long."""
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def joined(parts: Iterable[str]) -> str:
    """What was said, one after another."""
    return "\n".join(part.rstrip("\n") for part in parts if part.strip())


def tokens_claimed(given: int, received: int, cost: float = 0.0) -> str:
    """Tokens and money as an agent tells them."""
    if not given and not received:
        return ""
    return f"{given} tokens in, {received} out" + (f", ${cost:.4f}" if cost else "")
