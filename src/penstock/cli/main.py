"""The door of the command line. Answers `--version` before anything else is imported, which would take longer."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import penstock


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        try:
            print(f"penstock {penstock.__version__}", flush=True)  # noqa: T201 - the terminal costs ten times as much
        except OSError as error:
            return _not_written(error)
        return 0
    from penstock.cli.entry import enter  # noqa: PLC0415 - costs more than the whole of `--version`

    return enter(given)


def _not_written(error: OSError) -> int:
    from penstock.cli import exits, terminal  # noqa: PLC0415 - as above

    terminal.forget_reader(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return exits.COMPLETED
    terminal.standard(os.environ).error(f"the answer can't be written: {error.strerror or error}")
    return exits.ENVIRONMENT
