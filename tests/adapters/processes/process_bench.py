"""Requests in a temporary folder, and a way to see whether a test's processes are gone."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import psutil

from penstock.adapters.processes.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PYTHON = (sys.executable, "-I", "-S", "-c")


class Bench:
    """One test's attempts. Its agents carry `token` as an argument, which forks keep and no environment shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = f"token-{uuid.uuid4().hex}"
        self.work = folder / "work"
        self.work.mkdir()
        self._count = 0

    def request(self, *argv: str, **fields: Any) -> Request:
        self._count += 1
        defaults: dict[str, Any] = {
            "cwd": self.work,
            "env": {"PATH": "/usr/bin:/bin"},
            "folder": self.folder / f"attempt-{self._count}",
            "marker": f"home:{self.token}/workstream/{self._count}",
        }
        return Request(argv=argv, **{**defaults, **fields})

    def agent(self, code: str, **fields: Any) -> Request:
        return self.request(*PYTHON, code, self.token, **fields)

    def living(self) -> list[int]:
        return [process.pid for process in psutil.process_iter() if self._is_living(process)]

    def is_empty_within(self, seconds: float) -> bool:
        return eventually(lambda: not self.living(), seconds)

    def _is_living(self, process: psutil.Process) -> bool:
        try:
            return self.token in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def eventually(claim: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll a real process's effect, bounded."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if claim():
            return True
        time.sleep(0.01)
    return claim()


async def until(claim: Callable[[], bool]) -> None:
    assert await asyncio.to_thread(eventually, claim)
