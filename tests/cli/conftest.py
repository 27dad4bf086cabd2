"""A project, a state folder of its own, and the real command line in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from command_support import Said, performed
from sandbox_support import SOURCE

GIT = {
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@localhost",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass
class Desk:
    """A user in a project, at a terminal that is none."""

    project: Path
    environ: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock", *arguments],
            cwd=self.project,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Said:
        return self.end(self.start(*arguments, environ=environ))

    def end(self, process: subprocess.Popen[str]) -> Said:
        out, err = process.communicate(timeout=60)
        return Said(code=process.returncode, out=out, err=err)

    def ask(self, *arguments: str, **environ: str) -> Said:
        """The same in this process, which is another one than that of any run that was started."""
        return performed(*arguments, environ={**self.environ, **environ}, folder=self.project)

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.project,
            env={**self.environ, **GIT},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def write(self, name: str, content: str) -> Path:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def bundle(self, name: str, *turns: list[object], **fields: object) -> None:
        page = f"{name}.txt"
        acceptance = [{"run": f"test -f {page}"}]
        script = list(turns) or [[{"write": {"path": page, "content": f"{name}\n"}}]]
        written = {
            "id": f"ws-{name}",
            "openspec_change": "T-1",
            "gate": 1,
            "files_scope": [page],
            "files_create": [page],
            "tasks": [f"Write {page}"],
            "acceptance_tests": acceptance,
            "tool": "scripted",
            "metadata": {"scripted": script},
            **fields,
        }
        self.write(f"workstreams/{name}.json", json.dumps(written))

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "more")

    def newest(self) -> str:
        return str(self.ask("show-run", "--json").json[0]["run_id"])

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, f"never came about: {what}"
            time.sleep(0.1)

    def until_editing(self) -> str:
        """Wait until some run edits; its id."""

        def edits() -> bool:
            runs = self.ask("show-run", "--json").json
            return bool(runs) and "editing" in runs[0]["counts"]

        self.until(edits, "a run that edits")
        return self.newest()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A project with one commit."""
    project = tmp_path / "project"
    project.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    environ = {**kept, "HOME": str(tmp_path), "PENSTOCK_HOME": str(tmp_path / "state"), "USER": "tester"}
    environ |= {"PENSTOCK_CONFINE": "off", **SOURCE}
    found = Desk(project, environ)
    found.git("init", "-q", "-b", "main")
    found.write("readme.txt", "a project\n")
    found.commit()
    yield found
    for process in found.started:
        process.send_signal(signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def ask(desk: Desk) -> Callable[..., Said]:
    return desk.ask
