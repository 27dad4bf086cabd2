"""The door of the command line. Answers `--version` before anything else is imported, which would take longer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import penstock


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        print(f"penstock {penstock.__version__}")  # noqa: T201 - the terminal would cost ten times as much
        return 0
    from penstock.cli.entry import enter  # noqa: PLC0415 - costs more than the whole of `--version`

    return enter(given)
