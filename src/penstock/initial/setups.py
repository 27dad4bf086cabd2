"""Which set-up a project evidently needs. Reads its files, and proposes only what one of them speaks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from penstock.initial.reading import read, read_toml

_INCLUDED = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*([\w./-]+)\s*(?:#.*)?$")
TEST_EXTRAS = ("dev", "test", "tests", "testing")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupProposal:
    """The commands of one package manager, what they read and make, and what of the project says so."""

    commands: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    evidence: str


def propose_setup(path: Path) -> tuple[SetupProposal, ...]:
    """The set-ups that a project evidently needs, one per package manager."""
    return tuple(one for look in _LOOKS for one in look(path))


def _uv(path: Path) -> Iterator[SetupProposal]:
    if (path / "uv.lock").is_file():
        yield SetupProposal(
            commands=("uv sync --frozen",),
            inputs=_there(path, "uv.lock", "pyproject.toml", ".python-version"),
            outputs=(".venv",),
            evidence="uv.lock is there",
        )


def _pip(path: Path) -> Iterator[SetupProposal]:
    if any((path / f"{tool}.lock").is_file() for tool in ("uv", "poetry", "pdm")):
        return
    requirements = _there(path, "requirements.txt", "requirements-dev.txt", "dev-requirements.txt")
    wanted = [f"-r {name}" for name in requirements]
    project = _project(path)
    if project is not None:
        wanted.append(f"-e {project}")
    if wanted:
        also = _constraints(path, requirements)
        yield SetupProposal(
            commands=("python3 -m venv .venv", f".venv/bin/python -m pip install {' '.join(wanted)}"),
            inputs=(*requirements, *also, *_there(path, "pyproject.toml", "setup.py", "setup.cfg", ".python-version")),
            outputs=(".venv",),
            evidence=f"{requirements[0] if requirements else 'pyproject.toml'} is there",
        )


def _project(path: Path) -> str | None:
    """How pip is told to install the project itself, with what its tests need; None if it can't be installed."""
    file = read_toml(path / "pyproject.toml")
    about: Any = file.get("project")
    if "build-system" not in file and not isinstance(about, dict) and not (path / "setup.py").is_file():
        return None
    extras = about.get("optional-dependencies") if isinstance(about, dict) else None
    found = [name for name in TEST_EXTRAS if isinstance(extras, dict) and name in extras]
    return f"'.[{','.join(found)}]'" if found else "."


def _constraints(path: Path, requirements: tuple[str, ...]) -> tuple[str, ...]:
    """The files that requirements include."""
    lines = [line for name in requirements for line in read(path / name).splitlines()]
    named = [str(PurePosixPath(match[1])) for line in lines if (match := _INCLUDED.match(line))]
    fit = [name for name in named if not name.startswith("/") and not {"..", ".git"} & {*name.split("/")}]
    return tuple(name for name in dict.fromkeys(fit) if name not in requirements and (path / name).is_file())


def _npm(path: Path) -> Iterator[SetupProposal]:
    if (path / "package-lock.json").is_file():
        yield SetupProposal(
            commands=("npm ci",),
            inputs=_there(path, "package-lock.json", "package.json", ".npmrc", ".nvmrc"),
            outputs=("node_modules",),
            evidence="package-lock.json is there",
        )


def _pnpm(path: Path) -> Iterator[SetupProposal]:
    if (path / "pnpm-lock.yaml").is_file():
        members = _workspace(path)
        yield SetupProposal(
            commands=("pnpm install --frozen-lockfile",),
            inputs=(
                *_there(path, "pnpm-lock.yaml", "package.json", "pnpm-workspace.yaml", ".npmrc", ".nvmrc"),
                *(f"{member}/package.json" for member in members),
            ),
            outputs=("node_modules", *(f"{member}/node_modules" for member in members)),
            evidence="pnpm-lock.yaml is there",
        )


def _workspace(path: Path) -> tuple[str, ...]:
    """The folders of a workspace's packages, as far as `[setup]` can name them."""
    text = read(path / "pnpm-workspace.yaml")
    named = re.findall(r"^\s*-\s*[\"']?([\w@./*-]+)[\"']?\s*$", text, re.MULTILINE)
    tidy = [name.removeprefix("./").rstrip("/") for name in named]
    fit = [name for name in tidy if not name.startswith("/") and not {"..", ".", "**", ""} & {*name.split("/")}]
    return tuple(dict.fromkeys(fit))


def _cargo(path: Path) -> Iterator[SetupProposal]:
    if (path / "Cargo.lock").is_file():
        yield SetupProposal(
            commands=("cargo fetch --locked",),
            inputs=_there(path, "Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "rust-toolchain"),
            outputs=(),
            evidence="Cargo.lock is there",
        )


def _go(path: Path) -> Iterator[SetupProposal]:
    if (path / "go.sum").is_file():
        yield SetupProposal(
            commands=("go mod download",),
            inputs=_there(path, "go.sum", "go.mod"),
            outputs=(),
            evidence="go.sum is there",
        )


_LOOKS: tuple[Callable[[Path], Iterator[SetupProposal]], ...] = (_uv, _pip, _npm, _pnpm, _cargo, _go)


def _there(path: Path, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if (path / name).is_file())
