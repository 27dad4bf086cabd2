"""A kill of the owner at any effect of git is harmless: the same work done again ends in the same state."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from git_bench import BRANCH, Bench, git, walk_through

OWNER = """
import os, signal, sys
from contextlib import nullcontext
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from git_bench import Bench, walk_through
lock = open(Path(sys.argv[2]) / "run.lock", "w")
import fcntl
fcntl.flock(lock, fcntl.LOCK_EX)
seen = 0
def effect(name):
    global seen
    seen += 1
    if seen == int(sys.argv[3]):
        for listing in Path("/proc/self/task").glob("*/children") if sys.argv[4] == "too" else ():
            for child in listing.read_text().split():
                os.kill(int(child), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
bench = Bench(Path(sys.argv[2]), effect=effect, lent=lambda: nullcontext([lock.fileno()]))
walk_through(bench)
print(seen)
"""


def owner(bench: Bench, kill_at: int, children: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", OWNER, str(Path(__file__).parent), str(bench.root), str(kill_at), children]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def state(bench: Bench) -> dict[str, str]:
    lines = git(bench.own, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)


@pytest.mark.slow
@pytest.mark.crash
@pytest.mark.parametrize("children", ["live on", "too"])
def test_the_work_of_a_killed_owner_is_done_again_without_a_trace(tmp_path: Path, children: str) -> None:
    whole = Bench(tmp_path / "whole")
    whole.root.mkdir()
    whole.make_user()
    done = owner(whole, 0, children)
    assert done.returncode == 0, done.stderr
    effects = int(done.stdout)
    assert effects >= 30
    wanted = state(whole)
    every = int(os.environ.get("PENSTOCK_CRASH_STEP", "3"))
    for point in range(1, effects + 1, every):
        bench = Bench(tmp_path / f"at{point}")
        bench.root.mkdir()
        subprocess.run(["cp", "-a", str(whole.user), str(bench.user)], check=True)
        assert owner(bench, point, children).returncode == -signal.SIGKILL
        with (bench.root / "run.lock").open("w") as lock:
            # free only when the git children of the dead owner have ended too
            fcntl.flock(lock, fcntl.LOCK_EX)
        bench.again()
        if bench.own.exists():
            asyncio.run(bench.project.clear_stale_locks())
        found = walk_through(bench)
        assert found.tampering == ()
        after = state(bench)
        assert after[f"refs/heads/{BRANCH}"] == wanted[f"refs/heads/{BRANCH}"]
        assert found.candidate.commit in after.values()
        assert git(bench.own, "fsck", "--full", "--no-dangling") == ""
        assert list(bench.worktree.parent.iterdir()) == []
        assert not (bench.settings.home / "kept").exists()
