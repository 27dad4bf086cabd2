"""The gateway's thread, its loop, and what lives on it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn

from penstock.domain.errors import WorldError
from penstock.gateway.app import Door
from penstock.gateway.heads import BoundedHeads
from penstock.gateway.visits import AttemptVisit

HOST = "127.0.0.1"
START_PATIENCE = 20.0
LAST_WORDS = 5.0
"""Seconds that what is under way gets to be cut and settled when the gateway closes."""
KEEP_ALIVE = 300
"""An agent may think, or run a test, for minutes between two calls on one connection."""

Make = Callable[[], tuple[Door, Callable[[], Awaitable[None]]]]
"""Makes, in the gateway's thread, the application and what to wait for at its end."""


class Running:
    """A gateway that is open. Made and closed by any thread."""

    def __init__(self, make: Make, socket_path: Path | None = None) -> None:
        self._make = make
        self._socket_path = socket_path
        self._sockets = [_loopback(), *([_unix(socket_path)] if socket_path else [])]
        self.base_url = f"http://{HOST}:{self._sockets[0].getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failures: list[Exception] = []
        self._ending: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="penstock-gateway", daemon=True)
        self._thread.start()
        is_ready = self._ready.wait(START_PATIENCE)
        for failure in self._failures:
            raise WorldError(f"the gateway did not start: {failure}", hint="try again") from failure
        if not is_ready:
            raise WorldError("the gateway did not start: it took too long", hint="try again")

    def cut(self, visit: AttemptVisit) -> None:
        """Cancel what is under way for a visit."""

        def cancel() -> None:
            for task in tuple(visit.tasks):
                task.cancel()

        self._soon(cancel)

    def close(self) -> None:
        """End the thread, in bounded time."""
        if self._ending is not None:
            self._soon(self._ending.set)
        self._thread.join(4 * LAST_WORDS)
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)

    def _soon(self, action: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it everything under way
            self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        except Exception as error:
            if self._ready.is_set():
                raise
            self._failures.append(error)  # who waits for the start says it
            for listening in self._sockets:
                listening.close()
            self._ready.set()
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        door, farewell = self._make()
        self._ending = asyncio.Event()
        server = _Server(_config(door), self._ending, self._ready.set)
        await server.serve(sockets=self._sockets)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(farewell(), LAST_WORDS)


class _Server(uvicorn.Server):
    """Ends when it is told to; the original looks ten times a second whether it should."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending
        self._ready_now = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready_now()

    async def main_loop(self) -> None:
        await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Hear of no new call, and let the ones that were cut say what they used; the original waits by the clock."""
        for server in self.servers:
            server.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        if tasks := set(self.server_state.tasks):
            await asyncio.wait(tasks, timeout=LAST_WORDS)


def _config(door: Door) -> uvicorn.Config:
    return uvicorn.Config(
        door,
        http=BoundedHeads,
        ws="none",
        lifespan="off",
        loop="asyncio",
        interface="asgi3",
        log_config=None,
        log_level="critical",  # an answer that breaks off is news to the ledger, not to stderr
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(LAST_WORDS),
    )


def _loopback() -> socket.socket:
    listening = socket.create_server((HOST, 0), backlog=512)
    # What is accepted takes this over. asyncio would not set it, and a small write would wait for the one before it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _unix(path: Path) -> socket.socket:
    """Only its owner may connect, from the first moment on: it is made in a folder, and named when it is safe."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(fresh))
        fresh.chmod(0o600)
        fresh.rename(path)
        listening.listen(512)
    except OSError:
        listening.close()
        raise
    return listening
