"""Asking one voice until its answer is valid: bounded, each answer kept before it is read, none paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from penstock.domain.errors import AgentError
from penstock.domain.pipelines import KeptAnswer
from penstock.planning.answers import AnswerTruncated, AnswerUnfit, ReadAnswer, Validate, read_answer
from penstock.ports import Asker, Exchange, Question, Said, Stop, StopReason, Visit
from penstock.ports.stopping import until_stopped

Keep = Callable[[KeptAnswer], Awaitable[None]]
LARGEST_LIMIT = 200_000
"""The most tokens that are asked for where nobody knows what the model can."""
LONGEST_ECHO = 20_000
"""Characters of an answer that would not do which are sent along with what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What is asked, how its answer is judged, and how often it may be asked for."""

    attempt: str
    voice: str
    stable: str
    asked: str
    validate: Validate
    schema: Mapping[str, Any] | None = None
    may_repair: bool = True
    max_tokens: int = 8192
    temperature: float | None = None
    reasks: int = 2


class AskingStopped(AgentError):
    """The models' door answers no more."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        super().__init__(stop.sentence)


async def answer(
    order: Conversation,
    asker: Asker,
    visit: Visit,
    *,
    kept: Sequence[KeptAnswer],
    keep: Keep,
    now: Callable[[], datetime],
) -> ReadAnswer:
    """The first answer that will do: of those that are kept, then of those that are asked for. AnswerUnfit says why
    the last one would not, AskingStopped that the door is shut, CallFailed that there was none.
    """
    left = sorted(kept, key=lambda one: one.number)
    course = _Course(limit=order.max_tokens, most=visit.access.max_output or LARGEST_LIMIT, reasks=order.reasks)
    number = 0
    while True:
        number += 1
        if left:
            one = left.pop(0)
        else:
            said = await _said(visit, asker.ask(_question(order, course), visit))
            one = _kept(order, number, said, now())
            await keep(one)
        try:
            read = await asyncio.to_thread(
                read_answer, one.text, order.validate, stop=StopReason(one.stop), may_repair=order.may_repair
            )
        except AnswerUnfit as unfit:
            await keep(replace(one, errors=unfit.errors or (unfit.sentence,)))
            if not course.goes_on(one, unfit):
                raise
        else:
            if one.strategy != read.strategy:
                await keep(replace(one, strategy=read.strategy))
            return read


@dataclass(slots=True, kw_only=True)
class _Course:
    """How a conversation has gone until now: the same for answers that were kept as for those that come."""

    limit: int
    most: int
    """The most tokens that the model may answer with."""
    reasks: int
    before: list[Exchange] = field(default_factory=list)
    is_enlarged: bool = False

    def goes_on(self, one: KeptAnswer, unfit: AnswerUnfit) -> bool:
        """Whether there is another question after an answer that would not do: what it is stands here then."""
        if isinstance(unfit, AnswerTruncated):
            if self.is_enlarged or self.limit >= self.most:
                return False
            self.is_enlarged, self.limit = True, min(2 * self.limit, self.most)
            return True
        if not unfit.is_invalid or not self.reasks:
            return False
        self.reasks -= 1
        self.before.append(Exchange(answer=one.text[:LONGEST_ECHO], complaint=_complaint(unfit)))
        return True


def _question(order: Conversation, course: _Course) -> Question:
    return Question(
        stable=order.stable,
        asked=order.asked,
        before=tuple(course.before),
        schema=order.schema,
        max_tokens=course.limit,
        temperature=order.temperature,
    )


def _kept(order: Conversation, number: int, said: Said, at: datetime) -> KeptAnswer:
    return KeptAnswer(
        attempt=order.attempt,
        voice=order.voice,
        number=number,
        text=said.text,
        stop=said.stop.value,
        model=said.model,
        at=at,
    )


def _complaint(unfit: AnswerUnfit) -> str:
    listed = "\n".join(f"- {error}" for error in unfit.errors)
    return f"That answer can't be taken:\n{listed}\nAnswer again with the whole JSON object, and nothing else."


async def _said(visit: Visit, asking: Coroutine[Any, Any, Said]) -> Said:
    found = await until_stopped(visit, asking)
    if isinstance(found, Stop):
        raise AskingStopped(found)
    return found
