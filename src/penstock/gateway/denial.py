"""Why the gateway itself says no to a call, and what that means for the attempt."""

from __future__ import annotations

from penstock.domain.budget import Refused
from penstock.gateway.parking import Parked
from penstock.gateway.wire import Refusal
from penstock.ports.models import Stop, StopKind

_ANSWERS = {
    StopKind.BUDGET: Refusal.BUDGET,
    StopKind.REQUESTS: Refusal.TOO_MANY_CALLS,
    StopKind.RATE_LIMITED: Refusal.RATE_LIMITED,
    StopKind.UNREACHABLE: Refusal.UPSTREAM,
}


class Denied(Exception):
    """A call that is answered by the gateway itself; with `stop`, the attempt ends."""

    def __init__(
        self, kind: Refusal, sentence: str, *, stop: Stop | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.stop = stop
        self.http_status = http_status


def because_of(stop: Stop, *, http_status: int | None = None) -> Denied:
    """The denial of a call whose attempt must end."""
    return Denied(_ANSWERS[stop.kind], stop.sentence, stop=stop, http_status=http_status)


def over_budget(refused: Refused) -> Denied:
    """A cap does not allow the call."""
    return because_of(Stop(kind=StopKind.BUDGET, sentence=refused.sentence, level=refused.account.level))


def too_many_calls(most: int) -> Denied:
    """The attempt has made as many calls as it may."""
    sentence = f"this attempt has made {most} calls to its model, as many as one attempt may: it seems to loop"
    return because_of(Stop(kind=StopKind.REQUESTS, sentence=sentence))


def waited_in_vain(seconds: float) -> Denied:
    """Others' reservations stood in its way for too long."""
    sentence = f"what other calls have reserved left no room in the budget for {seconds:.0f} s; it is tried again later"
    return because_of(Stop(kind=StopKind.RATE_LIMITED, sentence=sentence))


def limit_reached(upstream: str, parked: Parked, *, http_status: int | None = None) -> Denied:
    """The upstream wants to be left alone for a while."""
    sentence = f"{upstream}: {parked.reason}; it is asked again at {parked.until:%Y-%m-%d %H:%M:%S} UTC"
    return because_of(Stop(kind=StopKind.RATE_LIMITED, sentence=sentence, until=parked.until), http_status=http_status)


def key_refused(upstream: str, source: str, status: int) -> Denied:
    """The upstream does not take the key."""
    whence = f"the key from {source}" if source else "a request without a key"
    sentence = f"the upstream {upstream} refuses {whence} (status {status})"
    return because_of(Stop(kind=StopKind.UNREACHABLE, sentence=sentence), http_status=status)


def out_of_reach(upstream: str, reason: str) -> Denied:
    """No connection to the upstream came about."""
    return because_of(Stop(kind=StopKind.UNREACHABLE, sentence=f"the upstream {upstream} can't be reached: {reason}"))


def no_answer(upstream: str, reason: str, *, http_status: int | None = None) -> Denied:
    """The upstream gave no answer that could be passed on."""
    return Denied(Refusal.UPSTREAM, f"the upstream {upstream} {reason}", http_status=http_status)


def not_played(reason: str) -> Denied:
    """A recording has no answer to the call, and will have none to the next."""
    return because_of(Stop(kind=StopKind.UNREACHABLE, sentence=f"the run can't be played again: {reason}"))


def no_books(reason: str) -> Denied:
    """Nothing can be reserved or written down now: what would be spent nobody would know."""
    return because_of(Stop(kind=StopKind.UNREACHABLE, sentence=f"no call can be accounted for: {reason}"))
