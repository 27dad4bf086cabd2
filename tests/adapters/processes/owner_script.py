"""An owner for tests that kill it: starts the agent whose code stands in a file, says so, and waits."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from penstock.adapters.processes.confiner import Confiner, unconfined
from penstock.adapters.processes.launcher import Launcher
from penstock.adapters.processes.request import Request
from penstock.adapters.processes.trial import Trial

folder = Path(sys.argv[1])
dies_at = sys.argv[2] if len(sys.argv) > 2 else ""
confiner = Confiner(trial=Trial(os.environ)) if dies_at == "confined" else unconfined()


def effect(name: str) -> None:
    if name == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)


async def own() -> None:
    launcher = Launcher(effect=effect)
    request = Request(
        argv=(sys.executable, "-I", "-S", "-c", (folder / "code").read_text(), (folder / "token").read_text()),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        folder=folder / "attempt",
        marker="home:run/workstream/1",
    )
    running = await launcher.start(confiner.confine(request, folder))
    print("started", flush=True)
    await running.wait()
    await asyncio.Event().wait()


asyncio.run(own())
