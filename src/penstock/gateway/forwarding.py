"""The way of one call through the gateway: understood, let through, sent, passed on, settled once."""

from __future__ import annotations

from asyncio import CancelledError, Task, to_thread
from dataclasses import dataclass

from penstock.domain.usage import CallStatus
from penstock.gateway import denial
from penstock.gateway.admission import Admission, too_many
from penstock.gateway.answering import JSON, Answer
from penstock.gateway.bookkeeping import Bookkeeper, OpenAccount
from penstock.gateway.denial import Denied
from penstock.gateway.headers import leaving
from penstock.gateway.orders import Order, Request, read_order
from penstock.gateway.parcels import Opened, Parcel, Progress
from penstock.gateway.passing import Passage
from penstock.gateway.recordings.call_keys import CallKey
from penstock.gateway.sending import Sender
from penstock.gateway.visits import AttemptVisit
from penstock.gateway.wire import Reader, Refusal, RequestUnfit, Wire

LARGE = 256 * 1024
"""Requests above this are read in another thread: meanwhile others are served."""
FAILED = "the gateway itself failed"
"""Said of a call at which it did so in a way that nobody thought of."""


@dataclass(kw_only=True)
class Forwarder:
    """Takes calls through the gateway. Belongs to the gateway's thread."""

    books: Bookkeeper
    admission: Admission
    sender: Sender

    async def serve(self, visit: AttemptVisit, wire: Wire, request: Request, answer: Answer) -> None:
        """One call, from its request to its answer. To cancel it is to cut it; it is settled all the same."""
        ordinal, started = visit.count(), self.books.clock.monotonic()
        visit.touch()
        try:
            order = await _understood(visit, wire, request)
            account = await self._admitted(visit, order, request, ordinal, started)
        except RequestUnfit as unfit:
            _end_if_it_loops(visit, ordinal)
            await say(answer, wire, Denied(Refusal.BAD_REQUEST, unfit.sentence))
        except Denied as denied:
            _end_if_it_loops(visit, ordinal)
            await say(answer, wire, denied)
        else:
            await self._send(visit, order, request, account, answer)

    async def _admitted(
        self, visit: AttemptVisit, order: Order, request: Request, ordinal: int, started: float
    ) -> OpenAccount:
        """The call with its reservation; one that is not let through has its record when this raises."""
        call = self.books.call(visit, order, ordinal)
        try:
            call, worst = await self.admission.admit(visit, order, request, call)
        except Denied as denied:
            _stop(visit, denied)
            await self.books.refuse(visit, call, denied.sentence)
            raise
        except CancelledError:
            self.books.refuse_soon(visit, call, _why_cut(visit))
            raise
        except BaseException:
            self.books.refuse_soon(visit, call, FAILED)
            raise
        is_free = visit.terms.destination.is_replay
        return OpenAccount(books=self.books, call=call, worst=worst, started=started, is_free=is_free)

    async def _send(
        self, visit: AttemptVisit, order: Order, request: Request, account: OpenAccount, answer: Answer
    ) -> None:
        """From the grant on: whatever happens, the call is settled, once."""
        clock, memory = self.books.clock, visit.terms.memory
        key = memory.next(order) if memory is not None else None

        def remember(reader: Reader) -> Task[None] | None:
            return None if memory is None or key is None else self.books.write(memory.keep(key, order, reader))

        passage = Passage(
            visit=visit,
            order=order,
            answer=answer,
            progress=Progress(),
            elapsed=lambda: clock.monotonic() - account.started,
            settle=account.settle_soon,
            remember=remember,
        )
        try:
            if visit.stopped is not None:  # another call of the same attempt was refused while this one waited
                raise denial.because_of(visit.stopped)
            await passage.pass_on(await self._opened(visit, order, request, passage.progress, key))
        except Denied as denied:
            _stop(visit, denied)
            await account.settle(passage.denied(denied))
            await say(answer, order.wire, denied)
        except CancelledError:
            account.settle_soon(passage.sent(CallStatus.CUT, _why_cut(visit)))
            raise
        finally:
            if not account.is_settled:
                account.settle_soon(passage.sent(CallStatus.FAILED, FAILED))
            if memory is not None and key is not None:
                memory.ended(key, is_whole=passage.reader is not None and passage.reader.is_complete)

    async def _opened(
        self, visit: AttemptVisit, order: Order, request: Request, progress: Progress, key: CallKey | None
    ) -> Opened:
        destination, memory = visit.terms.destination, visit.terms.memory
        if destination.is_replay:
            if memory is None or key is None:
                raise denial.not_played("nothing says where its recording is")
            return await memory.played(key, order)
        parcel = Parcel(
            visit=visit,
            path=order.wire.path + request.kept_query,
            headers=leaving(request.headers, destination),
            body=order.leaving,
        )
        return await self.sender.open(parcel, progress)


async def say(answer: Answer, wire: Wire, denied: Denied) -> None:
    """Tell the client, in the shape of its provider, why there is no answer."""
    status, body = wire.refusal(denied.kind, denied.sentence)
    await answer.whole(status, JSON, body)


async def _understood(visit: AttemptVisit, wire: Wire, request: Request) -> Order:
    given = (wire, request, visit.terms.destination, visit.terms.alias)
    if len(request.body) > LARGE or "content-encoding" in request.headers:
        return await to_thread(read_order, *given)
    return read_order(*given)


def _end_if_it_loops(visit: AttemptVisit, ordinal: int) -> None:
    """Requests that are no calls count, too: an agent may send them without end."""
    if too_many(visit, ordinal):
        _stop(visit, denial.too_many_calls(visit.terms.max_calls))


def _stop(visit: AttemptVisit, denied: Denied) -> None:
    if denied.stop is not None:
        visit.end(denied.stop)


def _why_cut(visit: AttemptVisit) -> str:
    return "the attempt ended" if visit.is_closed else "whoever asked went away"
