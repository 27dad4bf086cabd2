"""Server-sent events: what is stored, from a cursor on, then what comes, until the reader goes or the server ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, TypeAlias

from fastapi import Header, Query
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from penstock.api.here import LARGEST, ApiState
from penstock.api.problems import ServerStops, problem_of
from penstock.domain.errors import PenstockError, UserError, WorldError

LOOK_EVERY = 0.25
HEARTBEAT = 15.0
AT_ONCE = 500

Rows: TypeAlias = Sequence[dict[str, Any]]
Look: TypeAlias = Callable[[int], Rows]
"""The events after an id, oldest first, at most AT_ONCE of them."""

LastEventId: TypeAlias = Annotated[
    str | None, Header(max_length=20, description="The last event that was seen: sent by browsers that connect again")
]
Follows: TypeAlias = Annotated[bool, Query(description="False: ends once all that is there was sent")]

STREAM_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as they come: `id`, `event` (its type) and `data` (the event as JSON)",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def cursor(after: int, last_event_id: str | None) -> int:
    """Where to begin: a browser that connects again knows better than the address that it began with."""
    if not last_event_id:
        return after
    if not (last_event_id.isascii() and last_event_id.isdecimal()) or int(last_event_id) > LARGEST:
        raise UserError("Last-Event-ID is no id of an event", hint="send the `id` of the last event that you have seen")
    return int(last_event_id)


async def stream(here: ApiState, look: Look, kind: str, begin: int, *, follows: bool) -> StreamingResponse:
    """The answer that streams. What is asked about is looked at once before, so that errors are answers."""
    first = await asyncio.to_thread(look, begin)
    return _Stream(_events(here, look, kind, begin, first, follows=follows), here.streams)


class _Stream(StreamingResponse):
    """An answer that has its place among all streams before its first byte, or is refused."""

    def __init__(self, events: AsyncIterator[str], places: asyncio.Semaphore) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; whoever finds no place does not wait for one."""
        if self._places.locked():
            raise ServerStops("too many streams are open already", hint="close one of them")
        async with self._places:
            await super().__call__(scope, receive, send)


async def _events(
    here: ApiState, look: Look, kind: str, begin: int, first: Rows, *, follows: bool
) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    rows, at, quiet = first, begin, 0.0
    while True:
        for row in rows:
            at, quiet = row["id"], 0.0
            yield _event(row, kind)
        if not rows and not follows:
            return
        if not rows:
            if await _is_over(here):
                return
            quiet += LOOK_EVERY
        if quiet >= HEARTBEAT:
            quiet = 0.0
            yield ": nothing new\n\n"
        try:
            rows = await asyncio.to_thread(look, at)
        except (UserError, WorldError) as error:  # the answer has begun: it can't be one of its own any more
            yield _problem(error)
            return


async def _is_over(here: ApiState) -> bool:
    try:
        await asyncio.wait_for(here.ending.asked.wait(), LOOK_EVERY)
    except TimeoutError:
        return False
    return True


def _problem(error: PenstockError) -> str:
    problem = problem_of(error)
    data = {"error": problem.code, "message": problem.message}
    return f"event: problem\ndata: {json.dumps(data, ensure_ascii=True)}\n\n"


def _event(row: dict[str, Any], kind: str) -> str:
    return f"id: {row['id']}\nevent: {row[kind]}\ndata: {json.dumps(row, ensure_ascii=True)}\n\n"
