"""Takes over what older systems left: epics in Markdown, artifacts in JSON, or a database of the Combine.

    python scripts/migrate_to_json.py SOURCE [--apply] [--json]

SOURCE is a database, a file or a folder; it is only read. Without --apply it says what it would store and stores
nothing. What can't be taken is named, each with its reason. Stand in the project that the pipelines are to belong to.
Exit codes: 0 everything was taken, 1 something was not, 2 wrong use, 3 the environment is not as needed.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import launch

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.invocation import Invocation


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(description="Take over what older systems left, as pipelines with JSON artifacts.")
    parser.add_argument("source", type=Path, help="a database, a file, or a folder of .md and .json files")
    parser.add_argument("--apply", action="store_true", help="store it; without this nothing is stored")
    parser.add_argument("--json", action="store_true", help="say it as JSON")
    return parser.parse_args()


async def transfer(penstock: "Penstock", invocation: "Invocation") -> int:
    """Read, check, say, and store if that was asked."""
    from penstock.older import report
    from penstock.older.keeping import Keeping
    from penstock.older.sources import read

    asked = arguments()
    keeping = Keeping(penstock.parts, penstock.projects)
    found = await keeping.prepare(read(invocation.place(asked.source)))
    if asked.apply:
        await keeping.store(found)
    if asked.json:
        invocation.terminal.pretty_json(report.as_json(found, is_stored=asked.apply))
    else:
        invocation.terminal.line("\n".join(report.as_lines(found, is_stored=asked.apply)))
        if not asked.apply and any(not one.is_there for one in found.kept):
            invocation.terminal.note("nothing was stored; --apply stores it")
    return 1 if found.unread else 0


if __name__ == "__main__":
    launch.enter()
    arguments()
    from penstock.cli.entry import perform

    sys.exit(perform(transfer))
