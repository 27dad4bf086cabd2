"""Sends a call to its upstream and is the only one that sends it again; nothing of an answer has gone out by then."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.gateway.denial import Denied, key_refused, limit_reached, no_answer, out_of_reach
from penstock.gateway.directory import Destination
from penstock.gateway.failures import LineBroken, LineWasOver, UpstreamSilent, UpstreamUnreachable
from penstock.gateway.headers import Headers
from penstock.gateway.limits import retry_after, usage_limit
from penstock.gateway.lines import Lines, Reply
from penstock.gateway.parcels import Opened, Parcel, Progress
from penstock.gateway.parking import Parking
from penstock.gateway.turns import Pause
from penstock.gateway.visits import AttemptVisit
from penstock.ports.clock import Clock

LARGEST_ERROR = 1024 * 1024
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0
SHORTEST_WAIT = 0.5
MOST_LIMITS = 5
"""So many usage limits are waited out for one call, however short each is."""


@dataclass(kw_only=True)
class Sender:
    """Sends to every upstream. Belongs to the gateway's thread."""

    clock: Clock
    pause: Pause
    parking: Parking
    max_tries: int
    short_limit: float
    chance: Callable[[], float] = random.random
    _all_lines: dict[str, Lines] = field(default_factory=dict)

    async def open(self, parcel: Parcel, progress: Progress) -> Opened:
        """The beginning of an answer, of whatever status, or Denied."""
        waited, limits = 0.0, 0
        while True:
            progress.tries += 1
            reply = await self._send(parcel, progress)
            if reply is None or self._is_worth_another(reply, progress):
                await self._back_off(parcel, reply, progress)
                continue
            if reply.status != 429:
                return await self._judged(parcel.visit.terms.destination, reply)
            limits += 1
            patience = self.short_limit - waited if limits <= MOST_LIMITS else 0.0
            waited += await self._wait_out(parcel.visit, reply, patience)
            progress.tries -= 1  # an upstream that asked for a pause was not tried in vain

    async def until_free(self, visit: AttemptVisit) -> None:
        """Wait out a usage limit that the upstream is parked for; Denied if it lasts."""
        destination, waited, waits = visit.terms.destination, 0.0, 0
        while (parked := self.parking.parked(destination.upstream, destination.settings.key or "")) is not None:
            waits += 1
            if waits > MOST_LIMITS or waited + parked.seconds > self.short_limit:
                raise limit_reached(destination.upstream, parked)
            with visit.waits():
                await self.pause(parked.seconds)
            waited += parked.seconds

    async def ask(self, parcel: Parcel, *, patience: float) -> tuple[int, Headers, bytes]:
        """One short question that costs nothing: status, headers and body. LineBroken if it fails."""
        lines = self._lines(parcel.visit.terms.destination)
        reply = await lines.post(parcel.path, parcel.headers, parcel.body, patience=patience)
        return reply.status, reply.headers, await _read(reply)

    async def close(self) -> None:
        """Close all lines."""
        while self._all_lines:
            _, lines = self._all_lines.popitem()
            lines.close()

    async def _send(self, parcel: Parcel, progress: Progress) -> Reply | None:
        """The answer's beginning, or None where the connection failed and another try is left."""
        destination, was_in_flight = parcel.visit.terms.destination, progress.is_in_flight

        def leaves() -> None:
            progress.is_in_flight = True

        try:
            reply = await self._lines(destination).post(parcel.path, parcel.headers, parcel.body, leaves=leaves)
        except UpstreamSilent as error:
            raise no_answer(destination.upstream, "did not answer in time") from error
        except LineBroken as error:  # what was read before it broke may be paid for
            if isinstance(error, LineWasOver):
                progress.is_in_flight = was_in_flight
            if progress.tries >= self.max_tries:
                raise _gone(destination, error) from error
            return None
        progress.is_in_flight = was_in_flight
        parcel.visit.touch()
        return reply

    def _is_worth_another(self, reply: Reply, progress: Progress) -> bool:
        is_passing = reply.status in {408, 409} or reply.status >= 500
        says_no = reply.named.get("x-should-retry", "") == "false"
        return is_passing and not says_no and progress.tries < self.max_tries

    async def _back_off(self, parcel: Parcel, reply: Reply | None, progress: Progress) -> None:
        seconds = min(FIRST_BACKOFF * 2.0 ** (progress.tries - 1), LONGEST_BACKOFF) * (0.5 + self.chance() / 2)
        if reply is not None:
            await _read(reply)
            asked = retry_after(reply.named, now=self.clock.now())
            if asked is not None and asked <= self.short_limit:
                seconds = max(seconds, asked)
        with parcel.visit.waits():
            await self.pause(seconds)

    async def _wait_out(self, visit: AttemptVisit, reply: Reply, patience: float) -> float:
        """Park the upstream and wait until its limit is over; Denied where that takes too long."""
        destination = visit.terms.destination
        body = await _read(reply)
        limit = usage_limit(reply.named, body, now=self.clock.now())
        parked = self.parking.park(destination.upstream, destination.settings.key or "", limit)
        seconds = max(parked.seconds, SHORTEST_WAIT)
        if limit.is_quota or seconds > patience:
            raise limit_reached(destination.upstream, parked, http_status=429)
        with visit.waits():
            await self.pause(seconds)
        return seconds

    async def _judged(self, destination: Destination, reply: Reply) -> Opened:
        status = reply.status
        if status in {401, 403}:
            reply.close()
            raise key_refused(destination.upstream, destination.settings.key or "", status)
        if not 200 <= status < 300 and status < 400:
            reply.close()
            raise no_answer(
                destination.upstream, f"answered with status {status}, which is not followed", http_status=status
            )
        if status < 300:
            self.parking.answered(destination.upstream, destination.settings.key or "")
        return Opened(
            status=status,
            headers=reply.headers,
            content_type=reply.named.get("content-type", ""),
            chunks=reply.chunks,
            close=reply.close,
        )

    def _lines(self, destination: Destination) -> Lines:
        if destination.upstream not in self._all_lines:
            self._all_lines[destination.upstream] = Lines(settings=destination.settings)
        return self._all_lines[destination.upstream]


def _gone(destination: Destination, error: Exception) -> Denied:
    if isinstance(error, UpstreamUnreachable):
        return out_of_reach(destination.upstream, str(error))
    return no_answer(destination.upstream, f"broke the connection off: {error}")


async def _read(reply: Reply) -> bytes:
    """The body of an answer that is not passed on as it comes, as far as it is read at all."""
    parts, size = list[bytes](), 0
    try:
        with contextlib.suppress(LineBroken):
            async for chunk in reply.chunks:
                parts.append(chunk)
                size += len(chunk)
                if size > LARGEST_ERROR:
                    break
    finally:
        reply.close()
    return b"".join(parts)
