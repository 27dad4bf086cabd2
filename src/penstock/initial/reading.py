"""Reading a project's files for a first look: never more than a page or two, and nothing where one can't be read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

LARGEST = 1_000_000


def read(path: Path) -> str:
    """The text of a file, or nothing; what is none may keep whoever opens it waiting for ever."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a file, or an empty one."""
    try:
        return tomllib.loads(read(path))
    except (ValueError, RecursionError):
        return {}
