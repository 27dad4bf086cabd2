"""Makes the database, or brings it up to date, and says where it is. It may run again at any time."""

import sys
from typing import TYPE_CHECKING

import launch

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.invocation import Invocation


async def initialise(penstock: "Penstock", invocation: "Invocation") -> int:
    """Open it, which makes what is missing."""
    prepared = penstock.parts.database.prepared
    made = "made" if prepared.fresh else "there"
    invocation.terminal.line(f"the database is {made}, version {prepared.version}: {prepared.site.shown}")
    return 0


if __name__ == "__main__":
    launch.enter()
    from penstock.cli.entry import perform

    sys.exit(perform(initialise))
