"""A clock that stands still until it is moved, and databases in folders of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.store.opening import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.ports import Clock
    from postgres_server import PostgresServer


@dataclass
class StillClock:
    """A clock that moves when it is told to."""

    at: datetime = datetime(2026, 11, 20, 8, 0, 0, 123456, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "penstock.db"


@pytest.fixture
def database(path: Path, clock: StillClock) -> Iterator[Database]:
    opened = open_database(path, clock)
    yield opened
    opened.close()


@pytest.fixture
def address(postgres: PostgresServer) -> str:
    """Where a new database on a server is."""
    return postgres.database()


@pytest.fixture
def opened(address: str, clock: Clock) -> Iterator[Database]:
    """A new database on a server."""
    database = open_database(address, clock)
    yield database
    database.close()
