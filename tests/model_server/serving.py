"""The application: plain ASGI, so that it costs little in a measurement of what stands before it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from penstock.domain.usage import Tokens

from .choosing import Play, directive_in, read_play
from .connection import JSON, Call, Gone, Receive, Send, arrived
from .conversation import Asked, Protocol, read
from .faults import Fault, FaultKind, Faults
from .issuing import Books, Issued, Seen, figures
from .playing import Answer, played
from .scripts import Round, Script
from .shapes import SHAPES

PROTOCOLS: Mapping[str, Protocol] = {
    "/messages": Protocol.MESSAGES,
    "/chat/completions": Protocol.CHAT,
    "/responses": Protocol.RESPONSES,
}
_STREAM = "text/event-stream"
_SHOWN = 3
"""So many events of a stream go out before one that breaks off or stalls does."""
_NONE = Script(name="", rounds=(Round(final="A short answer"),))


class BrokenOff(Exception):
    """The answer is to end here, unfinished."""


@dataclass(slots=True)
class Planted:
    """A fault that a test has put in the way of some calls."""

    fault: Fault
    meets: Callable[[Seen], bool]
    count: int = 0


class Application:
    """Everything that the server knows, and how it answers. All of it runs on one loop."""

    def __init__(self, books: Books, scripts: Mapping[str, Script], *, default: str, models: Sequence[str]) -> None:
        self.books = books
        self.scripts = dict(scripts)
        self.default = default
        self.models = tuple(models)
        self.planted: list[Planted] = []
        self.gate = asyncio.Event()
        self.is_ending = False
        self._numbers = 0
        self._plays: dict[str, int] = {}

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        call = Call(receive, send)
        seen = await arrived(scope, receive)
        self.books.note_seen(seen)
        protocol = next((one for end, one in PROTOCOLS.items() if seen.path.endswith(end)), None)
        with suppress(Gone, BrokenOff):
            if seen.method == "POST" and protocol is not None:
                await self._model(call, seen, protocol)
            else:
                await self._other(call, seen)

    async def _other(self, call: Call, seen: Seen) -> None:
        if seen.method == "HEAD":
            await call.whole(200, b"", {})
        elif seen.path.endswith("/count_tokens"):
            count = len(seen.raw) // 4 + 7  # no call that `figures` reckons is counted for more
            await call.whole(200, _packed({"input_tokens": count}), {})
        elif seen.path.rstrip("/").endswith("/models"):
            await call.whole(200, _packed(_models(self.models)), {})
        else:
            await call.whole(404, _packed(SHAPES[Protocol.CHAT].error(404, f"nothing is at {seen.path}")), {})

    async def _model(self, call: Call, seen: Seen, protocol: Protocol) -> None:
        try:
            asked = read(protocol, seen.body)
        except (ValueError, TypeError, AttributeError) as error:
            await call.whole(400, _packed(SHAPES[protocol].error(400, f"the request can't be read: {error}")), {})
            return
        self._numbers += 1
        number = self._numbers
        play = self._play(seen, asked)
        faults = self._faults(seen, play)
        tokens = play.tokens or figures(number, len(seen.raw), asked)
        script = self.scripts.get(play.script, _NONE)
        answer = played(asked, script, faults, number=number, tokens=tokens)
        issued = Issued(
            number=number,
            key=seen.key,
            path=seen.path,
            model=asked.model,
            protocol=protocol,
            streamed=asked.streamed,
            script=script.name,
            tokens=tokens,
            told=answer.tells_usage,
        )
        try:
            await self._late(call, faults)
            await self._answered(call, asked, answer, faults, issued)
        except Gone:
            self.books.note_issued(replace(issued, ended=False, told=False))
            raise

    def _play(self, seen: Seen, asked: Asked) -> Play:
        prompt = asked.prompt
        text = directive_in(prompt) or seen.play
        if text:
            return read_play(text)
        about = (one.name for one in tuple(self.scripts.values()) if any(word in prompt for word in one.about))
        return read_play(next(about, self.default))

    def _faults(self, seen: Seen, play: Play) -> Faults:
        count = self._plays[play.text] = self._plays.get(play.text, 0) + 1
        met = [fault for fault in play.faults if fault.strikes(count)]
        for one in self.planted:
            if one.meets(seen):
                one.count += 1
                if one.fault.strikes(one.count):
                    met.append(one.fault)
        return Faults(tuple(met))

    async def _late(self, call: Call, faults: Faults) -> None:
        delay = faults.get(FaultKind.DELAY)
        if delay is not None:
            await asyncio.sleep(delay.seconds)
        if FaultKind.HANG in faults:
            await self._held(call)

    async def _held(self, call: Call) -> None:
        self.books.note_held(1)
        try:
            await call.until(self.gate)
            if self.is_ending:
                raise Gone
        finally:
            self.books.note_held(-1)

    async def _answered(self, call: Call, asked: Asked, answer: Answer, faults: Faults, issued: Issued) -> None:
        shape = SHAPES[asked.protocol]
        failing, nothing = faults.get(FaultKind.STATUS), Tokens()
        if failing is not None:
            message = failing.message or f"scripted status {failing.status}"
            self.books.note_issued(replace(issued, status=failing.status, tokens=nothing, told=False))
            await call.whole(failing.status, _packed(shape.error(failing.status, message)), failing.headers)
        elif FaultKind.GARBAGE in faults:
            self.books.note_issued(replace(issued, ended=False, told=False))
            await call.whole(200, b'{"id": "x", "choices": [ <<this is no JSON', {})
        elif asked.streamed:
            await self._streamed(call, list(shape.events(answer)), shape.failed(answer), faults, issued)
        else:
            await self._at_once(call, _packed(shape.whole(answer)), faults, issued)

    async def _at_once(self, call: Call, body: bytes, faults: Faults, issued: Issued) -> None:
        if FaultKind.STALL in faults or FaultKind.DROP in faults:
            await call.begin(200, {"content-type": JSON, "content-length": str(len(body))})
            await call.piece(body[: len(body) // 2])
            if FaultKind.DROP in faults:
                self.books.note_issued(replace(issued, ended=False, told=False))
                raise BrokenOff
            await self._held(call)
            self.books.note_issued(issued)
            await call.piece(body[len(body) // 2 :], last=True)
            return
        self.books.note_issued(issued)
        await call.whole(200, body, {})

    async def _streamed(
        self, call: Call, events: Sequence[bytes], failed: bytes, faults: Faults, issued: Issued
    ) -> None:
        slow = faults.get(FaultKind.SLOW)
        await call.begin(200, {"content-type": _STREAM, "cache-control": "no-cache"})
        for number, event in enumerate(events):
            if number == min(_SHOWN, len(events) - 1):
                await self._broken(call, failed, faults, issued)
            if number == len(events) - 1:
                self.books.note_issued(issued)  # before the last byte: who has read that may read the books
            elif slow is not None:
                await call.pause(slow.seconds)
            await call.piece(event)
        await call.piece(b"", last=True)

    async def _broken(self, call: Call, failed: bytes, faults: Faults, issued: Issued) -> None:
        if FaultKind.STALL in faults:
            await self._held(call)
        if FaultKind.DROP in faults or FaultKind.ERROR_EVENT in faults:
            self.books.note_issued(replace(issued, ended=False, told=False))
            if FaultKind.ERROR_EVENT in faults:
                await call.piece(failed)
                await call.piece(b"", last=True)
            raise BrokenOff


def _packed(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def _models(names: Sequence[str]) -> Mapping[str, Any]:
    data = [
        {"id": name, "object": "model", "type": "model", "display_name": name, "created": 1_700_000_000}
        for name in names
    ]
    return {"object": "list", "data": data, "has_more": False}
