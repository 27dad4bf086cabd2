"""The runs that this process owns by the database's leave, and whether the leave still stands."""

from __future__ import annotations

from typing import Protocol

from penstock.ports import OwnershipLost


class Leave(Protocol):
    """What a database gave for a run, and takes back when its connection ends."""

    def is_lost(self) -> bool:
        """Whether the connection that holds it has ended; asked without a word to the server."""
        ...


class Owned:
    """Every leave that this process holds. It stays empty where the database gives none: files are locked there."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._leaves: dict[str, Leave] = {}

    def add(self, run_id: str, leave: Leave) -> None:
        """A run is ours from now on."""
        self._leaves[run_id] = leave

    def drop(self, run_id: str) -> None:
        """A run is ours no longer."""
        self._leaves.pop(run_id, None)

    def lost(self) -> int:
        """How many of the leaves are lost: part of what the owner's loop looks at, so that it notices at once."""
        return sum(leave.is_lost() for leave in list(self._leaves.values()))

    def check(self, owned_id: str, *, what: str = "run", again: str = "penstock run --resume") -> None:
        """Raise `OwnershipLost` if this run, or whatever it is, was ours and may be another's by now."""
        leave = self._leaves.get(owned_id)
        if leave is not None and leave.is_lost():
            raise OwnershipLost(
                f"the connection to {self._shown} was lost, and with it {what} {owned_id}: this process has stopped and"
                " writes nothing more",
                hint=f"nothing is lost; once the database answers, go on with `{again} {owned_id}`",
            )
