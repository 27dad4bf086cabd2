"""The journals that must all behave alike. A further database is one more line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from journal_driving import HandClock

from penstock.adapters.store.memory import MemoryJournal
from penstock.adapters.store.opening import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.ports import Journal


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    database = open_database(tmp_path_factory.mktemp("journal") / "home" / "penstock.db", HandClock())
    yield database.journal
    database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def database(tmp_path: Path, clock: HandClock) -> Iterator[Database]:
    opened = open_database(tmp_path / "home" / "penstock.db", clock)
    yield opened
    opened.close()
