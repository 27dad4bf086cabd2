"""Counting tokens without using any: for a reservation that is to be exact, and for clients that ask."""

from __future__ import annotations

import json
from dataclasses import dataclass

from penstock.gateway import denial
from penstock.gateway.answering import Answer
from penstock.gateway.denial import Denied
from penstock.gateway.failures import LineBroken
from penstock.gateway.headers import Headers, leaving, returning
from penstock.gateway.masking import masked
from penstock.gateway.orders import Order, Request, parsed, written
from penstock.gateway.parcels import Parcel
from penstock.gateway.protocols.asking import model_of
from penstock.gateway.sending import Sender
from penstock.gateway.visits import AttemptVisit
from penstock.gateway.wire import Json, Refusal, RequestUnfit

COUNT_PATH = "/v1/messages/count_tokens"
PATIENCE = 15.0
_COUNTED = ("messages", "system", "tools", "tool_choice", "thinking", "output_config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Asks Anthropic's upstreams how many tokens a request has."""

    sender: Sender

    async def count(self, visit: AttemptVisit, order: Order, request: Request) -> int | None:
        """For a reservation, where the upstream is to be asked; None where it is not or does not say."""
        destination = visit.terms.destination
        if not destination.settings.counts_tokens or order.wire.name != "anthropic" or destination.is_replay:
            return None
        try:
            status, _, told = await self._ask(visit, order.body, request)
            counted = json.loads(told).get("input_tokens") if status == 200 else None
        except (LineBroken, RequestUnfit, ValueError, AttributeError, RecursionError):
            return None
        return counted if type(counted) is int and counted >= 0 else None

    async def pass_on(self, visit: AttemptVisit, request: Request, answer: Answer) -> None:
        """A client's own question, or Denied. It costs nothing and has no record, but no attempt may ask for ever."""
        destination, stop = visit.terms.destination, visit.stopped
        visit.side_requests += 1
        if stop is not None:
            raise denial.because_of(stop)
        if 0 < 4 * visit.terms.max_calls < visit.side_requests:
            raise denial.too_many_calls(visit.terms.max_calls)
        body = parsed(request)
        if model_of(body) not in {visit.terms.alias, destination.model}:
            raise Denied(Refusal.NO_SUCH_MODEL, f'this key is good for "{destination.model}" only')
        if destination.is_replay or destination.protocol != "anthropic":
            raise RequestUnfit(f"the upstream {destination.upstream} does not count tokens")
        try:
            status, headers, told = await self._ask(visit, body, request)
        except LineBroken as error:
            raise denial.no_answer(destination.upstream, "did not count the tokens") from error
        if not 200 <= status < 300:
            raise denial.no_answer(destination.upstream, f"did not count the tokens (status {status})")
        visit.touch()
        key = destination.key.reveal()
        await answer.whole(status, returning(headers, key), masked(told, key))

    async def _ask(self, visit: AttemptVisit, body: Json, request: Request) -> tuple[int, Headers, bytes]:
        destination = visit.terms.destination
        question = {name: body[name] for name in _COUNTED if name in body} | {"model": destination.model}
        parcel = Parcel(
            visit=visit,
            path=COUNT_PATH + request.kept_query,
            headers=leaving(request.headers, destination),
            body=written(question),
        )
        return await self.sender.ask(parcel, patience=PATIENCE)
