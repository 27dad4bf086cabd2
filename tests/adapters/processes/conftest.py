"""A bench of requests and a launcher for one test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from process_bench import Bench

from penstock.adapters.processes.launcher import Launcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from penstock.adapters.processes.request import Outcome, Request


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def with_launcher() -> Callable[..., Any]:
    """Runs an async function on a launcher of its own and closes that."""

    def run(use: Callable[[Launcher], Awaitable[Any]], **fields: Any) -> Any:
        async def session() -> Any:
            launcher = Launcher(**fields)
            try:
                return await asyncio.wait_for(use(launcher), 60)
            finally:
                await launcher.close()

        return asyncio.run(session())

    return run


@pytest.fixture
def run(with_launcher: Callable[..., Any]) -> Callable[..., Outcome]:
    """Runs one request to its outcome."""

    def to_outcome(request: Request, **fields: Any) -> Outcome:
        async def use(launcher: Launcher) -> Outcome:
            return await (await launcher.start(request)).wait()

        return with_launcher(use, **fields)

    return to_outcome
