"""The exit codes, and which of them a run's state means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

COMPLETED: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
ENVIRONMENT: Final = 3
WAITING: Final = 4
BUG: Final = 70
INTERRUPTED: Final = 130

MEANINGS: Final[Mapping[int, str]] = {
    COMPLETED: "completed",
    FAILED: "failed, partly done, or abandoned",
    WRONG_USE: "wrong use, or input that can't be taken",
    ENVIRONMENT: "the environment is not as needed: something is missing, full or out of reach",
    WAITING: "only waiting is left; the sentence says for what",
    BUG: "a bug in Penstock; the sentence says where its traceback is",
    INTERRUPTED: "interrupted with Ctrl-C; a run that this process worked on is paused",
}


def of_run(run: Mapping[str, Any]) -> int:
    """The exit code that a run's state means."""
    if run["status"] == "completed":
        return COMPLETED
    if run.get("reason") == "environment":
        return ENVIRONMENT
    return FAILED if run["status"] in ("failed", "partial", "abandoned") else WAITING
