"""What came of running a tool or a command: the record that older systems read, and the error code for it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMED_OUT, NOT_FOUND, OTHER = -1, -2, -3
"""Exit codes of a tool that did not end by itself."""
SHELL_COULD_NOT_RUN = frozenset({126, 127})
"""Exit codes with which a shell says that a program is not there or is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """One run of a tool. `success`: the exit code is in the profile's list and the time was enough."""

    tool_id: str
    command_line: str
    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool
    started_at: datetime
    completed_at: datetime
    duration_sec: float
    success: bool
    confined: bool = False

    def as_dict(self) -> dict[str, object]:
        """The record as JSON holds it: exactly the fields that older systems read, times in UTC with milliseconds."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self) if item.name != "confined"}

    def error_code(self, step: str = "") -> str | None:
        """The contract's code for what went wrong; a red exit in the static or runtime step has a code of its own."""
        if self.success:
            return None
        if self.exit_code in SHELL_COULD_NOT_RUN:
            return "missing_binary"
        ended = {TIMED_OUT: "timeout", NOT_FOUND: "missing_binary", OTHER: "tool_failed"}
        return ended.get(self.exit_code) or _RED_IN_STEP.get(step, "non_zero_exit")


_RED_IN_STEP: Mapping[str, str] = {"static": "static_failure", "runtime": "runtime_failure"}


def _plain(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
