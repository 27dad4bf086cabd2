"""What the tests of known programs share: recorded output, a job, a visit, and a program that only tells how it was
called.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from penstock.adapters.agents.program import Job, Program
from penstock.adapters.agents.verdicts import Said, Verdict
from penstock.adapters.memory_models import MemoryVisit
from penstock.domain.plan import Scope, Workstream
from penstock.domain.usage import Caller
from penstock.ports import Access, AgentTask

SAMPLES = Path(__file__).parent / "samples"
KEY = "penstock-key-of-this-attempt"
PROMPT = "a prompt that nobody else may see"
FOREIGN = "foreign-key-0123456789"
USERS = {
    **dict.fromkeys(("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CODEX_API_KEY"), FOREIGN),
    "ANTHROPIC_BASE_URL": "https://elsewhere.example",
    "PATH": os.environ["PATH"],
}
"""A user's environment, with keys and addresses that no agent may see."""
TELLS = """#!/bin/sh
printf '%s\\n' "$@" > "$HOME/arguments"
env > "$HOME/variables"
cat > "$HOME/input"
pwd -P > "$HOME/folder"
"""


def judged(program: Program, sample: str, exit_code: int = 0) -> Verdict:
    """What a program's recorded output comes to."""
    stdout = (SAMPLES / f"{program.name}_{sample}.txt").read_text(encoding="utf-8")
    return program.judge(Said(stdout=stdout, exit_code=exit_code))


def without_end(program: Program, sample: str, word: str) -> Said:
    """A recorded output without the lines that hold a word."""
    stdout = (SAMPLES / f"{program.name}_{sample}.txt").read_text(encoding="utf-8")
    return Said(stdout="".join(line for line in stdout.splitlines(True) if word not in line), exit_code=0)


def access(protocol: str) -> Access:
    return Access(base_url="http://127.0.0.1:8080", key=KEY, model="model-1", protocol=protocol)


def job(program: Program, folder: Path = Path("/attempt"), **more: Any) -> Job:
    return Job(
        access=more.pop("access", None) or access(program.protocols[0]),
        folder=folder,
        home=folder / "home",
        prompt_file=folder / "prompt.txt",
        **more,
    )


def visit(protocol: str = "openai") -> MemoryVisit:
    return MemoryVisit(caller=Caller(project="p"), access=access(protocol))


def task(root: Path, protocol: str, *, scope: Scope | None = None, **more: Any) -> AgentTask:
    worktree = root / "worktree"
    worktree.mkdir(exist_ok=True)
    return AgentTask(
        worktree=worktree,
        folder=root / "attempt",
        prompt=PROMPT,
        marker="home:run/ws/1",
        timeout=30.0,
        number=1,
        step="edit",
        workstream=Workstream(id="ws-a", tasks=("do it",), scope=scope or Scope(files=("src/",))),
        visit=more.pop("visit", None) or visit(protocol),
        **more,
    )


def install(folder: Path, name: str, script: str = TELLS) -> Path:
    """A program of that name where agents are installed."""
    program = folder / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(script)
    program.chmod(0o755)
    return program


def recorded_argv(root: Path) -> list[str]:
    """The arguments that stand on record."""
    argv: list[str] = json.loads((root / "attempt" / "request.json").read_text())["argv"]
    return argv
