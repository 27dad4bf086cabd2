"""Ranges of TCP ports, each lent to one check at a time on this machine.

A range is ours while we listen on its first port: the kernel allows it to one process and frees it when that dies.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.domain.errors import WorldError

FIRST, LAST, WIDTH = 20_000, 32_000, 20
"""Below what Linux gives to outgoing connections."""
HOST = "127.0.0.1"


class NoPortsLeft(WorldError):
    """Every range has a port that somebody uses."""

    def __init__(self) -> None:
        super().__init__(
            f"each check gets {WIDTH - 1} ports of its own between {FIRST} and {LAST}, and no such range is free",
            hint="stop what listens there, then `penstock resume` the run",
        )


@contextmanager
def lent_range() -> Iterator[int]:
    """The first of `WIDTH - 1` ports that no other check on this machine is given, and that nobody uses now."""
    for start in range(FIRST, LAST, WIDTH):
        with _socket() as lock:
            if _is_bound(lock, start) and _listens(lock) and all(map(_is_free, range(start + 1, start + WIDTH))):
                yield start + 1
                return
    raise NoPortsLeft


def _socket() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # else a server that an earlier check had here would keep the whole range closed for a minute
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return one


def _is_free(port: int) -> bool:
    with _socket() as probe:
        return _is_bound(probe, port)


def _is_bound(one: socket.socket, port: int) -> bool:
    """Whether it could be bound, which where somebody listens it can't."""
    try:
        one.bind((HOST, port))
    except OSError:
        return False
    return True


def _listens(one: socket.socket) -> bool:
    """Whether the port is ours alone: to be bound is not enough, two may be."""
    try:
        one.listen(1)
    except OSError:
        return False
    return True
