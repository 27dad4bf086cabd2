"""Kills a run at every point between two effects and recovers it. Run as a script: it forks, so that imports cost once.

    python crash_runner.py FOLDER MODE PLAN [PART PARTS POINTS]

MODE is `owner` (SIGKILL of the owner alone) or `group` (of the owner and its git children); PLAN as `crash_project`
has them. Of the points of PART of PARTS, POINTS are tried, all by default. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psutil
from crash_points import spread
from crash_project import RUN, StillClock, batches, end_state, lost_blobs, make_project, snapshots, worktree_blobs

from penstock.bootstrap import build
from penstock.domain.errors import UserError
from penstock.submission import Submission

BOUND = 60.0
Effect = Callable[[str], None]


async def work(project: Path, home: Path, effect: Effect) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "PENSTOCK_HOME": str(home), "USER": "tester"}
    environ["PENSTOCK_CONFINE"] = os.environ.get("PENSTOCK_CONFINE", "off")
    penstock = build(folder=project, environ=environ, clock=StillClock(), effect=effect)
    try:
        penstock.projects.trust_here(penstock.projects.current())
        try:
            await penstock.parts.journal.load(RUN)
        except UserError:
            await penstock.service.submit(Submission(run_id=RUN))
        await penstock.service.work(RUN, resume=True)
    finally:
        await penstock.close()


def forked(project: Path, home: Path, effect: Effect) -> int:
    """Work in a child of its own process group; how it ended, as waitpid says it."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            asyncio.run(work(project, home, effect))
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
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -99


def wait_for_group(leader: int) -> None:
    """A killed owner's git children go on; only when they have ended is no file of theirs half written."""
    deadline = time.monotonic() + 5
    while any(_is_of_group(process, leader) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"children of {leader} still work five seconds after it was killed")
        time.sleep(0.005)


def _is_of_group(process: psutil.Process, leader: int) -> bool:
    try:
        return os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.Error):
        return False


def killer(at: int, mode: str) -> Effect:
    """An effect hook that kills at the n-th effect."""
    count = 0

    def effect(_name: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            if mode == "group":
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(10)

    return effect


def left_after_a_second(home: Path) -> list[str]:
    """Processes of this home that still live a second after the kill."""
    deadline = time.monotonic() + 1.0
    while True:
        alive = [text for process in psutil.process_iter() if (text := _of_home(process, home))]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.02)


def _of_home(process: psutil.Process, home: Path) -> str:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return ""
        environ = process.environ()
        if "PENSTOCK_ATTEMPT" in environ and environ.get("HOME") == str(home):
            return f"{process.pid} {process.cmdline()}"
    except psutil.Error:
        pass
    return ""


def kill_and_recover(folder: Path, at: int, mode: str, plan: str, wanted: dict[str, object]) -> list[str] | None:
    """One fault point: what is wrong after it. None if the run had ended before."""
    project, home = make_project(folder, plan), folder / "home"
    code = forked(project, home, killer(at, mode))
    if code == 0:
        return None
    if code != -signal.SIGKILL:
        return [f"point {at}: the first run ended with {code}"]
    wrong = [f"point {at}: alive after a second: {one}" for one in left_after_a_second(home)]
    before = worktree_blobs(home) if (home / "projects").is_dir() else {}
    code = forked(project, home, lambda _: None)
    if code != 0:
        return [*wrong, f"point {at}: recovery ended with {code}"]
    wrong += [f"point {at}: lost {path}" for path in lost_blobs(home, before)]
    found = end_state(home, project, exact=plan == "two")
    differing = [name for name in wanted if found[name] != wanted[name]]
    wrong += [f"point {at}: {name} is {found[name]} instead of {wanted[name]}" for name in differing]
    wrong += [f"point {at}: {label} ended {count} times" for label, count in ended_attempts(home).items() if count > 1]
    return wrong


def ended_attempts(home: Path) -> dict[str, int]:
    """How often the agent of each attempt ended by itself, over all repetitions of the attempt."""
    counts: dict[str, int] = {}
    for outcome in (home / "projects").glob(f"*/runs/{RUN}/*/*/outcome.json"):
        if json.loads(outcome.read_text())["ending"] == "exited":
            label = f"{outcome.parent.parent.name}/{'-'.join(outcome.parent.name.split('.')[0].split('-')[:2])}"
            counts[label] = counts.get(label, 0) + 1
    return counts


def main() -> None:
    """The undisturbed run, then the points."""
    place, mode, plan = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    part, parts, at_most = map(int, sys.argv[4:7] or ("0", "1", "100000"))
    place.mkdir(parents=True, exist_ok=True)
    effects = place / f"effects-{mode}"
    plain = Path(tempfile.mkdtemp(dir=place))
    project = make_project(plain, plan)

    def note(name: str) -> None:
        with effects.open("a") as file:
            file.write(f"{name}\n")

    code = forked(project, plain / "home", note)
    if code != 0:
        print(json.dumps({"points": 0, "killed": 0, "wrong": [f"the undisturbed run ended with {code}"]}))
        return
    names = effects.read_text().splitlines()
    wanted, plain_snapshots = end_state(plain / "home", project, exact=plan == "two"), snapshots(plain / "home")
    killed, extra, wrong, sizes = 0, 0, [], batches(plain / "home")
    for at in spread(len(names), at_most, part, parts):
        folder = Path(tempfile.mkdtemp(dir=place))
        found = kill_and_recover(folder, at, mode, plan, wanted)
        if found is None:
            continue
        wrong += [f"{text} ({names[at - 1]})" for text in found]
        killed += 1
        if not found:
            extra += snapshots(folder / "home") - plain_snapshots
            sizes += batches(folder / "home")
            shutil.rmtree(folder, ignore_errors=True)
    counted = {"points": len(names), "killed": killed, "extra_snapshots": extra, "largest_batch": max(sizes)}
    print(json.dumps({**counted, "wrong": wrong}))


if __name__ == "__main__":
    main()
