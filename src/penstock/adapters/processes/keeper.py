"""The keeper of one process: adopts its descendants, enforces its time, and ends only when none of them is left.

It is forked from the zygote and runs on a bare interpreter. It never outlives its owner while something runs:
the end of file on its leash kills everything at once.
"""

from __future__ import annotations

import os
import select
import signal
import time

from penstock.adapters.processes import wire
from penstock.adapters.processes.descent import ChildBell, adopt_orphans, children, send_group_signal, send_signal
from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.inside import tell_group, tell_those_inside, true_code, why_it_never_began
from penstock.adapters.processes.output import Capture
from penstock.adapters.processes.records import record_outcome, record_request
from penstock.adapters.processes.spawn import CouldNotStart, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

SWEEP_LIMIT = 10.0  # a process that SIGKILL has not ended by then never will be (it waits in the kernel, or isn't ours)
SWEEP_PAUSE = 0.005
CHUNK = 1 << 16
LAST_READS = 64  # pipes hold at most a mebibyte; a stranger who holds one open can't keep us reading


def keep(leash: socket.socket) -> None:
    """Serve one leash from order to outcome. Raises nothing: a fault of ours is told to the owner."""
    try:
        order = wire.receive_order(leash)
        if order is not None:
            _serve(leash, order)
    except Exception:  # the main of a process of its own: the owner must hear of any fault
        import traceback  # noqa: PLC0415 - no keeper should need it

        _tell(leash, {"fault": traceback.format_exc()})
        raise


def _serve(leash: socket.socket, order: wire.Order) -> None:
    adopts = adopt_orphans()
    began = time.monotonic()
    try:
        record_request(order)
        keeper = Keeper(leash, order, began, adopts=adopts)
        keeper.start()
    except CouldNotStart as failure:
        ending = Ending.NOT_FOUND if failure.is_not_found else Ending.NOT_STARTED
        outcome = _unstarted(order, ending, str(failure), began)
    except OSError as error:
        outcome = _unstarted(order, Ending.NOT_STARTED, str(error), began)
    else:
        outcome = keeper.see_it_through()
    try:
        record_outcome(order["folder"], outcome)
    except OSError as error:
        outcome["error"] = outcome["error"] or f"the outcome could not be written: {error}"
    _tell(leash, {"outcome": outcome})


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


def _tell(leash: socket.socket, message: Mapping[str, object]) -> None:
    try:
        leash.setblocking(True)
        leash.sendall(wire.pack(message))
    except OSError:
        pass  # the owner is gone; what it needs to know stands in outcome.json


