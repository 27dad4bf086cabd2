"""What owner, zygote and keeper say to each other. Only the standard library: a bare interpreter imports it.

On the control socket stand fixed-size messages, a new leash riding on START as a descriptor; the zygote passes it on to
a keeper with LEASH, and SERVED comes back; where no keeper can be made, it answers REFUSED. On a leash stand framed
JSON messages; the owner's later word is the single byte STOP, and its end of file means that it is gone.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

CONTROL = struct.Struct("!cQ")
START, KILL, GONE, REFUSED = b"S", b"K", b"G", b"R"
STOP = b"T"
LEASH, SERVED = b"L", b"D"
FRAME = struct.Struct("!I")


class Order(TypedDict):
    """A request as the keeper gets it; `shown_argv` is the redacted one, for request.json."""

    confinement: list[str]
    argv: list[str]
    shown_argv: list[str]
    cwd: str
    env: dict[str, str]
    folder: str
    marker: str
    timeout: float | None
    output_limit: int
    stdin: str | None
    grace: float
    started_at: float


class OutcomeRecord(TypedDict):
    """An outcome as the keeper writes and sends it."""

    ending: str
    exit_code: int | None
    started_at: float
    ended_at: float
    duration: float
    truncated: bool
    leftovers: int
    error: str | None
    confined: bool


def pack(message: Mapping[str, object]) -> bytes:
    """One framed message."""
    body = json.dumps(message).encode("ascii")
    return FRAME.pack(len(body)) + body


def tell(leash: socket.socket, message: Mapping[str, object]) -> None:
    """Say something to the owner, if it is still there."""
    try:
        leash.setblocking(True)
        leash.sendall(pack(message))
    except OSError:
        pass  # the owner is gone; what it needs to know stands in outcome.json


def receive_order(leash: socket.socket) -> Order | None:
    """Wait for the order; None if the owner was gone before it had said it."""
    header = _exactly(leash, FRAME.size)
    body = _exactly(leash, FRAME.unpack(header)[0]) if header else b""
    if not body:
        return None
    order: Order = json.loads(body)
    return order


def _exactly(leash: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = leash.recv(min(size - len(parts), 1 << 16))
        if not part:
            return b""
        parts += part
    return bytes(parts)
