"""The door of this folder: starts processes for one owner.

Its zygote is made at the first start, and anew if killed. It never waits for anything but the event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.processes import wire
from penstock.adapters.processes.reaping import reap
from penstock.adapters.processes.running import Running
from penstock.domain.errors import Bug, WorldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.adapters.processes.request import Request

MARKER_NAME = "PENSTOCK_ATTEMPT"
CLOSE_LIMIT = 20.0
SEND_LIMIT = 10.0
STRAYS_LIMIT = 5.0
_SOURCE = Path(__file__).resolve().parents[3]
_ZYGOTE = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from penstock.adapters.processes.zygote import main; main(int(sys.argv[2]))"
)


class ZygoteDoesNotAnswer(WorldError):
    """The helper that forks keepers takes no orders."""


def _unchanged(text: str) -> str:
    return text


def _unwatched(_effect: str) -> None:
    return None


class Launcher:
    """Starts processes; one per owner process and event loop. `close` stops what still runs."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        redact: Callable[[str], str] = _unchanged,
        effect: Callable[[str], None] = _unwatched,
    ) -> None:
        self._clock, self._redact, self._effect = clock, redact, effect
        self._numbers = itertools.count(1)
        self._running: set[Running] = set()
        self._settled: dict[int, asyncio.Future[bytes]] = {}  # what a zygote answers of a keeper; nothing if it can't
        self._control: socket.socket | None = None
        self._zygote: subprocess.Popen[bytes] | None = None
        self._heard = b""
        self._is_closed = False

    async def start(self, request: Request) -> Running:
        """Start a process; returns once it runs or is known not to. Earlier records in its folder are replaced."""
        if self._is_closed:
            raise Bug(f"{request.argv[0]} was to be started by a launcher that is closed")
        self._effect("process start")
        started_at = self._clock()
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                await self._send(wire.START, number, theirs)
            ours.setblocking(False)
            leash = await asyncio.open_connection(sock=ours)
        except BaseException:
            self._settled.pop(number, None)
            ours.close()
            raise
        running = self._watched(request, leash, started_at, number)
        await running.begin(self._order(request, started_at))
        self._effect("process started")
        return running

    async def close(self) -> None:
        """Stop what still runs, then let the zygote go."""
        self._is_closed = True
        await asyncio.gather(*(running.stop() for running in self._running))
        zygote, self._zygote = self._zygote, None
        self._hang_up()
        if zygote is None:
            return
        try:
            await asyncio.to_thread(zygote.wait, CLOSE_LIMIT)
        except subprocess.TimeoutExpired:
            zygote.kill()
            zygote.wait()

    def _watched(
        self,
        request: Request,
        leash: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        started_at: float,
        number: int,
    ) -> Running:
        running = Running(
            request,
            leash,
            started_at,
            kill_keeper=partial(self._tell_to_kill, number),
            strays_gone=partial(self._strays_gone, number, request.marker),
        )
        self._running.add(running)
        running.follower.add_done_callback(lambda _: self._forget(running, number))
        return running

    def _forget(self, running: Running, number: int) -> None:
        self._running.discard(running)
        self._settled.pop(number, None)

    def _order(self, request: Request, started_at: float) -> wire.Order:
        return wire.Order(
            confinement=list(request.confinement),
            argv=list(request.argv),
            shown_argv=[self._shown(word, request.redact) for word in request.argv],
            cwd=str(request.cwd.absolute()),
            env={**request.env, MARKER_NAME: request.marker},
            folder=str(request.folder.absolute()),
            marker=request.marker,
            timeout=request.timeout,
            output_limit=request.output_limit,
            stdin=None if request.stdin is None else str(request.stdin.absolute()),
            grace=request.grace,
            started_at=started_at,
        )

    def _shown(self, word: str, secrets: tuple[str, ...]) -> str:
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            word = word.replace(secret, "[redacted]")
        return self._redact(word)

    async def _send(self, kind: bytes, number: int, leash: socket.socket) -> None:
        limit = asyncio.get_running_loop().time() + SEND_LIMIT
        while asyncio.get_running_loop().time() < limit:
            control = self._control or self._make_zygote()
            try:
                socket.send_fds(control, [wire.CONTROL.pack(kind, number)], [leash.fileno()])
            except BlockingIOError:
                await asyncio.sleep(0.01)
            except ConnectionError:
                self._bury()
            else:
                # Here and not later: this zygote may be buried at the next await.
                self._settled[number] = asyncio.get_running_loop().create_future()
                return
        raise ZygoteDoesNotAnswer(
            f"a process was to be started, but the helper that starts them took no order for {SEND_LIMIT:.0f} seconds",
            hint="look for a stopped process or a machine out of memory, then try again",
        )

    def _make_zygote(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            # An empty environment and nothing but the control socket: no secret, no lock reaches an agent through it.
            self._zygote = subprocess.Popen(
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", _ZYGOTE, str(_SOURCE), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                env={},
                start_new_session=True,
            )
        self._control, self._heard = ours, b""
        asyncio.get_running_loop().add_reader(ours, self._hear)
        return ours

    def _hear(self) -> None:
        if self._control is None:
            return
        try:
            part = self._control.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            part = b""
        if not part:
            self._bury()
            return
        self._heard += part
        while len(self._heard) >= wire.CONTROL.size:
            kind, number = wire.CONTROL.unpack_from(self._heard)
            self._heard = self._heard[wire.CONTROL.size :]
            self._settle(number, kind)

    def _hang_up(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None

    def _bury(self) -> None:
        """Our zygote was killed: the next start makes another; its keepers go on alone."""
        self._hang_up()
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()
            self._zygote = None
        for number in self._settled:
            self._settle(number, b"")

    def _settle(self, number: int, answer: bytes) -> None:
        future = self._settled.get(number)
        if future is not None and not future.done():
            future.set_result(answer)

    def _tell_to_kill(self, number: int) -> None:
        if self._control is None:
            return
        try:
            self._control.send(wire.CONTROL.pack(wire.KILL, number))
        except OSError:
            self._bury()

    async def _strays_gone(self, number: int, marker: str) -> bool:
        """What a killed keeper has left is killed by the zygote; without one, by its marker. False if there never was
        a keeper.
        """
        try:
            async with asyncio.timeout(STRAYS_LIMIT):
                if answer := await asyncio.shield(self._settled[number]):
                    return answer != wire.REFUSED
        except TimeoutError:
            pass
        await asyncio.to_thread(reap, marker, None)
        return True
