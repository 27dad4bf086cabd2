"""`python manage.py COMMAND` is `penstock COMMAND`, with any Python and from a fresh clone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

import launch


def main() -> int:
    """Perform the command; its exit code."""
    launch.enter()
    from penstock.cli.main import main as perform  # noqa: PLC0415 - only where it is installed

    return perform(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
