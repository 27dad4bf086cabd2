"""`penstock serve` in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from api_server import Place

import penstock

PATIENCE = 60
SOURCE = str(Path(penstock.__file__).parents[1])
"""The package as these tests have it, whichever is installed."""


@dataclass(kw_only=True)
class Served:
    """A server's process, what it says, and a client of it once it listens."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    url: str = ""

    def until_listening(self) -> httpx2.Client:
        """A client of it, once it said where it listens."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"listening at (http://\S+?);", line):
                self.url = found[1]
                return httpx2.Client(base_url=self.url, timeout=PATIENCE)
        raise AssertionError(f"it never listened: {''.join(self.said)}")

    def end(self, sign: int = signal.SIGTERM) -> tuple[int, str]:
        """Its exit code and all that it said, once it was told to end."""
        self.process.send_signal(sign)
        return self.over()

    def over(self) -> tuple[int, str]:
        """Its exit code and all that it said, once it has ended by itself."""
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, "".join(self.said) + rest


@contextmanager
def served(place: Place, *arguments: str, **environ: str) -> Iterator[Served]:
    """A server's process, killed at the end of the block if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "serve", *arguments],
        cwd=place.project,
        env=place.environ(PYTHONPATH=SOURCE, **environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    watchdog = threading.Timer(2 * PATIENCE, process.kill)
    watchdog.start()
    try:
        yield Served(process=process)
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()
