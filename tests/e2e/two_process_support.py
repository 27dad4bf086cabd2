"""A project whose agents take their time, and the command line as separate processes, for tests of who owns a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from command_support import performed

GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "User",
    "GIT_AUTHOR_EMAIL": "user@example.invalid",
    "GIT_COMMITTER_NAME": "User",
    "GIT_COMMITTER_EMAIL": "user@example.invalid",
}
SETTINGS = '[checks]\nwords = "! grep -rq BROKEN src"\n[executor]\nmin_free_gb = 0.0\n'
BOUND = 40.0


def bundle(name: str, turns: list[object], **more: object) -> dict[str, object]:
    """A bundle that writes one file of its own."""
    return {
        "id": name,
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": [f"src/{name}.txt"],
        "tasks": [f"Write {name}"],
        "acceptance_tests": [f"test -f src/{name}.txt"],
        "tool": "scripted",
        "metadata": {"scripted": turns},
        **more,
    }


def writes(name: str, *, after: float = 0.0, content: str = "good\n") -> list[object]:
    """A turn that waits and then writes the workstream's file."""
    pause: list[object] = [{"sleep": after}] if after else []
    return [*pause, {"write": {"path": f"src/{name}.txt", "content": content}}]


class Desk:
    """A user's project, home and shell."""

    def __init__(
        self, folder: Path, *bundles: dict[str, object], settings: str = SETTINGS, dates: dict[str, str] | None = None
    ) -> None:
        self.project, self.home = folder / "project", folder / "home"
        (self.project / "workstreams").mkdir(parents=True)
        (self.project / "src").mkdir()
        (self.project / "src" / "seed.txt").write_text("seed\n")
        (self.project / "penstock.toml").write_text(settings)
        for one in bundles:
            (self.project / "workstreams" / f"{one['id']}.json").write_text(json.dumps(one))
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PENSTOCK_HOME": str(self.home), **GIT}
        self.environ |= dates or {}
        self.environ["PENSTOCK_CONFINE"] = "off"
        for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "base"]):
            subprocess.run(["git", *args], cwd=self.project, env=self.environ, check=True)
        self.ask("trust")

    def penstock(self, *args: str, code: int | None = 0) -> str:
        """Run a command to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "penstock", *args],
            cwd=self.project,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
        )
        assert code is None or done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def ask(self, *args: str, code: int | None = 0) -> str:
        """The same in this process, which is another one than that of any run that was started."""
        said = performed(*args, environ=self.environ, folder=self.project)
        assert code is None or said.code == code, f"{args}: {said}"
        return said.out + said.err

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command and leave it running, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "penstock", *args],
            cwd=self.project,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def shown(self, run: str) -> dict[str, object]:
        """What `show-run --json` says."""
        found: dict[str, object] = json.loads(self.ask("show-run", run, "--json", code=None))
        return found

    def states(self, run: str) -> dict[str, str]:
        """The state of each workstream."""
        return {one["ws_id"]: one["status"] for one in self.shown(run)["workstreams"]}  # type: ignore[attr-defined]

    def agents(self, run: str = "") -> list[int]:
        """The processes of attempts of this home, or only of one of its runs."""
        found = []
        sought = f":{run}/" if run else ":"
        for process in psutil.process_iter():
            try:
                environ = process.environ()
                if sought in environ.get("PENSTOCK_ATTEMPT", "") and environ.get("HOME") == self.environ["HOME"]:
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found


def until(claim: Callable[[], object], what: str, bound: float = BOUND) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + bound
    while not claim():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.05)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL one process that we started, and wait for it."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=BOUND)
