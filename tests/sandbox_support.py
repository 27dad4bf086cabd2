"""The sandbox projects for tests: laid out as a user's repository, with the script that a model plays for each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model_server.scripts import Script, load_scripts

SANDBOXES = Path(__file__).parents[1] / "sandbox_repos"
PROJECTS = ("python-bug", "new-module", "mixed-powershell")
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "User" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "user@example.invalid" for role in ("AUTHOR", "COMMITTER")},
}

SOURCE = {name: value for name in ("PYTHONPATH",) if (value := os.environ.get(name))}
"""Where these tests have the package from, if it is not the installed one; their processes have it from there too."""


def scripts() -> Mapping[str, Script]:
    """What the model does, by project; a script finds its project by itself, so one server can serve all of them."""
    return {one.name: one for one in load_scripts(SANDBOXES / "scripts")}


def lay(name: str, folder: Path, *, agent: str = "", metadata: Mapping[str, Any] | None = None) -> Path:
    """The project in a new folder, as a repository with one commit; its workstreams are given to an agent."""
    shutil.copytree(SANDBOXES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, bundle in bundles(folder):
        given = {**bundle, **({"tool": agent} if agent else {})}
        given["metadata"] = {**given.get("metadata", {}), **(metadata or {})}
        file.write_text(json.dumps(given, indent=2) + "\n", encoding="utf-8")
    for words in (("init", "--quiet", "--initial-branch=main"), ("add", "--all"), ("commit", "--quiet", "-m", "seed")):
        subprocess.run(["git", *words], cwd=folder, env={"PATH": os.environ["PATH"], **GIT}, check=True)
    return folder


def bundles(project: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Its workstreams, each with its file."""
    for file in sorted((project / "workstreams").glob("*.json")):
        yield file, json.loads(file.read_text(encoding="utf-8"))
