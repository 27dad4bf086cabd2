"""Lets a script go on with this clone's own packages, whichever Python it was started with, as `run.sh` does.

It must import the standard library alone: it also runs where nothing is installed yet, and then says what to do.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from environment import ROOT, WORLD_IS_NOT_READY, interpreter, say

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def enter() -> None:
    """Return where Penstock can be imported; else do all of it again with the Python of `.venv`, or leave with 3."""
    read_env_file(ROOT / ".env")
    if has_penstock():
        return
    python = interpreter(ROOT / ".venv")
    if not python.is_file() or os.environ.get("_PENSTOCK_LAUNCHED"):
        say(f"nothing is installed in {ROOT / '.venv'} yet")
        print(
            "hint: run ./setup.sh (on Windows .\\setup.ps1), or ./run.sh, which installs what it needs", file=sys.stderr
        )
        sys.exit(WORLD_IS_NOT_READY)
    command = [str(python), *sys.argv]
    os.environ["_PENSTOCK_LAUNCHED"] = "1"
    if os.name == "nt":
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(python, command)  # noqa: S606 - no shell is wanted: the words are handed on as they are


def has_penstock() -> bool:
    """Whether the Penstock of this clone, and no other one, would be imported."""
    found = importlib.util.find_spec("penstock")
    origin = found and found.origin
    has_packages = importlib.util.find_spec("typer") is not None
    return bool(origin) and has_packages and Path(str(origin)).resolve().is_relative_to(ROOT / "src")


def read_env_file(path: Path) -> None:
    """Take the lines `NAME=value` of the user's own `.env`; what is set already wins, and nothing is run."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").replace("\0", "").split("\n"):
            name, is_given, value = line.removesuffix("\r").partition("=")
            if is_given and _NAME.fullmatch(name):
                os.environ.setdefault(name, value)
