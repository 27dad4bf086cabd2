"""What goes wrong between the model and the one who asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """The kinds; a word in a play such as `fix,status=429,times=2` is one of them."""

    STATUS = "status"
    """An error answer with that status and these headers."""
    DELAY = "delay"
    """The answer starts so many seconds later."""
    HANG = "hang"
    """No answer, until the test releases it."""
    STALL = "stall"
    """The first pieces of the answer, then silence, until the test releases it."""
    DROP = "drop"
    """The first pieces of the answer, then the connection is closed."""
    SLOW = "slow"
    """So many seconds between two pieces of a stream."""
    GARBAGE = "garbage"
    """A body that is no JSON, and no event."""
    ERROR_EVENT = "error_event"
    """The first pieces of a stream, then an event that says that the upstream failed."""
    BAD_ARGUMENTS = "bad_arguments"
    """Tool arguments that are no JSON, or of no use."""
    UNKNOWN_TOOL = "unknown_tool"
    """A call of a tool that nobody offered."""
    EMPTY = "empty"
    """An answer without content."""
    TRUNCATED = "truncated"
    """It ends in the middle, and says that the limit of output was reached."""
    REFUSAL = "refusal"
    """The model declines."""
    NO_USAGE = "no_usage"
    """The answer does not say what it used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind, how often it happens, and what it needs to know."""

    kind: FaultKind
    times: int | None = None
    """None is always."""
    after: int = 0
    """So many calls are served well before the first."""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    message: str = ""

    def strikes(self, number: int) -> bool:
        """Whether it happens to the call of this number, from 1, of those that it could happen to."""
        return number > self.after and (self.times is None or number <= self.after + self.times)


@dataclass(frozen=True, slots=True)
class Faults:
    """Those that one call meets."""

    met: tuple[Fault, ...] = ()

    def get(self, kind: FaultKind) -> Fault | None:
        """The one of a kind, if it is there."""
        for one in self.met:
            if one.kind is kind:
                return one
        return None

    def __contains__(self, kind: FaultKind) -> bool:
        return self.get(kind) is not None
