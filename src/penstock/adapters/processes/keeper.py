"""The keeper of one process: adopts its descendants, enforces its time, and is done only when none of them is left.

It runs on a bare interpreter. It never outlives its owner while something runs: the end of file on its leash kills
everything at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from penstock.adapters.processes import wire
from penstock.adapters.processes.descent import ChildBell, children, send_group_signal, send_signal
from penstock.adapters.processes.ending import Ending
from penstock.adapters.processes.inside import tell_group, tell_those_inside, true_code, why_it_never_began
from penstock.adapters.processes.output import Capture
from penstock.adapters.processes.spawn import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket


SWEEP_LIMIT = 10.0  # a process that SIGKILL has not ended by then never will be (it waits in the kernel, or isn't ours)
SWEEP_PAUSE = 0.005
LONGEST_PAUSE = 3600.0  # a poll takes no more than some weeks, and a timeout may be of years
CHUNK = 1 << 16
LAST_READS = 64  # pipes hold at most a mebibyte; a stranger who holds one open can't keep us reading


class Keeper:
    """One process, from its start until ECHILD proves that nothing of it is left."""

    def __init__(self, leash: socket.socket, order: wire.Order, began: float, bell: ChildBell, *, adopts: bool) -> None:
        self._leash, self._order, self._began, self._adopts = leash, order, began, adopts
        self._bell = bell
        self.is_empty = True
        """Whether nothing is left that this process would answer for."""
        self._folder = order["folder"]
        self._is_confined = bool(order["confinement"])
        self._poll = select.poll()
        self._captures: dict[int, Capture] = {}  # by the descriptor that is read
        self._teller: int | None = None
        self._told = b""
        """What bubblewrap told of the process inside, by the teller."""
        self._main = 0
        self._status: int | None = None
        self._cause: Ending | None = None  # why we end it, if it is us
        self._kill_at: float | None = None
        self._killed: set[int] = set()
        self._leftovers = 0
        self._is_truncated = False
        self._error: str | None = None

    def start(self) -> None:
        """Open the logs and start the process."""
        writers: list[int] = []
        try:
            writers += [self._captured("stdout.log")]
            writers += [self._captured("stderr.log")]
            if self._is_confined:
                self._teller, writer = os.pipe()
                os.set_blocking(self._teller, False)
                writers += [writer]
            self._main = spawn(self._order, *writers)
        except BaseException:
            self._let_go()
            raise
        finally:
            for writer in writers:
                os.close(writer)
        for descriptor in (self._leash.fileno(), self._bell.fileno(), *self._captures):
            self._poll.register(descriptor, select.POLLIN)
        wire.tell(self._leash, {"started": self._main})
        self._leash.setblocking(False)

    def _captured(self, name: str) -> int:
        """Where a stream of the process is to be written to."""
        capture = Capture(f"{self._folder}/{name}", self._order["output_limit"])
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self._captures[reader] = capture
        return writer

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
        pause = None if not moments else min(max(0.0, min(moments) - time.monotonic()), LONGEST_PAUSE) * 1000 + 1
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
                self.is_empty = False
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
        self._let_go()

    def _let_go(self) -> None:
        for reader, capture in self._captures.items():
            os.close(reader)
            capture.finish()
            self._error = self._error or capture.error
            self._is_truncated = self._is_truncated or capture.is_truncated
        self._captures.clear()
        if self._teller is not None:
            with contextlib.suppress(BlockingIOError):
                self._told = os.read(self._teller, CHUNK)
            os.close(self._teller)
            self._teller = None

    def _outcome(self, ended: float) -> wire.OutcomeRecord:
        code, never = None if self._status is None else os.waitstatus_to_exitcode(self._status), None
        if code is not None and self._is_confined:
            never = why_it_never_began(code, self._told, f"{self._folder}/stderr.log")
            code = true_code(code)
        own_end = Ending.SIGNALLED if code is not None and code < 0 else Ending.EXITED
        return {
            "ending": (self._cause or (Ending.NOT_STARTED if never else own_end)).value,
            "exit_code": code,
            "started_at": self._order["started_at"],
            "ended_at": self._order["started_at"] + ended - self._began,
            "duration": ended - self._began,
            "truncated": self._is_truncated,
            "leftovers": self._leftovers,
            "error": never or self._error,
            "confined": self._is_confined and never is None,
        }
