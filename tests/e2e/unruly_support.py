"""Agents that misbehave: a user's home with a Python program as its agent, confined as ever, and what came of its runs.

Nothing needs to be installed. What the program does is a few lines of the test; what it can do is in `unruly_ways.py`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import dedent
from typing import Any

from agent_bench import Bench, wait_until
from whole_runs import bundle, new_repository, penstock_for

from model_server import ScriptedModels
from penstock.bootstrap import Penstock

NAME = "unruly"
SETTINGS = """
[checks]
present = "test -d src"
[executor]
min_free_gb = 0.0
[limits]
agent_timeout = 60.0
check_timeout = 30.0
{limits}
[breakers.per_step.edit]
max_attempts_per_step = {attempts}
"""
WAYS = Path(__file__).with_name("unruly_ways.py")


def workstream(name: str = "ws-a", **more: object) -> dict[str, object]:
    """One that asks for one file."""
    path = f"src/{name}.txt"
    return bundle(name, [path], [], **{"tool": NAME, "acceptance_tests": [f"test -f {path}"], "metadata": {}, **more})


@dataclass(kw_only=True)
class Desk(Bench):
    """A user whose agent is unruly."""

    agent: str = NAME
    confine: str = ""
    """Set by the user's shell, if it says anything."""

    @property
    def environ(self) -> dict[str, str]:
        """What the user's shell has set."""
        own = {"PENSTOCK_AGENTS": str(self.folder / "none")}
        return {**super().environ, **own, **({"PENSTOCK_CONFINE": self.confine} if self.confine else {})}

    @property
    def user_file(self) -> Path:
        """The user's settings."""
        return self.folder / "home" / ".config" / "penstock" / "config.toml"

    @property
    def program(self) -> Path:
        """The agent."""
        return self.folder / "agent.py"

    def configure(self, **more: str) -> None:
        """Write the user's settings; `more` is sections by name, as TOML, and `agent` is added to the agent's."""
        words = json.dumps([sys.executable, "-I", str(self.program), "{message}", "{prompt_file}"])
        sections = [
            f'[upstreams.scripted]\nprotocol = "openai"\nbase_url = "{self.models.openai_url}"',
            'key = "env:SCRIPTED_KEY"\nprice = { input = 3, output = 15 }\nmax_output = 1000',
            '[models]\nonly = "scripted/scripted-model"',
            f'[agents.{NAME}]\nkind = "command"\ncommand = {words}\ngateway = true\nmodel = "only"\nmemory_mb = 1',
            more.pop("agent", ""),
            *(f"[{name}]\n{text}" for name, text in more.items()),
        ]
        self.user_file.parent.mkdir(parents=True, exist_ok=True)
        self.user_file.write_text("\n".join(sections) + "\n", encoding="utf-8")

    def play(self, program: str) -> None:
        """What the agent does."""
        self.program.write_text(WAYS.read_text(encoding="utf-8") + dedent(program), encoding="utf-8")

    def run(self, program: str, *words: str, code: int) -> Outcome:
        """Let the agent do this in a run, and see what came of it."""
        self.play(program)
        return self.carry_out("run", *words, code=code)

    def carry_out(self, *words: str, code: int) -> Outcome:
        """A command that drives the newest run, and what came of it."""
        done = self.penstock(*words)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return self.outcome(done.stdout + done.stderr)

    @contextmanager
    def running(self, program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A run under way in which the agent does this; what is left of it at the end is killed."""
        self.play(program)
        owner = self.start("run", *words)
        try:
            yield owner
        finally:
            owner.kill()
            owner.wait()

    def finished(self, owner: subprocess.Popen[str], *, code: int) -> Outcome:
        """What came of a run that was under way, once its owner has ended."""
        assert owner.wait(timeout=60) == code, self.log
        return self.outcome(self.log)

    @property
    def log(self) -> str:
        """What owners that were under way have said."""
        return (self.folder / "started.log").read_text(encoding="utf-8")

    def outcome(self, said: str = "") -> Outcome:
        """What came of the newest run."""
        with self.built() as penstock:
            views = penstock.parts.views
            run = views.run(views.runs(limit=1)[0]["run_id"])
            name = run["run_id"]
            return Outcome(
                said=said,
                run=run,
                attempts=views.attempts(name),
                events=views.events(name, limit=10_000),
                errors=views.errors(name),
                rows=views.usage(run=name),
                budgets={row["key"]: row for row in views.budgets()},
            )

    def trust(self) -> None:
        """Trust the project as it is."""
        with self.built() as penstock:
            penstock.projects.trust_here(penstock.projects.current())

    @contextmanager
    def built(self) -> Iterator[Penstock]:
        """Penstock in this process, for what is no test's subject: a command of its own takes a second."""
        penstock = penstock_for(self.project, self.folder / "state", **self.environ)
        try:
            yield penstock
        finally:
            asyncio.run(penstock.close())

    def left(self, token: str = "") -> list[Path]:
        """The processes that an attempt has left, and those that have a word in their command line."""
        named = [path for path in Path("/proc").glob("[0-9]*") if token and token.encode() in _command_line(path)]
        return [*self.of_attempts(), *named]

    def all_gone(self, token: str = "") -> bool:
        """Whether nothing is left of the attempts, at the latest in a second."""
        return wait_until(lambda: not self.left(token), seconds=1.0)

    def under_way(self) -> int:
        """How many attempts have a process now."""
        return len({_attempt(process) for process in self.of_attempts()} - {b""})

    def attempt_file(self, name: str, attempt: str = "edit-1", ws: str = "ws-a") -> Path:
        """A file in an attempt's own folder."""
        (found,) = (self.folder / "state").glob(f"projects/*/runs/*/{ws}/{attempt}/{name}")
        return found


def _attempt(process: Path) -> bytes:
    try:
        words = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return b""
    return next((word for word in words if word.startswith(b"PENSTOCK_ATTEMPT=")), b"")


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@dataclass(kw_only=True)
class Outcome:
    """What came of a run."""

    said: str
    run: Mapping[str, Any]
    attempts: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    errors: Sequence[Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]
    budgets: Mapping[str, Mapping[str, Any]]

    @property
    def state(self) -> tuple[str, str | None]:
        """The run's state and its reason."""
        return self.run["status"], self.run["reason"]

    @cached_property
    def states(self) -> dict[str, str]:
        """The state of each workstream."""
        return {one["ws_id"]: one["status"] for one in self.run["workstreams"]}

    @property
    def codes(self) -> list[str]:
        """What the errors were, each once."""
        return sorted({one["error_code"] for one in self.errors})

    @property
    def statuses(self) -> list[str]:
        """How each call ended."""
        return [row["status"] for row in self.rows]

    @property
    def spent(self) -> Mapping[str, Any]:
        """The run's account."""
        return self.budgets[self.run["run_id"]]

    def told(self, kind: str) -> list[Mapping[str, Any]]:
        """What the events of a kind say."""
        return [one["payload"] for one in self.events if one["event_type"] == kind]


Made = Callable[..., Desk]
"""What makes the desk of a test: `desk_in`, without its folder."""


@contextmanager
def desk_in(
    folder: Path,
    *bundles: Mapping[str, object],
    files: Mapping[str, str] | None = None,
    limits: str = "",
    attempts: int = 1,
) -> Iterator[Desk]:
    """A desk, for as long as its model server is there."""
    settings = SETTINGS.format(limits=limits, attempts=attempts)
    contents = {"src/seed.txt": "seed\n", "penstock.toml": settings, **(files or {})}
    with ScriptedModels() as models:
        project = new_repository(folder / "project", contents, bundles or (workstream(),))
        desk = Desk(folder=folder, models=models, project=project)
        desk.configure()
        desk.trust()
        try:
            yield desk
        finally:
            models.release()
            shutil.rmtree(folder / "state", ignore_errors=True)
