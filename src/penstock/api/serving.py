"""The server's process: its addresses, its start, its end. Binds before it promises anything; ends in bounded time."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI

from penstock.api.auth import bracketed
from penstock.api.ending import PATIENCE, Ending
from penstock.domain.errors import UserError, WorldError
from penstock.gateway.heads import BoundedHeads

BACKLOG = 512
INTERRUPTED = 130
Say = Callable[[str], None]


class NotOpenToAll(UserError):
    """The server would listen beyond this machine, and anybody could use it."""


class AddressTaken(WorldError):
    """The address can't be listened at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """The sockets that requests come in by."""

    sockets: Sequence[socket.socket]
    host: str

    @property
    def port(self) -> int:
        """The port of all of them."""
        return int(self.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Where people find the server."""
        return f"http://{bracketed(self.host)}:{self.port}"

    def close(self) -> None:
        """Listen no more."""
        for one in self.sockets:
            one.close()


def is_loopback(host: str) -> bool:
    """Whether all addresses of a name are this machine's own; WorldError for a name that has none."""
    return all(ipaddress.ip_address(str(place[0]).partition("%")[0]).is_loopback for _, place in _places(host, 0))


def listen(host: str, port: int) -> Listening:
    """Listen at every address of a name, on one port; AddressTaken if the first can't be had."""
    sockets: list[socket.socket] = []
    for family, place in _places(host, port):
        wanted = (place[0], sockets[0].getsockname()[1] if sockets else port, *place[2:])
        try:
            sockets.append(_bound(family, wanted))
        except OSError as error:
            if sockets:
                continue  # a machine may lack one of the two kinds of addresses
            raise AddressTaken(
                f"nothing can listen at {bracketed(host)}:{port}: {error.strerror or error}",
                hint="end what uses the port, or name another one with --port or API_PORT",
            ) from None
    return Listening(sockets=tuple(sockets), host=host)


def must_be_safe(host: str, *, has_keys: bool, is_allowed: bool) -> bool:
    """Whether anybody beyond this machine may use the server without a key; refused unless its user said so."""
    if has_keys or is_loopback(host):
        return False
    if not is_allowed:
        raise NotOpenToAll(
            f"at {host} others could use this server, and it has no key",
            hint="set API_KEYS, or let everybody in with --allow-unauthenticated",
        )
    return True


async def serve(app: FastAPI, listening: Listening, say: Say) -> None:
    """Serve until a signal ends it: the first lets answers end for a while, the second leaves at once."""
    ending: Ending = app.state.api.ending
    server = _Server(_config(app), ending, lambda: say(f"listening at {listening.url}; its operations: /docs"))
    await server.serve(sockets=list(listening.sockets))
    say("stopped; what is under way is taken up at the next start")


class _Server(uvicorn.Server):
    """Tells requests of the end, and ends with 0: the original would raise the signal again."""

    def __init__(self, config: uvicorn.Config, ending: Ending, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending.begin()
        await super().shutdown(sockets=sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(INTERRUPTED if sig == signal.SIGINT else 128 + sig)
        self.should_exit = True


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHeads,
        ws="none",
        lifespan="on",
        loop="asyncio",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=round(PATIENCE) + 3,
    )


def _places(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise WorldError(
            f"{host!r} is no address that this machine knows: {error.strerror or error}",
            hint="name another one with --host or API_HOST; localhost is always there",
        ) from None
    places = dict.fromkeys((family, place) for family, _, _, _, place in found)
    # the older kind first: most clients and people mean it
    return sorted(places, key=lambda one: one[0] is not socket.AF_INET)  # type: ignore[arg-type]


def _bound(family: socket.AddressFamily, place: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(place)
        listening.listen(BACKLOG)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
