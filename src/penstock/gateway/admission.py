"""What stands before a call may leave: the attempt's end, its cap of calls, the upstream's limit, the budgets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from penstock.domain.budget import Amount, Granted, Leave, MustWait, Refused
from penstock.domain.errors import WorldError
from penstock.domain.usage import ModelCall, Tokens
from penstock.gateway import denial
from penstock.gateway.counting import Counting
from penstock.gateway.metering import Meter
from penstock.gateway.orders import Order, Request
from penstock.gateway.sending import Sender
from penstock.gateway.turns import Turns
from penstock.gateway.visits import AttemptVisit


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Lets calls through, one after another of these reasons not to."""

    turns: Turns
    meter: Meter
    sender: Sender
    counting: Counting
    wait_for_budget: float

    async def admit(
        self, visit: AttemptVisit, order: Order, request: Request, call: ModelCall
    ) -> tuple[ModelCall, Tokens]:
        """The call with its worst case reserved, or Denied."""
        if visit.stopped is not None:
            raise denial.because_of(visit.stopped)
        if too_many(visit, call.ordinal):
            raise denial.too_many_calls(visit.terms.max_calls)
        await self.sender.until_free(visit)
        worst = order.worst(await self.counting.count(visit, order, request))
        call = replace(call, worst=self._amount(visit, order, call, worst))
        match await self._leave(visit, call):
            case Granted():
                return call, worst
            case Refused() as refused:
                raise denial.over_budget(refused)
            case MustWait():
                raise denial.waited_in_vain(self.wait_for_budget)

    async def _leave(self, visit: AttemptVisit, call: ModelCall) -> Leave:
        try:
            with visit.waits():
                return await self.turns.reserve(call, patience=self.wait_for_budget)
        except WorldError as error:
            raise denial.no_books(error.sentence) from error

    def _amount(self, visit: AttemptVisit, order: Order, call: ModelCall, worst: Tokens) -> Amount:
        """A recording costs no money."""
        if visit.terms.destination.is_replay:
            return Amount(tokens=worst.total)
        return self.meter.worst(call, worst, order.leaving)


def too_many(visit: AttemptVisit, ordinal: int) -> bool:
    """Whether the attempt has made all the calls that it may."""
    return 0 < visit.terms.max_calls < ordinal
