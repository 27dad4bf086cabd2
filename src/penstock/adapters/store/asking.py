"""What all read-only questions share: their own connections, and how a time is told."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from penstock.adapters.store.site import Site
    from penstock.ports import Clock


def on_the_wire(moment: datetime | None) -> str | None:
    """A time as others read it."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


class Asking:
    """Asks on connections that only read."""

    def __init__(self, engine: Engine, site: Site, clock: Clock) -> None:
        self._engine = engine
        self._site = site
        self._clock = clock

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._site.spoken(), self._engine.connect() as connection:
            yield connection
