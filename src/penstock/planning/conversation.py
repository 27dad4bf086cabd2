"""Asking one voice until its answer is valid: bounded, each answer kept before it is read, none paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from penstock.domain.errors import AgentError
from penstock.domain.pipelines import KeptAnswer
from penstock.planning.answers import AnswerTruncated, AnswerUnfit, ReadAnswer, Validate, read_answer
from penstock.ports import Asker, Exchange, Question, Said, Stop, StopReason, Visit

Keep = Callable[[KeptAnswer], Awaitable[None]]
LARGEST_LIMIT = 200_000
GRACE = 0.25
"""Seconds that the door's word of why may come later than its refusal."""
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
    before: list[Exchange] = []
    limit, number, larger, reasks = order.max_tokens, 0, 1, order.reasks
    left = sorted(kept, key=lambda one: one.number)
    while True:
        number += 1
        if left:
            one = left.pop(0)
        else:
            said = await _until_stopped(visit, asker.ask(_question(order, before, limit), visit))
            one = _kept(order, number, said, now())
            await keep(one)
        try:
            read = read_answer(one.text, order.validate, stop=StopReason(one.stop), may_repair=order.may_repair)
        except AnswerTruncated as cut:
            await keep(replace(one, errors=("truncated",)))
            if not larger:
                raise
            larger, limit = larger - 1, min(2 * limit, LARGEST_LIMIT)
            del cut
        except AnswerUnfit as unfit:
            await keep(replace(one, errors=unfit.errors or (unfit.sentence,)))
            if not unfit.is_invalid or not reasks:
                raise
            reasks -= 1
            before = [*before, Exchange(answer=one.text[:LONGEST_ECHO], complaint=_complaint(unfit))]
        else:
            if one.strategy != read.strategy:
                await keep(replace(one, strategy=read.strategy))
            return read


def _question(order: Conversation, before: Sequence[Exchange], limit: int) -> Question:
    return Question(
        stable=order.stable,
        asked=order.asked,
        before=tuple(before),
        schema=order.schema,
        max_tokens=limit,
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


async def _until_stopped(visit: Visit, asking: Coroutine[Any, Any, Said]) -> Said:
    """The answer; or AskingStopped as soon as the door says that there will be none."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def told(_: object) -> None:
        with suppress(RuntimeError):  # the loop may be over long since
            loop.call_soon_threadsafe(stopped.set)

    visit.stop.add_done_callback(told)
    calling, waiting = asyncio.ensure_future(asking), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({calling, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if calling.done() and calling.exception() is None:
            return calling.result()
        await asyncio.wait({waiting}, timeout=GRACE)
        if visit.stop.done() and not visit.stop.cancelled():
            raise AskingStopped(visit.stop.result())
        return await calling
    finally:
        for one in (calling, waiting):
            one.cancel()
        await asyncio.gather(calling, waiting, return_exceptions=True)
