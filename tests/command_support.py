"""Penstock's command line in the process of the tests, for commands that need none of their own.

A command starts with nothing in memory here too; what a process of its own adds is a second of loading.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.cli.entry import enter
from penstock.cli.terminal import Terminal


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer, as one document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its answer, as one document a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def performed(*arguments: str, environ: Mapping[str, str], folder: Path) -> Said:
    """Perform a command, without a terminal, as a user who stands in a folder."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    code = enter(arguments, environ=environ, folder=folder, terminal=Terminal.of(out, err, environ))
    return Said(code=code, out=_held(out), err=_held(err))


def _held(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return content.decode("utf-8")
