"""The keepers of a zygote: one is forked when none is idle, and used again once nothing of what it kept is left.

A fork copies, page by page, what a keeper touches; that costs more than all else that a keeper does.
"""

from __future__ import annotations

import os
import select
import socket
from dataclasses import dataclass

from penstock.adapters.processes.keeping import keep_one_after_another
from penstock.adapters.processes.wire import LEASH, SERVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MOST_IDLE = 8


@dataclass(slots=True)
class _Member:
    channel: socket.socket | None
    """Leashes go out, and a byte for each that was served comes back; None once it has hung up."""
    number: int | None
    """Of the leash that it serves; None while it is idle."""


class Crew:
    """Knows its keepers by pid, and what each serves by the number that the owner gave that."""

    def __init__(self, poll: select.poll, shed: Callable[[], None]) -> None:
        """`shed` closes what a keeper must not hold of the zygote's."""
        self._poll, self._shed = poll, shed
        self._members: dict[int, _Member] = {}

    def __contains__(self, pid: int) -> bool:
        return pid in self._members

    def pids(self) -> list[int]:
        """All of them, at work or idle."""
        return list(self._members)

    def serving(self, number: int) -> list[int]:
        """Who serves a leash now."""
        return [pid for pid, member in self._members.items() if member.number == number]

    def hand_over(self, number: int, leash: int) -> bool:
        """Let a keeper serve a leash; False where none is idle and none can be made."""
        for member in [member for member in self._members.values() if member.number is None]:
            if _handed(member, number, leash):
                return True
        try:
            return _handed(self._forked(leash), number, leash)
        except OSError:  # so many processes, descriptors or so much memory are not to be had
            return False

    def hear(self, descriptor: int) -> int | None:
        """What a keeper says on its channel: the number that it has served to the end, or None."""
        for member in self._members.values():
            if member.channel is not None and member.channel.fileno() == descriptor:
                if not _has_served(member.channel):
                    self._hang_up(member)
                    return None
                number, member.number = member.number, None
                if sum(other.number is None for other in self._members.values()) > MOST_IDLE:
                    self._hang_up(member)
                return number
        return None

    def lose(self, pid: int) -> int | None:
        """Forget a keeper that has ended; the number that it served."""
        member = self._members.pop(pid, None)
        if member is None:
            return None
        self._hang_up(member)
        return member.number

    def dismiss(self) -> None:
        """Whoever is idle ends now, and who is at work when that is done."""
        for member in self._members.values():
            self._hang_up(member)

    def _hang_up(self, member: _Member) -> None:
        if member.channel is not None:
            self._poll.unregister(member.channel.fileno())
            member.channel.close()
            member.channel = None

    def _forked(self, leash: int) -> _Member:
        ours, theirs = socket.socketpair()
        with theirs:
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    self._shed()
                    os.close(leash)  # it comes by the channel
                    for channel in (ours, *(member.channel for member in self._members.values())):
                        if channel is not None:
                            channel.close()
                    keep_one_after_another(theirs)
                    code = 0
                finally:
                    os._exit(code)  # a keeper never comes back into the zygote's loop
        member = self._members[pid] = _Member(ours, None)
        self._poll.register(ours.fileno(), select.POLLIN)
        return member


def _has_served(channel: socket.socket) -> bool:
    """Whether it says so; else it has hung up, perhaps before it took what was handed to it."""
    try:
        return channel.recv(len(SERVED)) == SERVED
    except ConnectionError:
        return False


def _handed(member: _Member, number: int, leash: int) -> bool:
    if member.channel is None:
        return False
    try:
        socket.send_fds(member.channel, [LEASH], [leash])
    except OSError:
        return False  # it is dying; who reaps it will hear of it
    member.number = number
    return True
