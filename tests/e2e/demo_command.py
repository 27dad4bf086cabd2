"""The real `penstock demo`, as a user starts it who has nothing but PATH and a home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox_support import SOURCE

COMMAND = (sys.executable, "-m", "penstock", "demo")


@dataclass
class Recorder:
    """A console that remembers."""

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def line(self, text: str = "", tone: str = "") -> None:
        self.lines.append(text)

    @contextmanager
    def progress(self) -> Iterator[Recorder]:
        yield self

    def watch(self, _: object, notes: Sequence[Any]) -> None:
        self.notes += [note.type for note in notes]


def demo(home: Path, standing: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command's end, without a terminal; whatever it makes for a time lies beside the home folder."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=standing,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home.parent / "tmp"), **SOURCE, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def told_commands(said: str) -> list[str]:
    """The commands that a demo names at its end."""
    return [line.strip() for line in said.partition("Look further\n")[2].splitlines() if line.startswith("  ")]


def follow(command: str, home: Path) -> subprocess.CompletedProcess[str]:
    """What a command says that the demo named, typed in a shell."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), **SOURCE}
    return subprocess.run(["sh", "-c", command], env=environ, capture_output=True, text=True, check=False)


def liar(folder: Path) -> str:
    """A PATH on which `python3` always says that all is well, and does nothing."""
    program = folder / "bin" / "python3"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"
