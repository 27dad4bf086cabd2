"""Kills an epic's owner between every two effects and goes on: the end is the same, and no kept answer is asked again.

    python epic_kills.py FOLDER [POINTS]

Run as a script: it forks, so that imports cost once; the models' server is a process of its own. It tries all
points, or so many, evenly spread. Prints a JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

import pydantic_ai.models.anthropic  # noqa: E402, F401 - imported before the forks, for it takes seconds
from crash_points import spread  # noqa: E402
from crash_runner import killer, wait_for_group  # noqa: E402
from epic_bench import GIT, KEY, SETTINGS, answers_to, lay_sample  # noqa: E402

from penstock.adapters.clock import SystemClock  # noqa: E402
from penstock.bootstrap import Penstock, build  # noqa: E402
from penstock.epics import ApprovalNeeded, EpicWish  # noqa: E402

EPIC = "mill-households"
BOUND = 90.0
MOST_PHASES = 30
SERVER = """
import sys
sys.path[:0] = [{tests!r}, {e2e!r}]
from pathlib import Path
from epic_bench import answers_to
from model_server import ScriptedModels
place = Path(sys.argv[1])
with ScriptedModels((answers_to({epic!r}).script(),), told=lambda _: (place / "asked").open("a").write("x")) as models:
    (place / "address.new").write_text(models.base_url)
    (place / "address.new").rename(place / "address")
    sys.stdin.read()
"""

Effect = Callable[[str], None]


def environ(home: Path) -> dict[str, str]:
    """What the user's shell has set."""
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "PENSTOCK_HOME": str(home / "state"), "SCRIPTED_KEY": KEY}
    return {**own, "PENSTOCK_CONFINE": "off", "PYTHONDONTWRITEBYTECODE": "1", **GIT}


async def work(folder: Path, effect: Effect) -> None:
    """Take the epic as far as it goes: begin it, or go on with what an earlier owner left."""
    penstock = build(folder=folder / "mill", environ=environ(folder / "home"), clock=SystemClock(), effect=effect)
    try:
        penstock.projects.trust_here(penstock.projects.current())
        pipelines = penstock.parts.views.pipelines()
        if not pipelines:
            await penstock.epics.create(EpicWish(description=answers_to(EPIC).epic))
            pipelines = penstock.parts.views.pipelines()
        await _to_the_end(penstock, pipelines[0]["pipeline_id"])
    finally:
        await penstock.close()


async def _to_the_end(penstock: Penstock, pipeline_id: str) -> None:
    for _ in range(MOST_PHASES):
        if penstock.epics.view(pipeline_id)["status"] in ("complete", "failed"):
            return
        try:
            await penstock.epics.advance(pipeline_id)
        except ApprovalNeeded:
            await penstock.epics.approve(pipeline_id, by="test")


def forked(folder: Path, effect: Effect) -> int:
    """Work in a child of its own process group; how it ended, as waitpid says it."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            asyncio.run(work(folder, effect))
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a forked child must never go back into its parent's code
            traceback.print_exc()
            os._exit(1)
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            wait_for_group(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -99


def laid(folder: Path, address: str) -> None:
    """A project and a user's settings."""
    config = folder / "home" / ".config" / "penstock"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(SETTINGS.format(address=address), encoding="utf-8")
    lay_sample(folder / "mill", environ(folder / "home"))


def end_of(folder: Path) -> dict[str, Any]:
    """What two ways to the end have in common."""
    penstock = build(folder=folder / "mill", environ=environ(folder / "home"))
    try:
        views = penstock.parts.views
        pipeline = views.pipelines()[0]
        seen = views.pipeline(pipeline["pipeline_id"])
        git = ["git", "-C", str(folder / "mill"), "rev-parse", f"{seen['branch']}^{{tree}}"]
        tree = subprocess.run(git, env=environ(folder / "home"), capture_output=True, text=True, check=True).stdout
        rows = views.usage(limit=10_000)
        return {
            "status": seen["status"],
            "way": [move["to"] for move in seen["phase_history"]],
            "artifacts": [
                (one["artifact_type"], one["payload"] if one["artifact_type"] != "commit_result" else None)
                for one in views.artifacts_of(seen["pipeline_id"])
            ],
            "tree": tree.strip(),
            "open attempts": [one["phase"] for one in seen["attempts"] if not one["ended_at"]],
            "reserved": [row["key"] for row in views.budgets() if row["reserved_tokens"]],
            "answered": sum(1 for row in rows if row["status"] == "ok"),
        }
    finally:
        asyncio.run(penstock.close())


def point(place: Path, at: int, wanted: dict[str, Any], asked: int) -> list[str] | None:
    """One fault point: what is wrong after it. None if the epic had ended before."""
    folder = Path(tempfile.mkdtemp(dir=place))
    laid(folder, (place / "address").read_text())
    before = size_of(place / "asked")
    code = forked(folder, killer(at, "owner"))
    if code == 0:
        return None
    if code != -signal.SIGKILL:
        return [f"point {at}: the first owner ended with {code}"]
    code = forked(folder, lambda _: None)
    if code != 0:
        return [f"point {at}: who went on ended with {code}"]
    found = end_of(folder)
    wrong = [
        f"point {at}: {name} is {found[name]} instead of {wanted[name]}"
        for name in wanted
        if name != "answered" and found[name] != wanted[name]
    ]
    more = size_of(place / "asked") - before - asked
    if not 0 <= more <= 1:  # only what was in the air when the owner died may be asked again
        wrong.append(f"point {at}: {more} answers more than without a kill")
    if not wrong:
        shutil.rmtree(folder, ignore_errors=True)
    return wrong


def size_of(file: Path) -> int:
    """How many answers the server has given."""
    return file.stat().st_size if file.exists() else 0


def main() -> None:
    """The server, and the kills."""
    place, at_most = Path(sys.argv[1]), int((*sys.argv[2:3], "100000")[0])
    place.mkdir(parents=True, exist_ok=True)
    code = SERVER.format(tests=str(TESTS), e2e=str(TESTS / "e2e"), epic=EPIC)
    with subprocess.Popen([sys.executable, "-c", code, str(place)], stdin=subprocess.PIPE) as server:
        try:
            deadline = time.monotonic() + 30
            while not (place / "address").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            print(json.dumps(tried(place, at_most)))
        finally:
            server.kill()


def tried(place: Path, at_most: int) -> dict[str, Any]:
    """The undisturbed way, then the points."""
    effects, plain = place / "effects", place / "plain"
    plain.mkdir()
    laid(plain, (place / "address").read_text())

    def note(name: str) -> None:
        with effects.open("a") as file:
            file.write(f"{name}\n")

    code = forked(plain, note)
    if code != 0:
        return {"points": 0, "killed": 0, "wrong": [f"the undisturbed epic ended with {code}"]}
    names, wanted, asked = effects.read_text().splitlines(), end_of(plain), size_of(place / "asked")
    wrong: list[str] = []
    killed = 0
    for at in spread(len(names), at_most):
        found = point(place, at, wanted, asked)
        if found is not None:
            wrong += [f"{text} ({names[at - 1]})" for text in found]
            killed += 1
    return {"points": len(names), "killed": killed, "asked": asked, "wrong": wrong}


if __name__ == "__main__":
    main()
