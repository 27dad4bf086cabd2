"""The zygote of an owner: one small process with one thread that forks a keeper for each leash it is handed.

It adopts what a killed keeper leaves and kills it. When the owner is gone it waits for its keepers and goes too.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import time

from penstock.adapters.processes.descent import ChildBell, adopt_orphans, children, send_signal
from penstock.adapters.processes.keeper import keep
from penstock.adapters.processes.wire import CONTROL, GONE, KILL, START

SWEEP_PAUSE = 0.005
CALM_SWEEPS = 10  # so many sweeps without a stray prove that a killed keeper has left nothing
KEEPERS_LAST_TIME = 6.0  # a keeper kills in milliseconds; the rest is for its outcome on a slow disk
LAST_LIMIT = 10.0


def main(descriptor: int) -> None:
    """Serve the control socket until its end of file."""
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    adopt_orphans()
    # A keeper lives for one process: to look for garbage would only copy what it shares with the zygote.
    gc.disable()
    gc.freeze()
    zygote = Zygote(control)
    zygote.serve()
    zygote.go()


class Zygote:
    """Knows its keepers by pid, and by the number that the owner gave them."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._bell = ChildBell()
        self._keepers: dict[int, int] = {}
        self._unsettled: list[int] = []  # numbers of keepers that were killed, their strays not yet proved gone
        self._calm = 0

    def serve(self) -> None:
        """Fork and sweep until the owner is gone."""
        poll = select.poll()
        poll.register(self._control.fileno(), select.POLLIN)
        poll.register(self._bell.fileno(), select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(SWEEP_PAUSE * 1000 if self._unsettled else None)}
            if self._control.fileno() in ready and not self._obey():
                return
            self._bell.clear()
            self._reap()
            self._settle()

    def go(self) -> None:
        """The owner is gone: let the keepers finish, then kill whatever is still there."""
        self._control.close()
        for pid in self._keepers:
            send_signal(pid, signal.SIGCONT)  # an agent may have stopped its keeper
        limit = time.monotonic() + KEEPERS_LAST_TIME
        while self._reap() and time.monotonic() < limit:
            self._kill_strays()
            self._pause()
        self._keepers.clear()
        limit = time.monotonic() + LAST_LIMIT
        while self._reap() and time.monotonic() < limit:
            self._kill_strays()
            self._pause()

    def _obey(self) -> bool:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, CONTROL.size, 1)
        except ConnectionError:
            return False
        if len(message) < CONTROL.size:
            return False
        kind, number = CONTROL.unpack(message)
        if kind == START and descriptors:
            self._fork(number, socket.socket(fileno=descriptors[0]))
        elif kind == KILL:
            for pid in [pid for pid, known in self._keepers.items() if known == number]:
                send_signal(pid, signal.SIGKILL)
        return True

    def _fork(self, number: int, leash: socket.socket) -> None:
        leash.set_inheritable(False)
        with leash:
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    self._control.close()
                    self._bell.close()
                    keep(leash)
                    code = 0
                finally:
                    os._exit(code)  # a keeper never comes back into the zygote's loop
            self._keepers[pid] = number

    def _reap(self) -> bool:
        """Collect who has ended; False once no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            number = self._keepers.pop(pid, None)
            if number is None:
                continue
            if status == 0:
                self._say_gone(number)  # it has seen ECHILD, so nothing is left of it
            else:
                self._unsettled.append(number)
                self._calm = 0

    def _settle(self) -> None:
        if not self._unsettled:
            return
        self._calm = 0 if self._kill_strays() else self._calm + 1
        if self._calm < CALM_SWEEPS:
            return
        for number in self._unsettled:
            self._say_gone(number)
        self._unsettled.clear()

    def _say_gone(self, number: int) -> None:
        # An owner that does not listen has its own limit for waiting.
        with contextlib.suppress(OSError):
            self._control.send(CONTROL.pack(GONE, number), socket.MSG_DONTWAIT)

    def _kill_strays(self) -> int:
        strays = [pid for pid in children() if pid not in self._keepers]
        for pid in strays:
            send_signal(pid, signal.SIGKILL)
        return len(strays)

    def _pause(self) -> None:
        select.select([self._bell.fileno()], [], [], SWEEP_PAUSE)
        self._bell.clear()
