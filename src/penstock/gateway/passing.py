"""Passes an answer on, byte for byte, and reads it as it goes by.

A stream is settled before its last bytes go out: that delays nothing. An answer at once is settled when it has gone
out, or it would wait for the disk; the ledger is asked before anything that comes of it is heard.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from penstock.domain.errors import PenstockError
from penstock.domain.redaction import MASK
from penstock.domain.usage import CallStatus
from penstock.gateway.answering import Answer
from penstock.gateway.denial import Denied, no_answer
from penstock.gateway.failures import LineBroken
from penstock.gateway.headers import Headers, returning
from penstock.gateway.incoming import LARGEST_ANSWER
from penstock.gateway.limits import error_of
from penstock.gateway.masking import Masking, masked
from penstock.gateway.metering import Sent
from penstock.gateway.orders import Order
from penstock.gateway.parcels import Opened, Progress
from penstock.gateway.visits import AttemptVisit
from penstock.gateway.wire import Reader

Settle = Callable[[Sent], asyncio.Task[None]]
"""Begins to settle a call; once begun it can't be stopped."""
Remember = Callable[[Reader], asyncio.Task[None] | None]
"""Begins to keep an answer that came to its end, where answers are kept."""


@dataclass(kw_only=True)
class Passage:
    """One answer on its way from the upstream to the client."""

    visit: AttemptVisit
    order: Order
    answer: Answer
    progress: Progress
    elapsed: Callable[[], float]
    settle: Settle
    remember: Remember
    reader: Reader | None = None
    first_byte: float | None = None
    http_status: int | None = None
    has_remembered: bool = False

    async def pass_on(self, opened: Opened) -> None:
        """All of it; what breaks off breaks off for the client, too."""
        self.http_status = opened.status
        headers = returning(opened.headers, self._key)
        try:
            if opened.status >= 400:
                await self._error(opened, headers)
            elif _is_stream(opened.content_type, wanted=self.order.asked.streamed):
                await self._stream(opened, headers)
            else:
                await self._whole(opened, headers)
        finally:
            # some clients hang up at the last event: what they have read is kept all the same
            if self.reader is not None and self.reader.is_complete and not self.has_remembered:
                self.reader.finish()
                self.remember(self.reader)
            opened.close()

    def sent(self, status: CallStatus, error: str = "") -> Sent:
        """How far the call has come."""
        return Sent(
            status=status,
            tries=self.progress.tries,
            http_status=self.http_status,
            reader=self.reader,
            is_in_flight=self.progress.is_in_flight,
            error=error,
            first_byte=self.first_byte,
        )

    def denied(self, denied: Denied) -> Sent:
        """The same for a call that the gateway itself had to answer."""
        self.http_status = self.http_status or denied.http_status
        has_left = self.progress.tries > 0 or denied.http_status is not None
        return self.sent(CallStatus.FAILED if has_left else CallStatus.REFUSED, denied.sentence)

    async def _stream(self, opened: Opened, headers: Headers) -> None:
        reader, masking = self._reader(streamed=True), Masking(self._key)
        self.reader = reader
        is_settled, broken, size = False, "", 0
        await self.answer.begin(opened.status, headers)
        try:
            async for chunk in opened.chunks:
                self._seen()
                piece = masking.feed(reader.feed(chunk))
                if not is_settled and reader.is_final:
                    is_settled = True
                    await asyncio.shield(self.settle(self._judged(reader, "")))
                await self.answer.pass_on(piece)
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    broken = "the answer was larger than any that is passed on"
                    break
        except LineBroken as error:
            broken = f"the upstream broke the answer off: {error}"
        rest = masking.feed(reader.finish()) + masking.finish()
        if not is_settled:
            await asyncio.shield(self.settle(self._judged(reader, broken)))
        await self._kept(reader, broken)
        await self.answer.pass_on(rest)
        if not broken:
            await self.answer.end()

    async def _whole(self, opened: Opened, headers: Headers) -> None:
        reader = self.reader = self._reader(streamed=False)
        body, broken = await self._read(opened, reader)
        judged = self._judged(reader, broken)
        await self._kept(reader, broken)
        try:
            if broken:
                raise no_answer(self.visit.terms.destination.upstream, broken)
            await self.answer.whole(opened.status, headers, masked(body, self._key))
        finally:
            settling = self.settle(judged)
        await asyncio.shield(settling)

    async def _error(self, opened: Opened, headers: Headers) -> None:
        body, broken = await self._read(opened, None)
        if self._key:
            body = body.replace(self._key.encode(), MASK.encode())
        message = error_of(body).get("message")
        said = message if isinstance(message, str) else body[:200].decode("utf-8", "replace")
        await asyncio.shield(self.settle(self.sent(CallStatus.FAILED, broken or said or f"status {opened.status}")))
        await self.answer.whole(opened.status, headers, body)

    async def _read(self, opened: Opened, reader: Reader | None) -> tuple[bytes, str]:
        parts, size = list[bytes](), 0
        try:
            async for chunk in opened.chunks:
                self._seen()
                parts.append(reader.feed(chunk) if reader else chunk)
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    return b"", "answered with more than is passed on"
        except LineBroken as error:
            return b"".join(parts), f"broke its answer off: {error}"
        return b"".join((*parts, reader.finish() if reader else b"")), ""

    async def _kept(self, reader: Reader, broken: str) -> None:
        """Keep it before its end is told: who has heard it may look at the recording."""
        self.has_remembered = True
        if reader.is_complete and not broken and (task := self.remember(reader)) is not None:
            with contextlib.suppress(PenstockError, OSError):  # who keeps the books says so; the answer was paid for
                await asyncio.shield(task)

    def _judged(self, reader: Reader, broken: str) -> Sent:
        if reader.error:
            return self.sent(CallStatus.FAILED, reader.error)
        if broken or not reader.is_complete:
            return self.sent(CallStatus.CUT, broken or "the answer ended before its end")
        return self.sent(CallStatus.OK)

    def _reader(self, *, streamed: bool) -> Reader:
        order = self.order
        return order.wire.reader(streamed=streamed, asked_for_usage=order.asked_for_usage, answers=order.answers)

    def _seen(self) -> None:
        if self.first_byte is None:
            self.first_byte = self.elapsed()
        self.visit.touch()

    @property
    def _key(self) -> str:
        return self.visit.terms.destination.key.reveal()


def _is_stream(content_type: str, *, wanted: bool) -> bool:
    """Some servers of compatible make send a stream under another name."""
    return "text/event-stream" in content_type or (wanted and "json" not in content_type)
