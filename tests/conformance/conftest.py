"""The journals that must all behave alike. A further database is one more line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from journal_driving import HandClock

from penstock.adapters.store.memory import MemoryJournal
from penstock.adapters.store.opening import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock.ports import Journal
    from postgres_server import PostgresServer

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)]


@pytest.fixture(scope="session")
def new_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path | str]:
    """Where a new database of a kind may be."""

    def make(kind: str) -> Path | str:
        if kind == "sqlite":
            return tmp_path_factory.mktemp("store") / "home" / "penstock.db"
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.database()

    return make


@pytest.fixture(scope="module", params=["memory", *KINDS])
def journal(request: pytest.FixtureRequest, new_place: Callable[[str], Path | str]) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    database = open_database(new_place(request.param), HandClock())
    yield database.journal
    database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, new_place: Callable[[str], Path | str]) -> Path | str:
    return new_place(request.param)


@pytest.fixture
def database(place: Path | str, clock: HandClock) -> Iterator[Database]:
    opened = open_database(place, clock)
    yield opened
    opened.close()
