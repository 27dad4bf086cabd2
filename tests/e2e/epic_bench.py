"""A bench for epics: a sample project, models that answer by what `sandbox_repos/epics` says, the real use cases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_server import ScriptedModels
from model_server.scripts import Round, Script
from sandbox_support import GIT, SOURCE

ROOT = Path(__file__).resolve().parents[2]
EPICS = ROOT / "sandbox_repos" / "epics"
SAMPLE = ROOT / "src" / "penstock" / "demo" / "sample" / "project"
KEY = "sk-planted-7c2e9a1f4b8d3e6a5f0c"
SETTINGS = """\
[upstreams.scripted]
protocol = "anthropic"
base_url = "{address}"
key = "env:SCRIPTED_KEY"
price = {{ input = 3, output = 15 }}
[roles]
planning = "scripted/scripted-model"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a model says to one epic: per phase in the order of its rounds, and the files of each workstream."""

    name: str
    epic: str
    said: Mapping[str, tuple[str, ...]]
    files: Mapping[str, Mapping[str, str]]

    def script(self) -> Script:
        """As the scripted model plays it."""
        planning = [
            Round(name=f"{phase}-{number}", when=(f'"phase":"{phase}","round":{number}',), final=text)
            for phase, texts in self.said.items()
            for number, text in _rounds(phase, texts)
        ]
        development = [
            Round(name=workstream, when=(f"Workstream {workstream}:",), deliverable=dict(files), final="{}")
            for workstream, files in self.files.items()
        ]
        return Script(name=self.name, rounds=(*planning, *development))


def _rounds(phase: str, texts: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Phases before the first round of code are asked in round 1; those after it in the round that led to them."""
    if phase != "commit_phase":
        yield from enumerate(texts, 1)
        return
    for number in range(1, 5):
        yield number, texts[0]


def answers_to(name: str, epic_id: str = "EPIC-1") -> Answers:
    """The answers to one of the epics of the sandbox."""
    folder = EPICS / name
    said: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.json")):
        phase = file.stem.partition("-")[0]
        compact = json.dumps(json.loads(file.read_text("utf-8")), ensure_ascii=False)
        said.setdefault(phase, []).append(compact.replace("{epic_id}", epic_id))
    files: dict[str, dict[str, str]] = {}
    for file in sorted((folder / "dev").rglob("*.sample")):
        workstream, *path = file.relative_to(folder / "dev").parts
        files.setdefault(workstream, {})["/".join(path).removesuffix(".sample")] = file.read_text("utf-8")
    return Answers(
        name=name,
        epic=(folder / "epic.txt").read_text("utf-8").strip(),
        said={phase: tuple(texts) for phase, texts in said.items()},
        files=files,
    )


@dataclass(kw_only=True)
class EpicBench:
    """One project whose epics a scripted model answers."""

    folder: Path
    models: ScriptedModels
    more: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        """The sample project."""
        return self.folder / "mill"

    @property
    def environ(self) -> dict[str, str]:
        """What the user's shell has set."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "PENSTOCK_HOME": str(self.folder / "state"),
            "SCRIPTED_KEY": KEY,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **SOURCE,
            **GIT,
            **self.more,
        }

    def git(self, *words: str) -> str:
        """Run git in the project."""
        return subprocess.run(
            ["git", *words], cwd=self.project, env=self.environ, capture_output=True, text=True, check=True
        ).stdout.strip()

    def penstock(self, *words: str, check: bool = True, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command in the project."""
        done = subprocess.run(
            [sys.executable, "-m", "penstock", *words],
            cwd=self.project, env=self.environ, capture_output=True, text=True, timeout=seconds, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def settings(self, more: str = "") -> None:
        """Write the user's settings."""
        file = self.folder / "home" / ".config" / "penstock" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SETTINGS.format(address=self.models.base_url) + more, encoding="utf-8")


def lay_sample(place: Path, environ: Mapping[str, str]) -> None:
    """The sample project as a repository with one commit; its reviews need nobody."""
    for file in SAMPLE.rglob("*.sample"):
        target = place / file.relative_to(SAMPLE).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text("utf-8")
        target.write_text(text.replace('approvals = ["review"]', "approvals = []"), encoding="utf-8")
    for words in (("init", "-q", "--initial-branch=main"), ("add", "--all"), ("commit", "-qm", "A mill")):
        subprocess.run(["git", *words], cwd=place, env=dict(environ), check=True)


@contextmanager
def epic_bench(folder: Path, answers: Answers) -> Iterator[EpicBench]:
    """A bench, for as long as its model server is there."""
    with ScriptedModels((answers.script(),)) as models:
        bench = EpicBench(folder=folder, models=models)
        bench.settings()
        lay_sample(bench.project, bench.environ)
        bench.penstock("trust")
        try:
            yield bench
        finally:
            models.release()
            shutil.rmtree(folder / "state", ignore_errors=True)


def view(bench: EpicBench, pipeline: str) -> dict[str, Any]:
    """How a pipeline stands."""
    found: dict[str, Any] = json.loads(bench.penstock("epic", "show", pipeline, "--json").stdout)
    return found
