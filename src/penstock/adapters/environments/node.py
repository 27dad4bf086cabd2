"""What of a checkout is a package of the project for Node, and how it is proven that it is the checkout's own."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock.adapters.environments.trees import named
from penstock.ports import STRAY, Proof

LARGEST = 1_000_000
MOST_NAMES = 100
LOCAL = ("file:", "link:", "workspace:")

_SCRIPT = """
const fs = require("fs"), path = require("path"), home = fs.realpathSync(process.cwd()) + path.sep;
let strays = 0;
for (const name of process.argv.slice(1)) {
  for (const folder of require.resolve.paths(name) || []) {
    let found;
    try { found = fs.realpathSync(path.join(folder, name)); } catch { continue; }
    console.log(name + " is required from " + found);
    if (!(found + path.sep).startsWith(home)) strays += 1;
    break;
  }
}
process.exit(strays ? STRAY : 0);
"""


def proofs(checkout: Path) -> Iterator[Proof]:
    """The one command that asks where the project's own names would be required from."""
    names = list(dict.fromkeys(name for name in _names(checkout) if name.isprintable()))
    if names:
        script = " ".join(_SCRIPT.replace("STRAY", str(STRAY)).split())
        yield Proof(language="Node", command=shlex.join(("node", "-e", script, "--", *names[:MOST_NAMES])))


def _names(checkout: Path) -> Iterator[str]:
    """The names that mean files of the project: its own, its workspaces', those that it takes from a folder of its."""
    package = _package(checkout)
    yield from _own(package)
    members = package.get("workspaces")
    patterns = members.get("packages") if isinstance(members, Mapping) else members
    for pattern in patterns if isinstance(patterns, list) else ():
        for folder in named(checkout, pattern) if isinstance(pattern, str) else ():
            yield from _own(_package(folder))
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        wanted = package.get(kind)
        for name, version in wanted.items() if isinstance(wanted, Mapping) else ():
            if isinstance(version, str) and version.startswith(LOCAL) and _is_folder_inside(checkout, version):
                yield name


def _is_folder_inside(checkout: Path, version: str) -> bool:
    kind, _, path = version.partition(":")
    if kind == "workspace":
        return True
    try:
        folder = (checkout / path).resolve()
        return folder.is_relative_to(checkout.resolve()) and folder.is_dir()
    except (OSError, RuntimeError, ValueError):  # a name too long, links in a circle, a NUL
        return False


def _own(package: Mapping[str, Any]) -> Iterator[str]:
    name = package.get("name")
    if isinstance(name, str) and name and not name.startswith((".", "/", "-")):
        yield name


def _package(folder: Path) -> Mapping[str, Any]:
    path = folder / "package.json"
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            read = json.loads(file.read(LARGEST))
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, Mapping) else {}
