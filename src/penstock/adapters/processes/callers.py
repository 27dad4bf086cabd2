"""Who is at the other end of a connection to a server of ours: someone confined on this machine, or anybody else.

Confined processes share the network of this machine, so they reach what listens on it alone. What gives them away is
that they are numbered anew: by that the kernel knows them whatever they say of themselves.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LOCAL, _REMOTE, _OWNER, _INODE = 1, 2, 7, 9
"""The columns of such a table."""
_MAPPED = "".join(f"{word:08X}" for word in struct.unpack("=3I", bytes(10) + b"\xff\xff"))
_GONE = "it ended before it could be looked at"


def doubt_about_caller(client: tuple[str, int], server: tuple[str, int]) -> str:
    """Why the caller may be a confined process; empty if it is none, or is not on this machine.

    It need not be seen that it is one: what confined processes have open may be hidden, or pass from one to another.
    """
    try:
        own = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - here and below: of each process
    except OSError:  # no Linux, or one on which nobody is numbered apart
        return ""
    apart, ours = _numbered_apart(own)  # first: whoever has the connection open afterwards was there then
    ends = _ends(client, server[1])
    if not ends:
        return _GONE if _is_here(client[0], server[0]) else ""
    if any(inode == 0 for _, inode in ends):  # whose it was the kernel does not say any more
        return _GONE
    sockets = {f"socket:[{inode}]" for owner, inode in ends if owner == os.getuid()}
    if not sockets:
        return ""  # another user's, and agents are processes of ours
    if not apart or any(_has_open(pid, sockets) for pid in ours):
        return ""
    return "confined processes are at work, and it is none of those that can be told from them"


def _ends(client: tuple[str, int], server_port: int) -> list[tuple[int, int]]:
    """The user and the inode of each socket of this machine that is the client's end of a connection to a port."""
    local, remote = {f"{address}:{client[1]:04X}" for address in _shown(client[0])}, f":{server_port:04X}"
    found = []
    for line in _lines(_TABLES):
        columns = line.split()
        if columns[_LOCAL] in local and columns[_REMOTE].endswith(remote):
            found.append((int(columns[_OWNER]), int(columns[_INODE])))
    return found


def _shown(host: str) -> tuple[str, ...]:
    """An address as such tables may show it: one of the older protocol also as one of the newer."""
    name = host.removeprefix("::ffff:").partition("%")[0]
    packed = socket.inet_pton(socket.AF_INET6 if ":" in name else socket.AF_INET, name)
    shown = "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))
    return (shown, f"{_MAPPED}{shown}") if len(packed) == 4 else (shown,)


def _lines(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        try:
            with open(path, encoding="latin-1") as file:  # noqa: PTH123 - of every request that changes something
                next(file)
                yield from file
        except FileNotFoundError:  # a kernel without the newer protocol
            continue


def _is_here(client: str, server: str) -> bool:
    return client in {server, "::1"} or client.removeprefix("::ffff:").startswith("127.")


def _numbered_apart(own: str) -> tuple[list[int], list[int]]:
    """The processes of our user that have numbers of their own, and those that are numbered as we are."""
    user = os.getuid()
    apart: list[int] = []
    ours: list[int] = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):  # noqa: PTH208
        try:
            if os.stat(f"/proc/{pid}").st_uid != user:  # noqa: PTH116
                continue
            is_apart = os.readlink(f"/proc/{pid}/ns/pid") != own  # noqa: PTH115
        except OSError:  # it is gone; or its first thread is, or it lets nobody look, which can't hide this
            is_apart = _numbers(pid) > 1
        (apart if is_apart else ours).append(pid)
    return apart, ours


def _numbers(pid: int) -> int:
    """How many numbers a process has: one of ours, and one of each place within."""
    try:
        for line in _lines((f"/proc/{pid}/status",)):
            if line.startswith("NSpid:"):
                return len(line.split()) - 1
    except OSError:
        pass
    return 0


def _has_open(pid: int, sockets: set[str]) -> bool:
    """Whether a process is seen to have one of these sockets open."""
    folder = f"/proc/{pid}/fd"
    try:
        return any(_leads_to(f"{folder}/{name}") in sockets for name in os.listdir(folder))  # noqa: PTH208
    except OSError:
        return False


def _leads_to(link: str) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115
    except OSError:
        return ""
