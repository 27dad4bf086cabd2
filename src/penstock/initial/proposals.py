"""Which checks a project evidently has. Reads its files, and proposes only what one of them speaks for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.initial.reading import read, read_toml
from penstock.projects import make_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A check that fits a project, and what of the project says so."""

    name: str
    command: str
    evidence: str


def propose(path: Path) -> tuple[Proposal, ...]:
    """The checks that a project evidently has, each under a name of its own."""
    found: dict[str, Proposal] = {}
    for kind, look in _LOOKS:
        for one in look(path):
            name = one.name if one.name not in found else f"{kind}-{one.name}"
            found.setdefault(name, Proposal(name=name, command=one.command, evidence=one.evidence))
    if not found:
        found = {one.name: one for one in _make(path)}
    return tuple(found.values())


def _python(path: Path) -> Iterator[Proposal]:
    project = read_toml(path / "pyproject.toml")
    found = project.get("tool")
    tools: dict[str, Any] = found if isinstance(found, dict) else {}
    run = next((f"{tool} run " for tool in ("uv", "poetry", "pdm") if (path / f"{tool}.lock").is_file()), "python3 -m ")
    ruff = _evidence(path, tools, "ruff", ("ruff.toml", ".ruff.toml"))
    if ruff:
        yield Proposal(name="lint", command=f"{run}ruff check .", evidence=ruff)
    mypy = _evidence(path, tools, "mypy", ("mypy.ini", ".mypy.ini"))
    if mypy:
        own = tools.get("mypy")
        names_files = isinstance(own, dict) and "files" in own
        yield Proposal(name="types", command=f"{run}mypy{'' if names_files else ' .'}", evidence=mypy)
    pytest = _evidence(path, tools, "pytest", ("pytest.ini", ".pytest.ini", "conftest.py", "tests/conftest.py"))
    tests = _texts(path, ("test_*.py", "tests/test_*.py", "tests/**/test_*.py"))
    if not pytest and any(re.search(r"^\s*(?:import|from) pytest\b", text, re.MULTILINE) for text in tests):
        pytest = "tests import pytest"
    if pytest:
        yield Proposal(name="tests", command=f"{run}pytest -q", evidence=pytest)
    elif any("unittest" in text for text in tests):
        folder = " -s tests -t ." if (path / "tests" / "__init__.py").is_file() else ""
        if not folder and not any(path.glob("test_*.py")):
            folder = " -s tests"  # from the top a folder that is no package is not searched: no test would run
        yield Proposal(name="tests", command=f"python3 -m unittest discover{folder}", evidence="tests use unittest")


def _evidence(path: Path, tools: Mapping[str, Any], tool: str, files: Iterable[str]) -> str:
    if tool in tools:
        return f"pyproject.toml has [tool.{tool}]"
    return next((f"{name} is there" for name in files if (path / name).is_file()), "")


def _node(path: Path) -> Iterator[Proposal]:
    try:
        scripts = json.loads(read(path / "package.json")).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return
    lockfiles = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}
    manager = next((tool for name, tool in lockfiles.items() if (path / name).is_file()), "npm")
    for script, name in (("lint", "lint"), ("typecheck", "types"), ("test", "tests")):
        command = scripts.get(script) if isinstance(scripts, dict) else None
        if isinstance(command, str) and command.strip() and "no test specified" not in command:
            yield Proposal(
                name=name, command=f"{manager} run {script}", evidence=f"package.json has the script {script}"
            )


def _go(path: Path) -> Iterator[Proposal]:
    if (path / "go.mod").is_file():
        yield Proposal(name="vet", command="go vet ./...", evidence="go.mod is there")
        yield Proposal(name="tests", command="go test ./...", evidence="go.mod is there")


def _rust(path: Path) -> Iterator[Proposal]:
    if (path / "Cargo.toml").is_file():
        yield Proposal(name="tests", command="cargo test", evidence="Cargo.toml is there")


def _make(path: Path) -> Iterator[Proposal]:
    targets = make_targets(path) or frozenset()
    for target in ("lint", "check", "test"):
        if target in targets:
            yield Proposal(name=target, command=f"make {target}", evidence=f"Makefile has the target {target}")


_LOOKS: tuple[tuple[str, Callable[[Path], Iterator[Proposal]]], ...] = (
    ("python", _python),
    ("node", _node),
    ("go", _go),
    ("rust", _rust),
)


def _texts(path: Path, patterns: Iterable[str]) -> list[str]:
    files = (file for pattern in patterns for file in path.glob(pattern) if file.is_file())
    return [read(file) for file, _ in zip(files, range(50), strict=False)]
