"""The journals and ledgers that must all behave alike. A further database is one more line here."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from journal_driving import HandClock
from ledger_driving import MARKS, Kept, redact

from penstock.adapters.store.memory import MemoryJournal
from penstock.adapters.store.memory_ledger import MemoryLedger
from penstock.adapters.store.memory_pipelines import MemoryPipelines
from penstock.adapters.store.memory_prompts import MemoryPrompts
from penstock.adapters.store.opening import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock.ports import Journal
    from penstock.ports.library import Pipelines, Prompts
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


@pytest.fixture(scope="module", params=["memory", *KINDS])
def pipelines(request: pytest.FixtureRequest, new_place: Callable[[str], Path | str]) -> Iterator[Pipelines]:
    if request.param == "memory":
        yield MemoryPipelines()
        return
    database = open_database(new_place(request.param), HandClock())
    yield database.pipelines
    database.close()


@pytest.fixture(params=["memory", *KINDS])
def prompts(request: pytest.FixtureRequest, new_place: Callable[[str], Path | str]) -> Iterator[Prompts]:
    if request.param == "memory":
        yield MemoryPrompts()
        return
    database = open_database(new_place(request.param), HandClock())
    yield database.prompts
    database.close()


@pytest.fixture(scope="module", params=["memory", *KINDS])
def kept(request: pytest.FixtureRequest, new_place: Callable[[str], Path | str]) -> Iterator[Kept]:
    if request.param == "memory":
        memory = MemoryLedger(redact=redact, marks=MARKS)
        yield Kept(memory, lambda project: [row for row in memory.usage() if row["project"] == project])
        return
    with _stored(new_place(request.param)) as stored:
        yield stored


@pytest.fixture(scope="module", params=KINDS)
def stored(request: pytest.FixtureRequest, new_place: Callable[[str], Path | str]) -> Iterator[Kept]:
    with _stored(new_place(request.param)) as stored:
        yield stored


@contextmanager
def _stored(place: Path | str) -> Iterator[Kept]:
    database = open_database(place, HandClock())
    ledger = database.ledger(redact=redact, marks=MARKS)
    yield Kept(ledger, lambda project: database.views.usage(project=project))
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
