"""From a request and a script to what the model says: the round, the step, the pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from penstock.domain.usage import Tokens

from .conversation import Asked, Protocol
from .faults import FaultKind, Faults
from .offered import ToolCall, translated
from .scripts import Round, Script
from .without_tools import answered


class Ended(StrEnum):
    """Why the model stopped, in nobody's words."""

    DONE = "done"
    TOOLS = "tools"
    LENGTH = "length"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Words:
    """Something said."""

    text: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool called, under an id that holds the step's number."""

    id: str
    call: ToolCall


Piece = Words | Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says, and what it used."""

    number: int
    model: str
    pieces: tuple[Piece, ...]
    ended: Ended
    tokens: Tokens
    tells_usage: bool = True


_CUT_ARGUMENTS = '{"command": "echo hi", "file_path": '


def played(asked: Asked, script: Script, faults: Faults, *, number: int, tokens: Tokens) -> Answer:
    """The answer to a request; `number` makes its ids unlike all others."""
    played_round = script.round_for(asked.prompt)
    pieces = tuple(_pieces(asked, played_round, number))
    ended = Ended.TOOLS if any(isinstance(one, Tool) for one in pieces) else Ended(played_round.ended or Ended.DONE)
    if FaultKind.EMPTY in faults:
        pieces, ended = (), Ended.DONE
    if FaultKind.REFUSAL in faults:
        pieces, ended = (Words("I can't help with that."),), Ended.REFUSAL
    if FaultKind.TRUNCATED in faults:
        pieces, ended = tuple(_halved(pieces)), Ended.LENGTH
    return Answer(
        number=number,
        model=asked.model,
        pieces=tuple(_spoilt(one, faults) for one in pieces),
        ended=ended,
        tokens=tokens,
        tells_usage=FaultKind.NO_USAGE not in faults and (not asked.streamed or asked.tells_usage),
    )


def _pieces(asked: Asked, one: Round, number: int) -> Iterable[Piece]:
    if not asked.tools:
        yield Words(answered(asked, one))
        return
    step = asked.step
    if one.loop and one.steps:
        operations = one.steps[min(step, len(one.steps) - 1)]
    elif step >= len(one.steps):
        yield Words(one.final)
        return
    else:
        operations = one.steps[step]
    prefix = "toolu" if asked.protocol is Protocol.MESSAGES else "call"
    for place, operation in enumerate(operations):
        found = translated(asked, operation)
        yield Words(found) if isinstance(found, str) else Tool(f"{prefix}_s{step}_{place}_{number}", found)


def _halved(pieces: tuple[Piece, ...]) -> Iterable[Piece]:
    *whole, last = pieces or (Words(""),)
    yield from whole
    yield Words(last.text[: len(last.text) // 2]) if isinstance(last, Words) else last


def _spoilt(piece: Piece, faults: Faults) -> Piece:
    if isinstance(piece, Words):
        return piece
    call = piece.call
    if FaultKind.UNKNOWN_TOOL in faults:
        call = replace(call, name="no_such_tool")
    if FaultKind.BAD_ARGUMENTS in faults:
        call = replace(call, arguments=_CUT_ARGUMENTS)
    return replace(piece, call=call)
