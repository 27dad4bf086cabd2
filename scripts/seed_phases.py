"""Stores the phases that Penstock brings. Those that are there stay as they are; `--anew` puts all of them back."""

import sys
from typing import TYPE_CHECKING

import launch

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.invocation import Invocation


async def seed(penstock: "Penstock", invocation: "Invocation") -> int:
    """Store what is missing, and say it."""
    seeded = await penstock.prompts.seed_phases(anew="--anew" in sys.argv[1:])
    invocation.terminal.line("\n".join(seeded.done) or "the phases were there already")
    return 0


if __name__ == "__main__":
    launch.enter()
    from penstock.cli.entry import perform

    sys.exit(perform(seed))
