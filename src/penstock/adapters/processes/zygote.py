"""The zygote of an owner: one small process with one thread that gives each leash it is handed to a keeper.

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

from penstock.adapters.processes.crew import Crew
from penstock.adapters.processes.descent import ChildBell, adopt_orphans, children, send_signal
from penstock.adapters.processes.wire import CONTROL, GONE, KILL, REFUSED, START

SWEEP_PAUSE = 0.005
CALM_SWEEPS = 10  # so many sweeps without a stray prove that a killed keeper has left nothing
KEEPERS_LAST_TIME = 6.0  # a keeper kills in milliseconds; the rest is for its outcome on a slow disk
LAST_LIMIT = 10.0


def main(descriptor: int) -> None:
    """Serve the control socket until its end of file."""
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    adopt_orphans()
    gc.freeze()  # to look through it for garbage would copy what keepers share
    zygote = Zygote(control)
    zygote.serve()
    zygote.go()


class Zygote:
    """Serves one owner: obeys it, and answers for what killed keepers leave."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._bell = ChildBell()
        self._poll = select.poll()
        self._crew = Crew(self._poll, self._shed)
        self._unsettled: list[int] = []  # numbers of keepers that were killed, their strays not yet proved gone
        self._calm = 0

    def serve(self) -> None:
        """Hand over, listen and sweep until the owner is gone."""
        control, bell = self._control.fileno(), self._bell.fileno()
        self._poll.register(control, select.POLLIN)
        self._poll.register(bell, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll(SWEEP_PAUSE * 1000 if self._unsettled else None)}
            for descriptor in ready - {control, bell}:
                self._hear(descriptor)
            if control in ready and not self._obey():
                return
            if bell in ready:
                self._bell.clear()
                self._reap()
            self._settle()

    def go(self) -> None:
        """The owner is gone: let the keepers finish, then kill whatever is still there."""
        self._control.close()
        self._crew.dismiss()
        for pid in self._crew.pids():
            send_signal(pid, signal.SIGCONT)  # an agent may have stopped its keeper
        limit = time.monotonic() + KEEPERS_LAST_TIME
        while self._reap() and time.monotonic() < limit:
            self._kill_strays()
            self._pause()
        for pid in self._crew.pids():
            self._crew.lose(pid)
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
        if kind == START:
            is_served = bool(descriptors) and self._crew.hand_over(number, descriptors[0])
            for leash in descriptors:
                os.close(leash)
            if not is_served:
                self._answer(REFUSED, number)
        elif kind == KILL:
            for pid in self._crew.serving(number):
                send_signal(pid, signal.SIGKILL)
        return True

    def _shed(self) -> None:
        self._control.close()
        self._bell.close()

    def _hear(self, descriptor: int) -> None:
        number = self._crew.hear(descriptor)
        if number is not None:
            self._say_gone(number)  # its keeper has seen ECHILD, so nothing is left of it

    def _reap(self) -> bool:
        """Collect who has ended; False once no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            number = self._crew.lose(pid)
            if number is None:
                continue
            if status == 0:
                self._say_gone(number)
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
        self._answer(GONE, number)

    def _answer(self, kind: bytes, number: int) -> None:
        # An owner that does not listen has its own limit for waiting.
        with contextlib.suppress(OSError):
            self._control.send(CONTROL.pack(kind, number), socket.MSG_DONTWAIT)

    def _kill_strays(self) -> int:
        strays = [pid for pid in children() if pid not in self._crew]
        for pid in strays:
            send_signal(pid, signal.SIGKILL)
        return len(strays)

    def _pause(self) -> None:
        select.select([self._bell.fileno()], [], [], SWEEP_PAUSE)
        self._bell.clear()
