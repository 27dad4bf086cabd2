"""Where a call stands in a run: the same place when the run is played again. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import quote

from penstock.domain.usage import Caller

LONGEST_NAME = 100
_REPEATED = re.compile(r"(.+-\d{1,9})\.(\d{1,9})")
"""An attempt that was lost and is made again: `edit-1.2`."""


class CallKind(StrEnum):
    """Calls of two kinds are counted apart, so that it does not matter which comes first: an agent asks for a title
    while it works. Kinds are told by what can be seen of one call alone.
    """

    WITH_TOOLS = "tools"
    """The model may call something: an agent's own work."""
    PLAIN = "plain"
    """It may not: titles and the like, and all calls of agents that use no tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallKey:
    """One call's place. The run is not part of it: each has a recording of its own."""

    workstream: str = ""
    """Empty for a phase of a pipeline."""
    phase: str
    """The step of the workstream, or the phase."""
    attempt: str
    """Its repetitions not told apart: a run that is played again loses none."""
    repetition: int = 0
    """Which one it is; where an attempt was recorded more than once, the last is played."""
    kind: CallKind
    ordinal: int
    """Which of its kind in its attempt, from 1."""

    @property
    def folder(self) -> PurePosixPath:
        """The folder of the attempt's recordings, one more within for each repetition."""
        return PurePosixPath(name_of(self.workstream), name_of(self.phase), name_of(self.attempt))

    @property
    def file(self) -> PurePosixPath:
        """The file of this call."""
        return self.folder / f"{self.repetition:04d}" / f"{self.kind.value}-{self.ordinal:06d}.json"

    @property
    def words(self) -> str:
        """The place in words."""
        whose = f" of {self.workstream}" if self.workstream else ""
        offers = "with tools" if self.kind is CallKind.WITH_TOOLS else "without tools"
        return f"{self.phase}, attempt {self.attempt}{whose}, call {self.ordinal} {offers}"


class CallOrder:
    """Counts one attempt's calls, kind by kind, in the order in which they begin. `before`: so many were made in an
    earlier stay, of whichever kind the attempt makes.
    """

    def __init__(self, caller: Caller, *, before: int = 0) -> None:
        self._caller = caller
        self._counts = dict.fromkeys(CallKind, before)

    def next(self, *, offers_tools: bool) -> CallKey:
        """The key of the call that begins now."""
        kind = CallKind.WITH_TOOLS if offers_tools else CallKind.PLAIN
        self._counts[kind] += 1
        repeated = _REPEATED.fullmatch(self._caller.attempt)
        return CallKey(
            workstream=self._caller.workstream,
            phase=self._caller.phase,
            attempt=repeated[1] if repeated else self._caller.attempt,
            repetition=int(repeated[2]) if repeated else 0,
            kind=kind,
            ordinal=self._counts[kind],
        )


def name_of(part: str) -> str:
    """A part of a key as the name of a folder: never `..`, never with a slash, and never too long."""
    name = quote(part, safe="", errors="replace").replace(".", "%2E") or "="
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:40]}={hashlib.sha256(part.encode('utf-8', 'replace')).hexdigest()[:32]}"
