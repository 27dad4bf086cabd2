"""The names of workstreams' own branches: by a template, of what git and every file system take for a name."""

from __future__ import annotations

import re
from functools import lru_cache

NO_CHANGE = "plan"
"""Stands for the change of a workstream that belongs to none."""
_UNFIT = re.compile(r"[^A-Za-z0-9._+@-]+")
_DOTS = re.compile(r"\.{2,}")
_NO_END = re.compile(r"(?:\.|\.lock)+$")


@lru_cache(maxsize=1024)  # asked for at each step of a workstream
def branch_of(template: str, *, change: str, workstream: str, run: str) -> str:
    """The branch of a workstream; a change may be called anything, and what no name can hold becomes a dash."""
    named = template.format(change=change or NO_CHANGE, workstream=workstream, run=run)
    return "/".join(filter(None, map(_segment, named.split("/"))))


def _segment(part: str) -> str:
    return _NO_END.sub("", _DOTS.sub(".", _UNFIT.sub("-", part))).lstrip(".+@-")