class Keeper:
    """One process, from its start until ECHILD proves that nothing of it is left."""

    def __init__(self, leash: socket.socket, order: wire.Order, began: float, *, adopts: bool) -> None:
        self._leash, self._order, self._began, self._adopts = leash, order, began, adopts
        self._folder = order["folder"]
        self._is_confined = bool(order["confinement"])
        self._bell = ChildBell()
        self._poll = select.poll()
        self._captures: dict[int, Capture] = {}  # by the descriptor that is read
        self._main = 0
        self._status: int | None = None
        self._cause: Ending | None = None  # why we end it, if it is us
        self._kill_at: float | None = None
        self._killed: set[int] = set()
        self._leftovers = 0
        self._error: str | None = None

    def start(self) -> None:
        """Open the logs and start the process."""
        writers = []
        for name in ("stdout.log", "stderr.log"):
            capture = Capture(f"{self._folder}/{name}", self._order["output_limit"])
            reader, writer = os.pipe()
            os.set_blocking(reader, False)
            self._captures[reader] = capture
            writers.append(writer)
        self._main = spawn(self._order, *writers)
        for writer in writers:
            os.close(writer)
        for descriptor in (self._leash.fileno(), self._bell.fileno(), *self._captures):
            self._poll.register(descriptor, select.POLLIN)
        _tell(self._leash, {"started": self._main})
        self._leash.setblocking(False)

    def see_it_through(self) -> wire.OutcomeRecord:
        """Watch, end, kill what is left, and say what came of it."""
        timeout = self._order["timeout"]
        deadline = None if timeout is None else self._began + timeout
        open_readers = set(self._captures)
        while self._status is None and self._cause is not Ending.LOST:
            self._wait_for_something(open_readers, deadline)
            self._reap()
            now = time.monotonic()
            if deadline is not None and now >= deadline and self._status is None:
                self._end_it(Ending.TIMED_OUT)
            if self._kill_at is not None and now >= self._kill_at:
                break
        ended = time.monotonic()
        self._kill_until_none_is_left()
        if self._kill_at is not None or self._cause is Ending.LOST:
            ended = time.monotonic()
        self._drain(open_readers)
        return self._outcome(ended)

    def _wait_for_something(self, open_readers: set[int], deadline: float | None) -> None:
        moments = [moment for moment in (self._kill_at or deadline,) if moment is not None]
        pause = None if not moments else max(0.0, min(moments) - time.monotonic()) * 1000 + 1
        for descriptor, _ in self._poll.poll(pause):
            if descriptor in open_readers:
                if self._read(descriptor) is None:
                    self._poll.unregister(descriptor)
                    open_readers.discard(descriptor)
            elif descriptor == self._bell.fileno():
                self._bell.clear()
            else:
                self._hear_the_owner()

    def _hear_the_owner(self) -> None:
        try:
            word = self._leash.recv(64)
        except BlockingIOError:
            return
        except OSError:
            word = b""
        if word:
            self._end_it(Ending.STOPPED)
            return
        self._poll.unregister(self._leash.fileno())
        self._reap()  # what had ended by itself before keeps its true end
        if self._status is None:
            self._cause = self._cause or Ending.LOST
            self._kill_at = time.monotonic()

    def _end_it(self, cause: Ending) -> None:
        if self._cause is not None:
            return
        self._cause = cause
        self._kill_at = time.monotonic() + self._order["grace"]
        (tell_those_inside if self._is_confined else tell_group)(self._main)

    def _reap(self) -> bool:
        """Collect who has ended; False once no child is left at all."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._main:
                self._status = status
            elif pid in self._killed and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                # What a confined process leaves goes with its namespace, uncounted: only its init comes here.
                self._leftovers += not self._is_confined
            self._killed.discard(pid)

    def _kill_until_none_is_left(self) -> None:
        # The proof is ECHILD, not a list that is empty: orphans arrive while their parents die.
        limit = time.monotonic() + SWEEP_LIMIT
        bell = select.poll()
        bell.register(self._bell.fileno(), select.POLLIN)
        if not self._adopts:
            send_group_signal(self._main, signal.SIGKILL)
        while self._reap():
            if time.monotonic() > limit:
                self._error = f"{len(children())} processes could not be killed"
                return
            for pid in children():
                self._killed.add(pid)
                send_signal(pid, signal.SIGKILL)
            bell.poll(SWEEP_PAUSE * 1000)
            self._bell.clear()

    def _read(self, descriptor: int) -> int | None:
        """How much came; None at the end of the stream."""
        try:
            chunk = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return 0
        except OSError:
            chunk = b""
        self._captures[descriptor].feed(chunk)
        return len(chunk) or None

    def _drain(self, open_readers: set[int]) -> None:
        for descriptor in open_readers:
            for _ in range(LAST_READS):
                if not self._read(descriptor):
                    break
        for capture in self._captures.values():
            capture.finish()
            self._error = self._error or capture.error

    def _outcome(self, ended: float) -> wire.OutcomeRecord:
        code, never = None if self._status is None else os.waitstatus_to_exitcode(self._status), None
        if code is not None and self._is_confined:
            never, code = why_it_never_began(code, f"{self._folder}/stderr.log"), true_code(code)
        own_end = Ending.SIGNALLED if code is not None and code < 0 else Ending.EXITED
        return {
            "ending": (self._cause or (Ending.NOT_STARTED if never else own_end)).value,
            "exit_code": code,
            "started_at": self._order["started_at"],
            "ended_at": self._order["started_at"] + ended - self._began,
            "duration": ended - self._began,
            "truncated": any(capture.is_truncated for capture in self._captures.values()),
            "leftovers": self._leftovers,
            "error": never or self._error,
            "confined": self._is_confined and never is None,
        }
