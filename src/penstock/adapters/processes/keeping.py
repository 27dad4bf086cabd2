"""What a keeper process does from leash to leash: an order comes in, an outcome goes out and stands on record.

It is forked from the zygote and runs on a bare interpreter.
"""

from __future__ import annotations

import socket
import time

from penstock.adapters.processes import wire
from penstock.adapters.processes.descent import ChildBell, adopt_orphans
from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.keeper import Keeper
from penstock.adapters.processes.records import record_outcome, record_request
from penstock.adapters.processes.spawn import CouldNotStart


def keep_one_after_another(channel: socket.socket) -> None:
    """Serve each leash that the zygote hands over, and say so when it is served, until the zygote hangs up."""
    adopts, bell = adopt_orphans(), ChildBell()
    while True:
        _, descriptors, _, _ = socket.recv_fds(channel, len(wire.LEASH), 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as leash:
            leash.set_inheritable(False)
            if not _keep(leash, bell, adopts=adopts):
                return
        try:
            channel.send(wire.SERVED)
        except OSError:
            return  # the zygote was killed, or has no owner any more


def _keep(leash: socket.socket, bell: ChildBell, *, adopts: bool) -> bool:
    """Serve one leash from order to outcome; whether nothing is left. A fault of ours is told to the owner."""
    try:
        order = wire.receive_order(leash)
        return order is None or _serve(leash, order, bell, adopts=adopts)
    except Exception:  # the main of a process of its own: the owner must hear of any fault
        import traceback  # noqa: PLC0415 - no keeper should need it

        wire.tell(leash, {"fault": traceback.format_exc()})
        raise


def _serve(leash: socket.socket, order: wire.Order, bell: ChildBell, *, adopts: bool) -> bool:
    began, is_empty = time.monotonic(), True
    try:
        record_request(order)
        keeper = Keeper(leash, order, began, bell, adopts=adopts)
        keeper.start()
    except CouldNotStart as failure:
        ending = Ending.NOT_FOUND if failure.is_not_found else Ending.NOT_STARTED
        outcome = _unstarted(order, ending, str(failure), began)
    except OSError as error:
        outcome = _unstarted(order, Ending.NOT_STARTED, str(error), began)
    else:
        outcome = keeper.see_it_through()
        is_empty = keeper.is_empty
    try:
        record_outcome(order["folder"], outcome)
    except OSError as error:
        outcome["error"] = outcome["error"] or f"the outcome could not be written: {error}"
    wire.tell(leash, {"outcome": outcome})
    return is_empty


def _unstarted(order: wire.Order, ending: Ending, error: str, began: float) -> wire.OutcomeRecord:
    duration = time.monotonic() - began
    return {
        "ending": ending.value,
        "exit_code": None,
        "started_at": order["started_at"],
        "ended_at": order["started_at"] + duration,
        "duration": duration,
        "truncated": False,
        "leftovers": 0,
        "error": error,
        "confined": False,
    }
