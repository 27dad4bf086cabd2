"""`penstock serve` in a process of its own, and `curl` as the only client of it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 110
ENDED = ("complete", "failed")
MOST_PHASES = 20
CODE = "\n%{http_code}"
OPTIONS = ("--silent", "--show-error", "--noproxy", "*", "--max-time", str(PATIENCE), "--write-out", CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curl:
    """Asks a server as a person at a terminal does."""

    url: str
    process: subprocess.Popen[str]

    def ask(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """The JSON of an answer that has this status."""
        sends = ("--header", "Content-Type: application/json", "--data-binary", "@-") if body is not None else ()
        done = subprocess.run(
            ["curl", *OPTIONS, "--request", method, *sends, f"{self.url}{path}"],
            input=json.dumps(body) if body is not None else "",
            capture_output=True, text=True, timeout=2 * PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said, _, code = done.stdout.rpartition("\n")
        assert code == str(status), said
        return json.loads(said)

    def get(self, path: str, *, status: int = 200) -> Any:
        """What a path shows."""
        return self.ask("GET", path, status=status)

    def created(self, epic: str) -> str:
        """The id of a new pipeline."""
        return str(self.ask("POST", "/pipelines", {"epic_description": epic}, status=201)["pipeline_id"])

    def advanced(self, pipeline: str) -> list[str]:
        """The states that a pipeline goes through until its end."""
        way: list[str] = []
        while len(way) < MOST_PHASES and (not way or way[-1] not in ENDED):
            way.append(self.ask("POST", f"/pipelines/{pipeline}/advance")["state"])
        return way

    def end(self) -> None:
        """Tell the server to end; it must do so in peace."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, said


@contextmanager
def curled(project: Path, environ: Mapping[str, str]) -> Iterator[Curl]:
    """A server on a free port, killed at the end of the block if it still runs."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "serve", "--host", "127.0.0.1", "--port", "0"],
        cwd=project, env=dict(environ), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    watchdog = threading.Timer(2 * PATIENCE, process.kill)
    watchdog.start()
    try:
        yield Curl(url=_address(process), process=process)
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    """Where it says that it listens."""
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        if found := re.search(r"listening at (http://\S+?);", line):
            return found[1]
    raise AssertionError(f"it never listened: {''.join(said)}")
