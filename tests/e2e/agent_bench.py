"""A bench for real agents: a home with settings, a scripted model server, a sandbox project, the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_server import Issued, ScriptedModels, summed
from penstock.domain.usage import Tokens
from sandbox_support import GIT, lay, scripts

AGENTS = ("aider", "claude", "codex", "opencode")
SPEAKS = {"claude": "anthropic", "model": "anthropic"}
PLANTED = "sk-planted-4f1d0e6a7b2c9d8e5f3a1b0c"
"""What stands for a provider's key: it must work, and be found nowhere."""


LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    fcntl.ioctl(one, 0x8914, struct.pack("16sH", b"lo", 1))  # SIOCSIFFLAGS: up
os.execv(sys.executable, [sys.executable, "-m", "penstock", *sys.argv[1:]])
"""


def folder_of_agents() -> Path:
    """Where `scripts/install_agents.sh` puts them."""
    named = os.environ.get("PENSTOCK_AGENTS")
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return Path(named) if named else state / "penstock" / "agents"


def missing(agent: str) -> str:
    """Why an agent can't be tried here; empty if it can."""
    is_there = agent == "model" or (folder_of_agents() / "bin" / agent).exists()
    return "" if is_there else f"{agent} is not installed in {folder_of_agents()}: scripts/install_agents.sh {agent}"


@dataclass(kw_only=True)
class Bench:
    """One project with one agent."""

    folder: Path
    models: ScriptedModels
    agent: str
    project: Path

    @property
    def environ(self) -> dict[str, str]:
        """What the user's shell has set."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "PENSTOCK_HOME": str(self.folder / "state"),
            "PENSTOCK_AGENTS": str(folder_of_agents()),
            "SCRIPTED_KEY": PLANTED,
            "LANG": "C.UTF-8",
            **GIT,
        }

    def penstock(self, *words: str, seconds: float = 170, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command in the project."""
        return subprocess.run(
            [sys.executable, "-m", "penstock", *words],
            cwd=self.project, env=self.environ, capture_output=True, text=True, timeout=seconds, check=check,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def cut_off(self, *words: str, seconds: float = 170) -> subprocess.CompletedProcess[str]:
        """Run a command where no network is but loopback, and without the provider's key."""
        environ = {name: value for name, value in self.environ.items() if name != "SCRIPTED_KEY"}
        return subprocess.run(
            ["unshare", "--map-root-user", "--net", sys.executable, "-c", LOOPBACK_UP, *words],
            cwd=self.project, env=environ, capture_output=True, text=True, timeout=seconds, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in the project, as the leader of a group of its own."""
        with (self.folder / "started.log").open("a") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "penstock", *words],
                cwd=self.project, env=self.environ, stdout=out, stderr=out, text=True, start_new_session=True,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def configure(self, **more: str) -> None:
        """Write the user's settings; `more` is sections by name, as TOML."""
        protocol = SPEAKS.get(self.agent, "openai")
        address = self.models.base_url if protocol == "anthropic" else self.models.openai_url
        sections = [
            f'[upstreams.scripted]\nprotocol = "{protocol}"\nbase_url = "{address}"\nkey = "env:SCRIPTED_KEY"',
            "price = { input = 3, output = 15 }\ndefault_output = 1000\nmax_output = 1000",
            '[models]\nonly = "scripted/scripted-model"',
            f'[agents.{self.agent}]\nmodel = "only"',
            *(f"[{name}]\n{text}" for name, text in more.items()),
        ]
        file = self.folder / "home" / ".config" / "penstock" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(sections) + "\n", encoding="utf-8")

    def view(self, run: str = "latest") -> dict[str, Any]:
        """How a run stands."""
        shown: dict[str, Any] = json.loads(self.penstock("show-run", run, "--json", check=True).stdout)
        return shown

    def usage(self, run: str) -> list[dict[str, Any]]:
        """The record of each call of a run."""
        code = (
            "import json, os, sys; from pathlib import Path; from penstock.bootstrap import build\n"
            "parts = build(folder=Path.cwd(), environ=os.environ).parts\n"
            "print(json.dumps(parts.views.usage(run=sys.argv[1])))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, run],
            cwd=self.project, env=self.environ, capture_output=True, text=True, check=True,
        )  # fmt: skip
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def of_attempts(self) -> Iterator[Path]:
        """The `/proc` folders of all processes that belong to an attempt of ours."""
        marker = str(self.folder / "state").encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environ = (process / "environ").read_bytes()
            except OSError:
                continue
            if b"PENSTOCK_ATTEMPT=" in environ and marker in environ:
                yield process


def ended(issued: tuple[Issued, ...]) -> Tokens:
    """What the server says that it gave out, for the calls that came to their end."""
    return summed(one for one in issued if one.ended and one.told)


def recorded(rows: list[dict[str, Any]]) -> Tokens:
    """What the records say, for the same calls."""
    ok = [row for row in rows if row["status"] == "ok"]
    cached = sum(row["cache_read_tokens"] + row["cache_write_tokens"] + row["cache_write_long_tokens"] for row in ok)
    return Tokens(
        input=sum(row["input_tokens"] for row in ok) - cached,
        output=sum(row["output_tokens"] for row in ok),
        cache_read=sum(row["cache_read_tokens"] for row in ok),
        cache_write=sum(row["cache_write_tokens"] for row in ok),
        cache_write_long=sum(row["cache_write_long_tokens"] for row in ok),
    )


def wait_until(claim: Any, seconds: float = 60.0) -> bool:
    """Whether something becomes so within a time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.05)
    return False


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the owner alone: its children are its keepers' business."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def bench_in(folder: Path, agent: str, name: str, *, tokens: Any = None) -> Iterator[Bench]:
    """A bench, for as long as its model server is there."""
    with ScriptedModels(tuple(scripts().values())) as models:
        project = lay(name, folder / "project", agent=agent)
        bench = Bench(folder=folder, models=models, agent=agent, project=project)
        bench.configure()
        bench.penstock("trust", check=True)
        try:
            yield bench
        finally:
            models.release()
            shutil.rmtree(folder / "state", ignore_errors=True)
