"""Answers calls from a recording, and says in which way what is asked differs from what was recorded."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from penstock.domain.errors import UserError
from penstock.domain.usage import Tokens
from penstock.gateway.protocols.untrusted import count, mapping, text
from penstock.gateway.recordings.call_keys import CallKey, CallKind
from penstock.gateway.recordings.files import RecordingFolder, RecordingUnreadable
from penstock.gateway.recordings.folding import masked, name_of_block, unfolded
from penstock.gateway.recordings.likeness import Comparison, Likeness, difference
from penstock.gateway.recordings.places import Places
from penstock.gateway.wire import Json


class ReplayMode(StrEnum):
    """What becomes of a request that differs from the recorded one."""

    STRICT = "strict"
    """It is refused."""
    LENIENT = "lenient"
    """It is answered all the same, and the difference reported."""


class NotRecorded(UserError):
    """A call that the recording has no answer for."""

    def __init__(self, key: CallKey, known: int) -> None:
        self.key, self.known = key, known
        super().__init__(
            f"nothing is recorded for {key.words}: the recording has {known or 'no'} such call{'s' * (known != 1)}",
            hint="the run took another way than the recorded one; record it again",
        )


class Differs(UserError):
    """A call that asks for something else than the recorded one did."""

    def __init__(self, key: CallKey, what: str) -> None:
        self.key, self.what = key, what
        super().__init__(
            f"{key.words} differs from what was recorded: {what}",
            hint='with gateway.replay_mode = "lenient" it is answered all the same, and the difference reported',
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    number: int
    """Its place among the calls of its kind."""
    call: Mapping[str, Any]
    wire: str
    text: str
    """The name of its normalised text."""
    tool_outputs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A recorded answer with this attempt's paths."""

    key: CallKey
    """The call that it answers."""
    recorded: _Recorded
    message: dict[str, Any]
    tokens: Tokens
    stop_reason: str
    difference: str | None
    """None where the same was asked."""
    has_equal_tool_outputs: bool
    """Whether the tools have answered until now what they answered then."""
    is_redacted: bool
    """Whether a secret was taken out of the answer: what comes of it may not be what came of it then."""


class Replayer:
    """Answers one attempt, one call at a time."""

    def __init__(
        self,
        folder: Path,
        redact: Callable[[str], str],
        places: Places,
        mode: ReplayMode,
        *,
        calls_before: int = 0,
    ) -> None:
        self._folder = RecordingFolder(folder)
        self._redact = redact
        self._places = places
        self._mode = mode
        self._calls_before = calls_before
        self._comparison = Comparison(self._clean)
        self._left: dict[CallKind, list[_Recorded]] = {}
        self._known: dict[CallKind, int] = {}
        self.differences: list[str] = []
        """What was asked otherwise, in words, and answered all the same."""
        self.has_equal_tool_outputs = True
        """Whether all tools have answered what they answered then."""

    def find(self, key: CallKey, wire: str, request: Json) -> Replayed:
        """The answer to a call, which stays until it is taken. NotRecorded, or Differs if the mode is strict. It reads
        files: call it in a thread of its own.
        """
        now = self._comparison.likeness(wire, request)
        left = self._of_kind(key)
        if not left:
            raise NotRecorded(key, self._known[key.kind])
        name = name_of_block(now.text)
        recorded = min(left, key=lambda one: (one.text != name, one.tool_outputs != now.tool_outputs))
        if recorded.wire != wire:
            raise Differs(key, f"it was asked by {recorded.wire}, now by {wire}")
        found = self._replayed(key, recorded, now, is_same=recorded.text == name)
        if found.difference and self._mode is ReplayMode.STRICT:
            raise Differs(key, found.difference)
        return found

    def take(self, found: Replayed) -> None:
        """Give an answer to who asked: each is given once."""
        self._left[found.key.kind].remove(found.recorded)
        if found.difference:
            self.differences.append(f"{found.key.words}: {found.difference}")
        self.has_equal_tool_outputs = self.has_equal_tool_outputs and found.has_equal_tool_outputs

    def leave(self, found: Replayed) -> None:
        """Take an answer back that who asked did not hear to its end: in its place among those that are left."""
        insort(self._left[found.key.kind], found.recorded, key=lambda one: one.number)

    @property
    def unasked(self) -> int:
        """How many recorded calls nobody asked for, of the kinds of which one was asked."""
        return sum(map(len, self._left.values()))

    def _clean(self, words: str) -> str:
        return self._places.written(self._redact(words))

    def _of_kind(self, key: CallKey) -> list[_Recorded]:
        """What is left of one kind, in its order. Among calls that were under way together the order may be another
        one: what fits best is taken, and the first of what fits alike.
        """
        if key.kind not in self._left:
            self._folder.check()
            places = self._folder.calls(key.folder, f"{key.kind.value}-")
            left = enumerate(places[self._calls_before :])
            self._left[key.kind] = [self._recorded(number, place) for number, place in left]
            self._known[key.kind] = len(places)
        return self._left[key.kind]

    def _recorded(self, number: int, place: PurePosixPath) -> _Recorded:
        call = self._folder.read_call(place)
        wire, asked, answer = text(call.get("wire")), call.get("asked"), call.get("answer")
        if not (wire and isinstance(asked, dict) and isinstance(answer, dict)):
            raise RecordingUnreadable(f"the recording of a call is damaged: {place} says too little")
        return _Recorded(
            number=number,
            call=call,
            wire=wire,
            text=text(asked.get("text")),
            tool_outputs=text(asked.get("tool_outputs")),
        )

    def _replayed(self, key: CallKey, recorded: _Recorded, now: Likeness, *, is_same: bool) -> Replayed:
        said = mapping(recorded.call.get("tokens"))
        return Replayed(
            key=key,
            recorded=recorded,
            message=masked(unfolded(mapping(recorded.call.get("answer")), self._folder.get), self._places.filled),
            tokens=Tokens(**{name: count(said.get(name)) for name in Tokens.__slots__}),
            stop_reason=text(recorded.call.get("stop_reason")),
            difference=None if is_same else difference(text(self._folder.get(recorded.text)), now.text),
            has_equal_tool_outputs=recorded.tool_outputs == now.tool_outputs,
            is_redacted=recorded.call.get("is_redacted") is True,
        )
