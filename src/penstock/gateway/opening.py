"""The door to every model as the rest of Penstock holds it: built when the first agent comes, for most runs never."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.domain.budget import MarkReached
from penstock.domain.usage import Caller
from penstock.gateway.directory import Directory
from penstock.gateway.settings import GatewaySettings
from penstock.ports.clock import Clock
from penstock.ports.models import ANY_STAY, Ledger, Played, Prices, Stay, Visit

if TYPE_CHECKING:
    from penstock.gateway.library import Library
    from penstock.gateway.serving import Gateway


@dataclass(kw_only=True)
class Opening:
    """Every model, behind one door that opens by itself. Any thread may use it."""

    directory: Directory
    settings: GatewaySettings
    ledger: Callable[[], Ledger]
    prices: Callable[[], Prices]
    clock: Clock
    library: Callable[[], Library]
    tell: Callable[[Caller, MarkReached], Awaitable[object]]
    """Says that a mark of a budget is reached; awaited in the gateway's loop."""
    _gateway: Gateway | None = field(default=None, init=False)
    _library: Library | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _telling: set[asyncio.Future[object]] = field(default_factory=set, init=False)

    @property
    def is_replay(self) -> bool:
        """Whether recordings answer, whatever model is asked for."""
        return self.directory.is_replay

    @property
    def recording(self) -> str:
        """The one recording that the user's settings have answer."""
        return self.settings.recording

    def check(self, model: str, protocols: Sequence[str]) -> None:
        """Raise an error that says what to do unless this model is configured, has its key, and speaks one of these."""
        self.directory.find(model, protocols)

    def admit(self, caller: Caller, model: str, *, max_calls: int, stay: Stay = ANY_STAY) -> Visit:
        """A key of its own for one attempt, good for one model, until it is closed."""
        return self._opened().admit(caller, model, max_calls=max_calls, stay=stay)

    def played(self, run: str) -> tuple[Played, ...]:
        """What was played again for the attempts of a run."""
        return () if self._library is None else self._library.played(run)

    def close(self) -> None:
        """Cut what is under way, write down what it used, and end."""
        with self._lock:
            gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()

    def _opened(self) -> Gateway:
        # a server and a client of HTTP take longer to import than most commands take in all
        from penstock.gateway.serving import Gateway, GatewayParts  # noqa: PLC0415

        with self._lock:
            if self._gateway is None:
                self._library = self.library()
                parts = GatewayParts(
                    directory=self.directory,
                    settings=self.settings,
                    ledger=self.ledger(),
                    prices=self.prices(),
                    clock=self.clock,
                    told=self._told,
                    remember=self._library.remember,
                )
                self._gateway = Gateway(parts)
            return self._gateway

    def _told(self, caller: Caller, mark: MarkReached) -> None:
        telling = asyncio.ensure_future(self.tell(caller, mark))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
