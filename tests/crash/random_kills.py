"""Kills runs of thirty workstreams at random instants, again and again, until each has ended. Run as a script.

    python random_kills.py FOLDER KILLS SEED

No attempt is hit three times in a row, since that fails its workstream by design. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from crash_project import batches, end_state, lost_blobs, make_project, most_lost, worktree_blobs
from crash_runner import ended_attempts, left_after_a_second, wait_for_group, work

COUNT = "30"
BOUND = 120.0


def hit(project: Path, home: Path, wait: float, mode: str) -> bool:
    """Work in a child and kill it after a while; whether it was hit before it had ended."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            asyncio.run(work(project, home, lambda _: None))
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a forked child must never go back into its parent's code
            traceback.print_exc()
            os._exit(1)
    kill_at, deadline = time.monotonic() + wait, time.monotonic() + BOUND
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            if code != 0:
                raise RuntimeError(f"a run that nobody killed ended with {code}")
            return False
        if time.monotonic() >= kill_at and unluckiest(home) < 2:
            (os.killpg if mode == "group" else os.kill)(child, signal.SIGKILL)
            os.waitpid(child, 0)
            wait_for_group(child)
            return True
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise RuntimeError(f"a run took more than {BOUND} s")


def unluckiest(home: Path) -> int:
    """How often the unluckiest attempt was lost in a row; nothing before there is a database."""
    return most_lost(home) if (home / "penstock.db").exists() and (home / "projects").exists() else 0


def one_run(folder: Path, chance: random.Random, kills: int) -> tuple[int, dict[str, object], list[str], list[int]]:
    """A run that is killed up to so many times: how often it was, its end, what was wrong, the sizes of its batches."""
    project, home = make_project(folder, COUNT), folder / "home"
    done, wrong, blobs = 0, [], {}
    while True:
        wait = chance.uniform(0.02, 2.0) if done < kills else BOUND
        if not hit(project, home, wait, chance.choice(("owner", "group"))):
            break
        done += 1
        wrong += [f"kill {done}: alive after a second: {one}" for one in left_after_a_second(home)]
        if (home / "projects").is_dir():
            blobs |= {f"{path} at kill {done}": blob for path, blob in worktree_blobs(home).items()}
    wrong += [f"lost {path}" for path in lost_blobs(home, blobs)]
    wrong += [f"{label} ended {count} times" for label, count in ended_attempts(home).items() if count > 1]
    return done, end_state(home, project, exact=False), wrong, batches(home)


def main() -> None:
    """Runs until there were as many kills as asked for."""
    place, kills, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    place.mkdir(parents=True, exist_ok=True)
    quiet = Path(tempfile.mkdtemp(dir=place))
    _, wanted, wrong, sizes = one_run(quiet, chance, 0)
    done, runs = 0, 0
    while done < kills:
        folder = Path(tempfile.mkdtemp(dir=place))
        count, found, told, merged = one_run(folder, chance, kills - done)
        done, runs, sizes = done + count, runs + 1, sizes + merged
        told += [f"{name} is {found[name]} instead of {wanted[name]}" for name in wanted if found[name] != wanted[name]]
        wrong += [f"run {runs}: {text}" for text in told]
        if not told:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"kills": done, "runs": runs, "largest_batch": max(sizes), "wrong": wrong}))


if __name__ == "__main__":
    main()
