from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from penstock.adapters.processes.launcher import Launcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.fixture
def launched() -> Callable[[Callable[[Launcher], Awaitable[Any]]], Any]:
    """Does a job with a launcher of its own, on a loop of its own."""

    def do(job: Callable[[Launcher], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            launcher = Launcher()
            try:
                return await job(launcher)
            finally:
                await launcher.close()

        return asyncio.run(whole())

    return do
