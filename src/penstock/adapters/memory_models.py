"""A door to models that opens to nothing: for tests of the engine, and for runs whose agents call none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from penstock.domain.usage import Caller
from penstock.ports import Access, Played, Stay, Stop
from penstock.ports.models import ANY_STAY


@dataclass(kw_only=True, eq=False)
class MemoryVisit:
    """A visit that a test may end."""

    caller: Caller
    access: Access
    stop: Future[Stop] = field(default_factory=Future)
    quiet_since: float = 0.0
    calls: int = 0
    is_open: bool = True

    def close(self) -> None:
        """It is over."""
        self.is_open = False


@dataclass(kw_only=True)
class MemoryModels:
    """Every model is there and nobody answers. `come` hears of each visit as it begins."""

    come: Callable[[MemoryVisit], None] = lambda _visit: None
    is_replay: bool = False
    recording: str = ""
    visits: list[MemoryVisit] = field(default_factory=list)

    def check(self, model: str, protocols: Sequence[str]) -> None:
        """Every model is there."""

    def admit(self, caller: Caller, model: str, *, max_calls: int, stay: Stay = ANY_STAY) -> MemoryVisit:
        """A visit with a key that opens nothing."""
        access = Access(base_url="http://127.0.0.1:9", key=f"key-{len(self.visits)}", model=model, protocol="openai")
        visit = MemoryVisit(caller=caller, access=access)
        self.visits.append(visit)
        self.come(visit)
        return visit

    def played(self, run: str) -> tuple[Played, ...]:
        """Nothing is played."""
        return ()
