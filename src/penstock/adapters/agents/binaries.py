"""Where an agent's program is, and what of the disk belongs to it. Looks, starts nothing."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.adapters.processes.confiner import Confiner

PACKAGES = "node_modules"
ENVIRONMENT = "pyvenv.cfg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A program as it is to be started."""

    path: str
    shown: tuple[Path, ...] = ()
    """What a confined process must be shown of it besides."""


def find(name: str, *, given: str, agents_folder: Path | None, search_path: str) -> Path | None:
    """The program of an agent: what the user names, else what was installed for Penstock, else what is on PATH."""
    if given:
        found = shutil.which(os.path.expanduser(given), path=search_path)  # noqa: PTH111 - a bare name stays one
        return None if found is None else Path(found).absolute()
    own = [] if agents_folder is None else [str(agents_folder / "bin")]
    found = shutil.which(name, path=":".join((*own, search_path)))
    return None if found is None else Path(found).absolute()


def placed(program: Path, confiner: Confiner) -> Binary:
    """The program for this confinement: by the name it was found under, unless that is out of sight.

    Some programs are many in one and go by the name that they are called by, so a link is kept where it can be.
    """
    real = Path(os.path.realpath(program))
    called = Path(os.path.realpath(program.parent)) / program.name
    shown = tuple(root for root in belongings(real) if confiner.hides(root))
    return Binary(path=str(real if confiner.hides(called) else program), shown=shown)


def belongings(real: Path) -> tuple[Path, ...]:
    """What a program needs of its own installation: its packages, its environment with the interpreter, or itself.

    Never the folder above them: a user's settings and keys may lie beside what was installed there.
    """
    if PACKAGES in real.parts:
        return (Path(*real.parts[: real.parts.index(PACKAGES) + 1]),)
    root = real.parent.parent
    if (root / ENVIRONMENT).is_file():
        interpreter = Path(os.path.realpath(root / "bin" / "python"))
        return root, interpreter.parent.parent
    return (real,)
