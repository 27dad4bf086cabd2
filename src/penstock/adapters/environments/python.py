"""What of a checkout is a Python package of the project, where it is imported from, and how that is proven.

Reads the project's files, which nobody vouches for: whatever is not as expected is left out.
"""

from __future__ import annotations

import configparser
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock import disk
from penstock.adapters.environments.trees import has_real_parents, named
from penstock.ports import STRAY, Proof

LARGEST = 1_000_000
MOST_NAMES = 100
MARKS = ("pyproject.toml", "setup.py", "setup.cfg")

_SCRIPT = """
import importlib.util, os, sys
if sys.path[:1] == [""]: del sys.path[0]
home, strays = os.path.realpath(os.getcwd()), []
for name in sys.argv[1:]:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin in ("built-in", "frozen"): continue
    found = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    inside = [path for path in found if os.path.realpath(path).startswith(home + os.sep)]
    print(name, "is imported from", ", ".join(inside or found))
    if found and not inside: strays.append(name)
sys.exit(STRAY if strays else 0)
"""


def package_roots(checkout: Path) -> tuple[Path, ...]:
    """The folders that have to stand on Python's path for the project's packages to be the checkout's."""
    found = dict.fromkeys(root for project in _projects(checkout) for root in _roots(project))
    return tuple(root for root in found if _is_inside(checkout, root) and ":" not in str(root))


def proofs(checkout: Path) -> Iterator[Proof]:
    """The one command that asks where all of the project's own names would be imported from."""
    names = list(dict.fromkeys(name for root in package_roots(checkout) for name in _names(checkout, root)))
    if names:
        script = _SCRIPT.strip().replace("STRAY", str(STRAY))
        words = ("python3", "-c", script, *names[:MOST_NAMES])
        yield Proof(language="Python", command=shlex.join(words))


def _projects(checkout: Path) -> Iterator[Path]:
    """The checkout, if it is a Python project, and the members of its workspace."""
    if any((checkout / mark).is_file() for mark in MARKS):
        yield checkout
    members = _at(_toml(checkout), "tool", "uv", "workspace", "members")
    for pattern in _texts(members):
        yield from (path for path in named(checkout, pattern) if (path / "pyproject.toml").is_file())


def _roots(project: Path) -> Iterator[Path]:
    said = [project / folder for folder in _said(project)]
    if not said and _names(project, project / "src"):
        said = [project / "src"]
    there = [folder for folder in said if disk.is_folder(folder)]
    if there:
        yield from there
    elif _names(project, project):
        yield project


def _said(project: Path) -> Iterator[str]:
    """The folders that the project's own build configuration names."""
    tool = _at(_toml(project), "tool")
    yield from _texts(_at(tool, "setuptools", "packages", "find", "where"))
    yield from _texts([_at(tool, "setuptools", "package-dir", "")])
    yield from _texts([_at(tool, "pdm", "build", "package-dir"), _at(tool, "maturin", "python-source")])
    for package in _listed(_at(tool, "poetry", "packages")):
        yield from _texts([_at(package, "from")])
    for path in _texts(_at(tool, "hatch", "build", "targets", "wheel", "packages")):
        yield str(Path(path).parent)
    configuration = configparser.ConfigParser(interpolation=None)
    try:
        configuration.read_string(_text(project / "setup.cfg"))
    except configparser.Error:
        return
    yield from configuration.get("options.packages.find", "where", fallback="").split()
    for line in configuration.get("options", "package_dir", fallback="").splitlines():
        package, _, folder = line.partition("=")
        if not package.strip() and folder.strip():
            yield folder.strip()


def _names(project: Path, root: Path) -> list[str]:
    """What can be imported from a root: packages, and single modules where the folder holds nothing else."""
    if not disk.is_folder(root) or (root != project and (root / "__init__.py").exists()):
        return []
    packages = [path.parent.name for path in sorted(root.glob("*/__init__.py"))]
    modules = [path.stem for path in sorted(root.glob("*.py"))] if root != project else []
    return [name for name in (*packages, *modules) if name.isidentifier()]


def _is_inside(checkout: Path, root: Path) -> bool:
    return root.is_relative_to(checkout) and ".." not in root.parts and has_real_parents(checkout, root / "x")


def _toml(project: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_text(project / "pyproject.toml"))
    except (ValueError, RecursionError):
        return {}


def _text(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(LARGEST).decode("utf-8-sig", "replace")


def _at(value: object, *keys: str) -> object:
    """What lies under some keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _listed(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


def _texts(value: object) -> list[str]:
    return [item for item in _listed(value) if isinstance(item, str) and item and not item.startswith("/")]
