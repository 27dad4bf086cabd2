"""Stores the prompts of the roles that Penstock brings. What you have put in force stays in force."""

import sys
from typing import TYPE_CHECKING

import launch

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.invocation import Invocation


async def seed(penstock: "Penstock", invocation: "Invocation") -> int:
    """Store what is missing, and say it."""
    seeded = await penstock.prompts.seed_prompts()
    invocation.terminal.line("\n".join(seeded.done) or "the prompts were there already")
    return 0


if __name__ == "__main__":
    launch.enter()
    from penstock.cli.entry import perform

    sys.exit(perform(seed))
