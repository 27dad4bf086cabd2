"""What all read-only questions share: their own connections, and how a time is told."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

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


def told_json(text: str) -> Any:
    """A stored value as others read it: half a character (of a path that is no UTF-8), which no answer could hold, as a
    visible escape.
    """
    value = json.loads(text)
    return _visible(value) if "\\ud" in text else value


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_visible(one) for one in value]
    if isinstance(value, dict):
        return {_visible(name): _visible(one) for name, one in value.items()}
    return value


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
